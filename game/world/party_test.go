package world_test

import (
	"slices"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
)

// TestProposal asks a player about a match, which comes to nothing, and then about another.
func TestProposal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	zone := p.run(api.Zone, service(func(*node.Node) {}))
	s := p.connect(1)
	s.enter()
	ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	proposed := &pb.PlayerProposed{Player: 1, Ticket: ticket, Match: 10, Mode: "arena", Players: 2, WithinMs: 5000}
	must(t, tell(p, api.PlayerProposed, proposed))
	if m := next[*pb.MatchProposed](s); m.GetMatch() != 10 || m.GetTicket() != ticket || m.GetWithinMs() != 5000 || m.GetPlayers() != 2 {
		t.Errorf("the client is asked %v", m)
	}
	for _, accept := range []bool{true, false} {
		if reply := ask[*pb.AnswerProposalReply](s, &pb.AnswerProposal{Match: 10, Accept: accept}); reply.GetAccepted() != accept {
			t.Errorf("after %v: %v", accept, reply)
		}
	}
	if _, err := try[*pb.AnswerProposalReply](s, &pb.AnswerProposal{Match: 11, Accept: true}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("an answer about a match that he is not asked about: %v", err)
	}
	proposed.WithinMs = 0
	must(t, tell(p, api.PlayerProposed, proposed))
	if m := next[*pb.MatchProposalEnded](s); m.GetMatch() != 10 || m.GetTicket() != ticket {
		t.Errorf("the client is told %v", m)
	}
	proposed.Ticket--
	if err := tell(p, api.PlayerProposed, proposed); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("asked by an older ticket: %v", err)
	}
	must(t, tell(p, api.PlayerMatched, &pb.PlayerMatched{Player: 1, Ticket: ticket, Match: 12, Room: 12, Zone: uint32(zone.ID()), Mode: "team", Players: []int64{1, 2, 3, 4}, Teams: 2}))
	if found := next[*pb.MatchFound](s); found.GetTeams() != 2 {
		t.Errorf("the client is told %v", found)
	}
	proposed.Ticket, proposed.WithinMs = ticket+1, 5000
	if err := tell(p, api.PlayerProposed, proposed); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("asked during a match: %v", err)
	}
}

// TestParty has what match tells of a party reach the client, and what the client wants reach match.
func TestParty(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	s := p.connect(1)
	s.enter()
	if reply := ask[*pb.AcceptPartyReply](s, &pb.AcceptParty{Party: 77}); reply.GetParty().GetParty() != 77 {
		t.Errorf("accepted: %v", reply)
	}
	ask[*pb.InviteToPartyReply](s, &pb.InviteToParty{Player: 3})
	ask[*pb.KickFromPartyReply](s, &pb.KickFromParty{Player: 3})
	ask[*pb.GetPartyReply](s, &pb.GetParty{})
	must(t, tell(p, api.PlayerParty, &pb.PlayerParty{Player: 1, Party: &pb.Party{Party: 77, Players: []int64{2, 1}}}))
	if m := next[*pb.PartyChanged](s); len(m.GetParty().GetPlayers()) != 2 {
		t.Errorf("the client is told %v", m)
	}
	must(t, tell(p, api.PlayerParty, &pb.PlayerParty{Player: 1, Ticket: 900, Mode: "team"}))
	if m := next[*pb.PartySearching](s); m.GetTicket() != 900 || m.GetMode() != "team" {
		t.Errorf("the client is told %v", m)
	}
	if reply := ask[*pb.CancelMatchReply](s, &pb.CancelMatch{}); !reply.GetCancelled() {
		t.Errorf("cancelled: %v", reply)
	}
	ask[*pb.LeavePartyReply](s, &pb.LeaveParty{})
	p.peers.locked(func() {
		var acts []pb.DoParty_Act
		for _, m := range p.peers.parties {
			acts = append(acts, m.GetAct())
			if m.GetPlayer() != 1 || m.GetEpoch() == 0 {
				t.Errorf("match was asked %v", m)
			}
		}
		if len(acts) != 5 || acts[0] != pb.DoParty_ACCEPT || acts[1] != pb.DoParty_INVITE || acts[2] != pb.DoParty_KICK || acts[3] != pb.DoParty_LOOK || acts[4] != pb.DoParty_LEAVE {
			t.Errorf("match was asked to %v", acts)
		}
		if n := len(p.peers.tickets); n != 1 || p.peers.tickets[0].GetTicket() != 900 {
			t.Errorf("tickets given back: %v", p.peers.tickets)
		}
	})
}

// TestPartySearchIsOver has a player hear of a ticket of his party when it has ended already: he gave it back before he heard of it, or was told its end first.
func TestPartySearchIsOver(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	s := p.connect(1)
	s.enter()
	searching := func(ticket int64) {
		t.Helper()
		must(t, tell(p, api.PlayerParty, &pb.PlayerParty{Player: 1, Ticket: ticket, Mode: "team"}))
	}
	p.peers.locked(func() { p.peers.orphan = true })
	if reply := ask[*pb.CancelMatchReply](s, &pb.CancelMatch{}); !reply.GetCancelled() {
		t.Fatalf("cancelled: %v", reply)
	}
	p.peers.locked(func() { p.peers.orphan, p.peers.forgotten = false, map[int64]bool{900: true, 901: true} })
	searching(900)
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Ticket: 901, Reason: "too long"}))
	searching(901)
	if reply := ask[*pb.EnterWorldReply](s, &pb.EnterWorld{}); reply.GetTicket() != 0 {
		t.Errorf("he waits with ticket %d, which has ended", reply.GetTicket())
	}
	searching(902)
	if m := next[*pb.PartySearching](s); m.GetTicket() != 902 {
		t.Errorf("the client is told %v", m)
	}
}

// TestPartyInvitations has a player hear no more invitations than what else is said to him.
func TestPartyInvitations(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	now := time.Now()
	p.known(p.run(api.World, world.New(world.Defaults(), world.WithClock(func() time.Time { return now }))).Node)
	s := p.connect(1)
	s.enter()
	heard, limited := 0, false
	for from := int64(2); from < 1000 && !limited; from++ {
		switch err := tell(p, api.PlayerParty, &pb.PlayerParty{Player: 1, Party: &pb.Party{Party: from, Players: []int64{from}}, InvitedBy: from}); {
		case err == nil:
			heard++
		case fault.CodeOf(err) == fault.RateLimited:
			limited = true
		default:
			t.Fatal(err)
		}
	}
	if !limited {
		t.Errorf("%d invitations at once are not too much", heard)
	}
	for range heard {
		next[*pb.PartyInvited](s)
	}
}

// TestPartyNewsOvertaken has a client hear of his party in the order in which it has changed, whichever way each change is told.
func TestPartyNewsOvertaken(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	s := p.connect(1)
	s.enter()
	is := func(number int64, players ...int64) {
		t.Helper()
		must(t, tell(p, api.PlayerParty, &pb.PlayerParty{Player: 1, Party: &pb.Party{Party: 77, Players: players}, Number: number}))
	}
	hears := func(players ...int64) {
		t.Helper()
		if m := next[*pb.PartyChanged](s); !slices.Equal(m.GetParty().GetPlayers(), players) {
			t.Errorf("the client is told %v, want %v", m, players)
		}
	}
	p.peers.locked(func() { p.peers.number = 5 })
	ask[*pb.AcceptPartyReply](s, &pb.AcceptParty{Party: 77})
	is(4, 2) // from before he came
	is(8, 2, 1, 3, 4)
	is(7, 2, 1, 3)
	is(9, 2, 1, 3, 4, 5)
	hears(2, 1, 3, 4)
	hears(2, 1, 3, 4, 5)
	p.peers.locked(func() { p.peers.number = 11 })
	ask[*pb.LeavePartyReply](s, &pb.LeaveParty{})
	is(10, 2, 1, 3, 4, 5, 6)
	is(12, 2, 1) // he has come again
	hears(2, 1)

	// Redis has lost its numbers, and its clock was put back.
	p.peers.locked(func() { p.peers.number = 3 })
	ask[*pb.GetPartyReply](s, &pb.GetParty{})
	is(4, 2, 1, 3)
	hears(2, 1, 3)
}

// TestPartyOutlivesAWorld has a player's next world know of his party: it passes over what is older than what the one before knew, tells his client how the party is by now if he was
// only handed over, and has him leave it when he is gone for good.
func TestPartyOutlivesAWorld(t *testing.T) {
	t.Parallel()
	asked := func(p *place) (acts []pb.DoParty_Act) {
		p.peers.locked(func() {
			for _, m := range p.peers.parties {
				acts = append(acts, m.GetAct())
			}
		})
		return acts
	}
	begin := func(p *place, change func(*world.Config)) (*life, *session) {
		one := p.world(nil)
		one.world.Pausable()
		s := p.connect(1)
		s.enter()
		p.peers.locked(func() { p.peers.number = 5 })
		ask[*pb.AcceptPartyReply](s, &pb.AcceptParty{Party: 77})
		p.reached(p.world(change))
		return one, s
	}
	t.Run("handed over", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		one, s := begin(p, nil)
		p.peers.locked(func() { p.peers.number = 7 })
		one.stop()
		if m := next[*pb.PartyChanged](s); m.GetParty().GetParty() != 77 {
			t.Errorf("the client is told %v", m)
		}
		is := func(number int64, players ...int64) {
			must(t, tell(p, api.PlayerParty, &pb.PlayerParty{Player: 1, Party: &pb.Party{Party: 77, Players: players}, Number: number}))
		}
		is(6, 2, 1)
		is(8, 2, 1, 3)
		if m := next[*pb.PartyChanged](s); len(m.GetParty().GetPlayers()) != 3 {
			t.Errorf("the client is told %v", m)
		}
	})
	t.Run("gone for good", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		one, s := begin(p, func(c *world.Config) { c.Linger = 20 * time.Millisecond })
		one.stop()
		next[*pb.PartyChanged](s)
		_ = s.Close()
		p.eventually("the player has left", func() bool { return p.owner(1) == 0 })
		if acts := asked(p); acts[len(acts)-1] != pb.DoParty_LEAVE {
			t.Errorf("match was asked to %v", acts)
		}
	})
	t.Run("gone when his world stops", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		one, s := begin(p, nil)
		_ = s.Close()
		p.eventually("the world knows that his client is gone", func() bool {
			_, err := api.PlayerReady.Call(t.Context(), p.gate.node.RPC(), &pb.PlayerReady{Player: 1})
			return fault.CodeOf(err) == fault.FailedPrecondition
		})
		one.stop()
		if acts := asked(p); acts[len(acts)-1] != pb.DoParty_LEAVE {
			t.Errorf("match was asked to %v", acts)
		}
	})
	t.Run("came again", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		one, s := begin(p, nil)
		one.world.Save(t, 1)
		p.crash(one)
		s.reset()
		s.enter()
		must(t, tell(p, api.PlayerParty, &pb.PlayerParty{Player: 1, Party: &pb.Party{Party: 77, Players: []int64{2}}, Number: 4})) // from before he came
		must(t, tell(p, api.PlayerParty, &pb.PlayerParty{Player: 1, Party: &pb.Party{}, Number: 9}))
		if m := next[*pb.PartyChanged](s); m.GetParty().GetParty() != 0 {
			t.Errorf("the client is told %v", m)
		}
	})
}
