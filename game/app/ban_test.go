package app_test

import (
	"context"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/account"
	"loumiao/robot/client"
)

// ban stores a sanction of a ticket's account, as an operator's command has it stored, and returns where it is and its number.
func (s *stack) ban(t *testing.T, ticket *client.Ticket) (*account.Store, int64) {
	t.Helper()
	sql, err := storetest.Open(t, store.Config{DataDir: s.dir}).SQL("account")
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.New(sql, id.NewGenerator(1000, nil), nil)
	sanction, err := accounts.Impose(t.Context(), account.ID(ticket.Account), account.Sanction{Reason: "aimbot", Author: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return accounts, sanction
}

// TestABanIsInForceAtOnce bans a player who is online: he is sent away and told why, his token opens no gate any more, and he gets no new one.
func TestABanIsInForceAtOnce(t *testing.T) {
	requires(t, "public", "account")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, quick)}
	s.up(t)
	ticket, err := s.ticket(t.Context(), "banned")
	if err != nil {
		t.Fatal(err)
	}
	addr := address(ticket.Gates[0], false)
	p := s.connectTo(t, ticket, addr, s.options)
	p.enter()
	bystander := s.connect(t, "bystander", false)

	accounts, sanction := s.ban(t, ticket)
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Fatal("a banned player plays on")
	}
	if err := p.Err(); fault.CodeOf(err) != fault.Forbidden || err.Error() != "forbidden: this account is blocked: aimbot" {
		t.Errorf("a banned player is told %v", err)
	}
	again := func() error {
		opts := s.options
		opts.LogIn = func(context.Context, client.Ask) (string, error) { return ticket.Token, nil }
		p, err := s.tryConnect(t, addr, opts)
		if err == nil {
			_ = p.Close()
		}
		return err
	}
	if err := again(); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("the banned player's token: %v", err)
	}
	if _, err := s.ticket(t.Context(), "banned"); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("the banned player logs in: %v", err)
	}
	if _, err := s.login.Refresh(t.Context(), ticket.Refresh); err == nil {
		t.Error("the banned player's login goes on")
	}
	if bystander.Err() != nil {
		t.Errorf("somebody else is sent away: %v", bystander.Err())
	}
	if list, err := accounts.Sanctions(t.Context(), account.ID(ticket.Account)); err != nil || len(list) != 1 || list[0].ID != sanction {
		t.Errorf("sanctions: %+v, %v", list, err)
	}
}

// TestABanAfterRedisForgot bans a player of whom Redis does not know any more where he is: he is sent away all the same.
func TestABanAfterRedisForgot(t *testing.T) {
	requires(t, "account")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, quick)}
	s.up(t)
	ticket, err := s.ticket(t.Context(), "banned")
	if err != nil {
		t.Fatal(err)
	}
	p := s.connectTo(t, ticket, address(ticket.Gates[0], false), s.options)
	p.enter()
	s.forget(t)
	s.ban(t, ticket)
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Fatal("a banned player plays on")
	}
	if err := p.Err(); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("a banned player is told %v", err)
	}
}
