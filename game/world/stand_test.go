package world_test

import (
	"testing"
	"time"

	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
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

// TestTicketEndsMeanwhile has a player come again after his world has died: he waits if his ticket is still there, and not if it has ended while nobody had him.
func TestTicketEndsMeanwhile(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	quiet := func(c *world.Config) { c.ReportEvery = 5 * time.Second } // longer than the test looks
	one := p.world(quiet)
	stays, ends := p.connect(1), p.connect(2)
	for _, s := range []*session{stays, ends} {
		s.enter()
		ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"})
	}
	p.crash(one)
	p.peers.locked(func() { p.peers.forgotten[502] = true })
	p.world(quiet)
	stays.reset()
	ends.reset()
	if reply := stays.enter(); reply.GetTicket() != 501 {
		t.Errorf("whose ticket is still there waits with %d", reply.GetTicket())
	}
	if reply := ends.enter(); reply.GetTicket() != 0 {
		t.Errorf("whose ticket has ended waits with %d", reply.GetTicket())
	}
}
