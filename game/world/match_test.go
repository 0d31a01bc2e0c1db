package world_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
)

// tell calls the player's owner, as match and zone do.
func tell[M proto.Message](p *place, method rpc.KeyedDef[api.PlayerID, M, *pb.Done], m M) error {
	_, err := method.Call(p.t.Context(), p.gate.node.RPC(), m)
	return err
}

// must is a call that succeeds.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestFill puts a player on the seat of one who has left: his match is then the room's, and comes to an end like any other, or to nothing when he does not come in time.
func TestFill(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	zone := p.run(api.Zone, service(func(*node.Node) {}))
	s := p.connect(1)
	s.enter()
	fill := func(room int64) *pb.PlayerMatched {
		ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
		m := &pb.PlayerMatched{Player: 1, Ticket: ticket, Match: room, Room: room, Zone: uint32(zone.ID()), Mode: "arena", Players: []int64{2, 1}, Fill: true}
		must(t, tell(p, api.PlayerMatched, m))
		if found := next[*pb.MatchFound](s); found.GetMatch() != room || !found.GetFill() {
			t.Errorf("the client is told %v", found)
		}
		return m
	}
	fill(10)
	if again := ask[*pb.EnterWorldReply](s, &pb.EnterWorld{}).GetMatch(); again.GetMatch() != 10 || !again.GetFill() {
		t.Errorf("entering again during the match: %v", again)
	}
	must(t, tell(p, api.PlayerFinished, &pb.PlayerFinished{Player: 1, Result: &pb.MatchResult{Match: 10, Place: 2}}))
	if ended := next[*pb.MatchEnded](s); ended.GetResult().GetMatch() != 10 {
		t.Errorf("the client is told %v", ended)
	}
	late := fill(11)
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Match: 11, Reason: "the seat was not taken up in time"}))
	if aborted := next[*pb.MatchAborted](s); aborted.GetTicket() != late.GetTicket() {
		t.Errorf("the client is told %v", aborted)
	}
	must(t, tell(p, api.PlayerMatched, late)) // by the next holder of the fill
	fill(12)
}

// TestMatch goes through a player's matches, with everything told twice and what is not his in between.
func TestMatch(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	zone := p.run(api.Zone, service(func(*node.Node) {}))
	s := p.connect(1)
	if err := tell(p, api.PlayerMatched, &pb.PlayerMatched{Player: 1, Match: 9}); fault.CodeOf(err) != fault.NotOwner {
		t.Errorf("telling a player who is nowhere: %v", err)
	}
	s.enter()
	if reply := ask[*pb.CancelMatchReply](s, &pb.CancelMatch{}); reply.GetCancelled() {
		t.Error("a ticket is cancelled that was never taken")
	}

	// A match that comes to its end.
	ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	matched := &pb.PlayerMatched{Player: 1, Ticket: ticket, Match: 10, Room: 10, Zone: uint32(zone.ID()), Mode: "arena", Players: []int64{1, 2}}
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Ticket: ticket + 1, Reason: "somebody else's"}))
	older := &pb.PlayerMatched{Player: 1, Ticket: ticket - 1, Match: 8, Zone: uint32(zone.ID()), Mode: "arena"}
	if err := tell(p, api.PlayerMatched, older); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("told late of a match by an older ticket: %v", err)
	}
	must(t, tell(p, api.PlayerMatched, matched))
	must(t, tell(p, api.PlayerMatched, matched))
	if found := next[*pb.MatchFound](s); found.GetMatch() != 10 || found.GetRoom() != 10 || len(found.GetPlayers()) != 2 {
		t.Errorf("the client is told %v", found)
	}
	if _, err := try[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("starting a match during a match: %v", err)
	}
	other := proto.CloneOf(matched)
	other.Match, other.Ticket = 11, ticket+1
	if err := tell(p, api.PlayerMatched, other); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("a second match at the same time: %v", err)
	}
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Match: 11, Reason: "somebody else's"}))
	if reply := ask[*pb.EnterWorldReply](s, &pb.EnterWorld{}); reply.GetMatch().GetMatch() != 10 {
		t.Errorf("entering again during a match: %v", reply)
	}
	finished := &pb.PlayerFinished{Player: 1, Result: &pb.MatchResult{Match: 10, Place: 1}}
	must(t, tell(p, api.PlayerFinished, finished))
	must(t, tell(p, api.PlayerFinished, finished))
	must(t, tell(p, api.PlayerMatched, matched)) // late, of the match that has ended
	if ended := next[*pb.MatchEnded](s); ended.GetResult().GetMatch() != 10 || ended.GetProfile().GetPlayer() != 1 {
		t.Errorf("the client is told %v", ended)
	}

	// A ticket that comes to nothing.
	ticket = ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Ticket: ticket, Reason: "too long"}))
	if aborted := next[*pb.MatchAborted](s); aborted.GetTicket() != ticket || aborted.GetReason() != "too long" {
		t.Errorf("the client is told %v", aborted)
	}

	// A match that its zone aborts; it knows no tickets.
	ticket = ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	matched.Match, matched.Ticket = 12, ticket
	must(t, tell(p, api.PlayerMatched, matched))
	next[*pb.MatchFound](s)
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Match: 12, Reason: "nobody came"}))
	if aborted := next[*pb.MatchAborted](s); aborted.GetTicket() != ticket {
		t.Errorf("the client is told %v", aborted)
	}

	// A match whose zone goes away.
	matched.Match = 13
	must(t, tell(p, api.PlayerMatched, matched))
	next[*pb.MatchFound](s)
	zone.stop()
	aborted := next[*pb.MatchAborted](s)
	if aborted.GetTicket() != ticket || aborted.GetReason() == "" {
		t.Errorf("the client is told %v", aborted)
	}
	if state := p.peers.state(1); !strings.Contains(state, `"matches":1,"wins":1},"ended":[11,10,12,13]}`) {
		t.Errorf("he is told of matches and their ends, and stored as %s", state)
	}
	ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"})
}

// TestCancel has a player hear the truth about a ticket that he gives back, and keep it while nobody knows.
func TestCancel(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	s := p.connect(1)
	s.enter()
	answer := func(late bool, err error) {
		p.peers.locked(func() { p.peers.late, p.peers.leave, p.peers.tickets = late, err, nil })
	}
	cancel := func() (cancelled bool, err error) {
		r, err := try[*pb.CancelMatchReply](s, &pb.CancelMatch{})
		return r.GetCancelled(), err
	}
	asked := func() (ticket int64) { // for which, at last; 0: for any
		p.peers.locked(func() {
			if n := len(p.peers.tickets); n > 0 {
				ticket = p.peers.tickets[n-1].GetTicket()
			}
		})
		return ticket
	}
	for _, test := range []struct {
		name      string
		late      bool
		err       error
		cancelled bool
		code      fault.Code
		keeps     bool // the ticket
	}{
		{name: "in time", cancelled: true},
		{name: "too late", late: true, keeps: true},
		{name: "forgotten", err: fault.New(fault.NotFound, "no such ticket"), cancelled: true},
		{name: "not known", err: fault.New(fault.Lost, "no answer"), code: fault.Lost, keeps: true},
	} {
		ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
		answer(test.late, test.err)
		cancelled, err := cancel()
		if cancelled != test.cancelled || fault.CodeOf(err) != test.code {
			t.Errorf("%s: the player is told %v, %v", test.name, cancelled, err)
		}
		p.peers.locked(func() {
			for _, m := range p.peers.tickets {
				if m.GetTicket() != ticket || m.GetPlayer() != 1 || m.GetArea() != 1 {
					t.Errorf("%s: match was asked %v", test.name, m)
				}
			}
		})
		before := asked()
		answer(false, nil)
		cancelled, err = cancel()
		if keeps := asked() == ticket; keeps != test.keeps || cancelled != keeps || err != nil || before != ticket {
			t.Errorf("%s: the player keeps his ticket: %v, %v, %v", test.name, keeps, cancelled, err)
		}
	}
	// The answer to a wish was lost, and so was its ticket's number.
	p.peers.locked(func() { p.peers.orphan = true })
	if cancelled, err := cancel(); !cancelled || err != nil {
		t.Errorf("a ticket that the world does not know: %v, %v", cancelled, err)
	}
}

// TestResultAfterTheEnd has a match end for a player before its zone, which was paused, stores its result after all: he is told what he has by it.
func TestResultAfterTheEnd(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	s := p.connect(1)
	s.enter()
	ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	must(t, tell(p, api.PlayerMatched, &pb.PlayerMatched{Player: 1, Ticket: ticket, Match: 10, Zone: 9, Mode: "arena"}))
	next[*pb.MatchFound](s)
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Match: 10, Reason: "its zone is gone"}))
	next[*pb.MatchAborted](s)
	p.peers.locked(func() { p.peers.players[1].Profile.Rating = 1520 })
	for range 2 {
		must(t, tell(p, api.PlayerFinished, &pb.PlayerFinished{Player: 1, Result: &pb.MatchResult{Match: 10, Place: 1}}))
	}
	if changed := next[*pb.ProfileChanged](s); changed.GetProfile().GetRating() != 1520 {
		t.Errorf("the client is told %v", changed)
	}
	ask[*pb.GetProfileReply](s, &pb.GetProfile{})
	if n := len(s.pushes); n != 0 {
		t.Errorf("the client is told %d times more", n)
	}
}

// TestOver has a player hear of no match that is over for him, in whatever order he is told.
func TestOver(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(func(c *world.Config) { c.SaveEvery = 20 * time.Millisecond })
	s := p.connect(1)
	s.enter()
	ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	matched := func(match int64) {
		t.Helper()
		must(t, tell(p, api.PlayerMatched, &pb.PlayerMatched{Player: 1, Ticket: ticket, Match: match, Zone: 9, Mode: "arena"}))
	}
	unmatched := func(match int64) {
		t.Helper()
		must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Match: match, Reason: "nobody came"}))
	}
	finished := func(match int64) {
		t.Helper()
		must(t, tell(p, api.PlayerFinished, &pb.PlayerFinished{Player: 1, Result: &pb.MatchResult{Match: match, Place: 1}}))
	}
	// Each is told again after the next one, when its own answer may have been lost.
	matched(10)
	unmatched(10)
	matched(10)
	unmatched(11) // before it was told
	matched(11)
	matched(12)
	finished(12)
	matched(13)
	finished(13)
	finished(12)
	matched(12)
	finished(14) // before it was told
	matched(14)
	matched(15)

	next[*pb.MatchFound](s) // 10
	next[*pb.MatchAborted](s)
	for _, match := range []int64{12, 13} {
		if found := next[*pb.MatchFound](s); found.GetMatch() != match {
			t.Fatalf("the client is told of match %d before %d", found.GetMatch(), match)
		}
		if ended := next[*pb.MatchEnded](s); ended.GetResult().GetMatch() != match {
			t.Fatalf("the client is told the end of %d before %d", ended.GetResult().GetMatch(), match)
		}
	}
	if ended := next[*pb.MatchEnded](s); ended.GetResult().GetMatch() != 14 {
		t.Fatalf("the client is told the end of %d before 14", ended.GetResult().GetMatch())
	}
	if found := next[*pb.MatchFound](s); found.GetMatch() != 15 {
		t.Fatalf("the client is told of match %d before 15", found.GetMatch())
	}
	finished(15)
	next[*pb.MatchEnded](s)
	p.eventually("four matches are counted", func() bool { return strings.Contains(p.peers.state(1), `"matches":4,"wins":4`) })

	// match knows a match by its tickets.
	matched(16)
	next[*pb.MatchFound](s)
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Ticket: ticket, Reason: "given up"}))
	next[*pb.MatchAborted](s)
	matched(16)

	// Who is given the ticket of a match that he has left already is told, or he would wait for ever.
	ticket = ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	matched(15)
	if aborted := next[*pb.MatchAborted](s); aborted.GetTicket() != ticket {
		t.Errorf("the client is told %v", aborted)
	}
}
