package app_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"loumiao/game/pb"
	"loumiao/robot/client"
)

// A secondGate is one more that has joined a stack.
type secondGate struct {
	client.Address
	end func() // ends it in the way of the test
}

// TestResume has the gate of a player end in the middle of his match. He comes back by the other one and finds everything: the greetings that were on their
// way, each counted once and in order, and the end of the match, told once.
func TestResume(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	for name, test := range map[string]struct {
		join      func(*testing.T, *stack) (end func())
		webSocket bool
	}{
		"stopped": {stoppedGate, true},
		"killed":  {killedGate, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stack{dir: t.TempDir(), config: configFile(t, strings.Replace(quick, "match_seconds: 1", "match_seconds: 4", 1))}
			s.up(t, "--debug") // so that on a busy machine nobody but the gate is taken for dead
			gate := s.secondGate(t, test.join)
			resumed := make(chan struct{}, 100)
			one := s.returning(t, "one", gate.Address, test.webSocket, resumed)
			two := s.returning(t, "two", s.otherGate(t, gate), !test.webSocket, nil)
			players := []*player{one, two}
			before := map[*player]map[string]int64{}
			for _, p := range players {
				p.enter()
				before[p] = p.ledger()
				ask[*pb.StartMatchReply](p, &pb.StartMatch{Mode: "arena"})
			}
			for _, p := range players {
				found := await[*pb.MatchFound](p)
				ask[*pb.JoinRoomReply](p, &pb.JoinRoom{Room: found.GetRoom()})
			}
			await[*pb.Snapshot](one)

			var greetings []func(context.Context) (*pb.GreetReply, error)
			greet := func() {
				for range 5 {
					wait, err := client.Start[*pb.GreetReply](one.Conn, &pb.Greet{Greeting: "Hello"})
					if err != nil {
						t.Fatal(err)
					}
					greetings = append(greetings, wait)
				}
			}
			greet() // which may be taken and answered, or not, when the gate ends
			gate.end()
			greet()
			select {
			case <-resumed:
			case <-one.Done():
				t.Fatalf("the session has ended: %v", one.Err())
			case <-time.After(patience):
				t.Fatal("the session does not go on")
			}
			greet()
			for i, wait := range greetings {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				reply, err := wait(ctx)
				cancel()
				if err != nil || reply.GetCount() != int64(i+1) {
					t.Errorf("greeting %d is counted as %d, %v", i+1, reply.GetCount(), err)
				}
			}
			for _, p := range players {
				ended := await[*pb.MatchEnded](p)
				ledger := p.ledger()
				if !maps.Equal(ledger, ended.GetProfile().GetWallet()) {
					t.Errorf("player %d: the ledger adds up to %v, and he was told %v", p.id, ledger, ended.GetProfile().GetWallet())
				}
				for currency, amount := range ended.GetResult().GetReward() {
					if got := ledger[currency] - before[p][currency]; got != amount {
						t.Errorf("player %d: the match gave %d %s and %d were told", p.id, got, currency, amount)
					}
				}
				if again := ask[*pb.GetMatchesReply](p, &pb.GetMatches{}).GetMatches(); len(again) != 1 {
					t.Errorf("player %d: the history is %v", p.id, again)
				}
				for len(p.pushes) > 0 {
					if m, ok := (<-p.pushes).(*pb.MatchEnded); ok {
						t.Errorf("player %d is told the end again: %v", p.id, m)
					}
				}
			}
			for _, p := range players {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}
			s.stop(t)
		})
	}
}

// secondGate adds a gate to the stack's one.
func (s *stack) secondGate(t *testing.T, join func(*testing.T, *stack) (end func())) secondGate {
	t.Helper()
	first := s.gates(t, 1)
	end := join(t, s)
	for _, gate := range s.gates(t, 2) {
		if gate != first[0] {
			return secondGate{gate, end}
		}
	}
	t.Fatal("the second gate is the first")
	return secondGate{}
}

// otherGate is the one that is not gate.
func (s *stack) otherGate(t *testing.T, gate secondGate) client.Address {
	t.Helper()
	gates := s.gates(t, 2)
	return gates[(slices.Index(gates, gate.Address)+1)%2]
}

// gates is what the login offers when it knows of so many.
func (s *stack) gates(t *testing.T, n int) []client.Address {
	t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		ticket, err := s.ticket(t.Context(), "of nobody in particular")
		if err != nil {
			t.Fatalf("log in: %v", err)
		}
		if len(ticket.Gates) == n {
			return ticket.Gates
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("the login names the gates %v; there are %d", ticket.Gates, n)
		}
	}
}

// returning is a player who comes back to his session by any gate.
func (s *stack) returning(t *testing.T, device string, gate client.Address, webSocket bool, resumed chan<- struct{}) *player {
	t.Helper()
	ticket, err := s.ticket(t.Context(), device)
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	return s.connectTo(t, ticket, address(gate, webSocket), client.Options{
		JSON: webSocket,
		Reconnect: func(ctx context.Context, attempt int, _ error) (string, string, error) {
			ticket, err := s.ticket(ctx, device)
			if err != nil {
				return "", "", err
			}
			if len(ticket.Gates) == 0 {
				return "", "", fmt.Errorf("attempt %d: there is no gate", attempt)
			}
			return address(ticket.Gates[attempt%len(ticket.Gates)], webSocket), ticket.Token, nil
		},
		OnResume: func(time.Duration) { resumed <- struct{}{} },
	})
}

// stoppedGate joins the stack with a gate that is stopped as Ctrl-C does.
func stoppedGate(t *testing.T, s *stack) (end func()) {
	t.Helper()
	gate := begin(t, []string{"GAME_DATA_DIR=" + s.dir}, "run", "gate", "--join", "--debug", "--config", s.config)
	return func() { gate.stop(t) }
}

// killedGate joins the stack with a gate in a process of its own, which is killed.
func killedGate(t *testing.T, s *stack) (end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "run", "gate", "--join", "--debug", "--config", s.config)
	cmd.Env = append(os.Environ(), envProgram+"=1", "GAME_DATA_DIR="+s.dir)
	cmd.Stderr = s.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	t.Cleanup(kill)
	return kill
}
