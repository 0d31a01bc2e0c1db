package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

// sentAway is why a player's connection was ended.
func (p *player) sentAway() error {
	p.t.Helper()
	select {
	case <-p.Done():
	case <-time.After(patience):
		p.t.Fatal("a player who may not stay plays on")
	}
	return p.Err()
}

// tokenOpens is why a gate refuses a token.
func (s *stack) tokenOpens(t *testing.T, ticket *client.Ticket) error {
	opts := s.options
	opts.LogIn = func(context.Context, client.Ask) (string, error) { return ticket.Token, nil }
	p, err := s.tryConnect(t, address(ticket.Gates[0], false), opts)
	if err == nil {
		_ = p.Close()
	}
	return err
}

// TestPlaytimeEndsASession has a player whose minute of the day is over sent away while he plays, and kept out.
func TestPlaytimeEndsASession(t *testing.T) {
	requires(t, "account")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, quick+`
policy: {enabled: true, unverified: minor, playtime: {daily: 1s, from: 0, to: 24}}
`)}
	s.up(t)
	ticket, err := s.ticket(t.Context(), "minor")
	if err != nil {
		t.Fatal(err)
	}
	p := s.connectTo(t, ticket, address(ticket.Gates[0], false), s.options)
	p.enter()
	const why = "minors may play for 1s a day"
	for what, err := range map[string]error{"in the game": p.sentAway(), "at the gate": s.tokenOpens(t, ticket)} {
		if fault.CodeOf(err) != fault.Forbidden || !strings.Contains(err.Error(), why) {
			t.Errorf("%s he is told %v", what, err)
		}
	}
	if _, err := s.ticket(t.Context(), "minor"); fault.CodeOf(err) != fault.Forbidden || !strings.Contains(err.Error(), why) {
		t.Errorf("at the login he is told %v", err)
	}
}

// TestAnEndedLoginEndsItsSession ends logins of an account by HTTP: the session of one goes, that of another stays.
func TestAnEndedLoginEndsItsSession(t *testing.T) {
	requires(t, "account")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, quick)}
	s.up(t)
	log := func() *client.Ticket {
		t.Helper()
		ticket, err := s.ticket(t.Context(), "two-logins")
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	var list struct {
		Logins []struct{ ID string }
	}
	call := func(ticket *client.Ticket, method, path, body string, into any) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.login.Base+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+ticket.Token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := s.login.HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode == http.StatusOK {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	first := log()
	if status := call(first, "GET", "/v1/logins", "", &list); status != 200 || len(list.Logins) != 1 {
		t.Fatalf("%d: %+v", status, list)
	}
	older := list.Logins[0].ID
	second := log()
	p := s.connectTo(t, second, address(second.Gates[0], false), s.options)
	p.enter()
	if status := call(second, "GET", "/v1/logins", "", &list); status != 200 || len(list.Logins) != 2 {
		t.Fatalf("%d: %+v", status, list)
	}
	if status := call(second, "DELETE", "/v1/logins/"+older, "", &list); status != 200 || len(list.Logins) != 1 {
		t.Fatalf("%d: %+v", status, list)
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); call(first, "GET", "/v1/logins", "", &list) != http.StatusUnauthorized; <-tick.C { // until account nodes have seen it
		if time.Now().After(deadline) {
			t.Fatal("the token of a login that was ended is good")
		}
	}
	if err := s.tokenOpens(t, first); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the token of a login that was ended: %v", err)
	}
	ask[*pb.GetLedgerReply](p, &pb.GetLedger{Limit: 1}) // the other login's session goes on
	if status := call(second, "DELETE", "/v1/logins", "", &list); status != 200 || len(list.Logins) != 0 {
		t.Fatalf("%d: %+v", status, list)
	}
	if err := p.sentAway(); fault.CodeOf(err) != fault.Unauthenticated || !strings.Contains(err.Error(), "this login was ended") {
		t.Errorf("he is told %v", err)
	}
	if err := s.tokenOpens(t, second); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the token of a login that was ended: %v", err)
	}
}
