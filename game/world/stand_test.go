package world_test

import (
	"testing"

	"loumiao/game/api"
	"loumiao/game/pb"
)

// TestStand has a world stand for the tickets of its players, as long as they wait, and a player hear that his is gone when nobody has told him.
func TestStand(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	one := p.world(nil)
	s, other := p.connect(1), p.connect(2)
	s.enter()
	other.enter()
	stood := func(ticket int64) (n int) {
		p.peers.locked(func() { n = p.peers.stood[ticket] })
		return n
	}
	again := func(ticket int64) {
		t.Helper()
		was := stood(ticket)
		p.eventually("the world stands for the ticket", func() bool { return stood(ticket) > was+1 })
	}
	ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	others := ask[*pb.StartMatchReply](other, &pb.StartMatch{Mode: "arena"}).GetTicket()
	again(ticket)
	again(others)

	p.peers.locked(func() { p.peers.forgotten[ticket] = true })
	if aborted := next[*pb.MatchAborted](s); aborted.GetTicket() != ticket || aborted.GetReason() == "" {
		t.Errorf("the client is told %v", aborted)
	}
	if reply := ask[*pb.CancelMatchReply](s, &pb.CancelMatch{}); reply.GetCancelled() {
		t.Error("he still has the ticket")
	}
	was := stood(ticket)
	again(others)
	if now := stood(ticket); now > was+1 { // one may have been on its way
		t.Errorf("the world has stood %d times for a ticket that is gone", now-was)
	}

	// Whoever comes back to another world waits on.
	p.crash(one)
	other.reset()
	p.world(nil)
	p.connect(2).enter()
	again(others)
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 2, Ticket: others, Reason: "too long"}))
}
