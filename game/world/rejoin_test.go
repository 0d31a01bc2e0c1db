package world_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
)

// TestRejoin has a player's world die while he is in a match: the next one brings him back into it, or tells him how it has ended, and counts that once,
// whoever tells it again.
func TestRejoin(t *testing.T) {
	t.Parallel()
	result := &pb.MatchResult{Match: 10, Place: 1}
	for _, test := range []struct {
		name    string
		here    bool              // the zone has the room
		gone    bool              // there is no such zone
		history []*pb.MatchResult // of the player, in db
		ended   bool              // he is told the end, and otherwise that it came to nothing
	}{
		{name: "the battle is on", here: true, history: []*pb.MatchResult{{Match: 9}}},
		{name: "it was over when nobody had him", history: []*pb.MatchResult{{Match: 11}, result, {Match: 9}}, ended: true},
		{name: "it came to nothing", history: []*pb.MatchResult{{Match: 9}}},
		{name: "its zone is gone", gone: true},
		{name: "its zone is gone after the end", gone: true, history: []*pb.MatchResult{result}, ended: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			zone := p.run(api.Zone, p.peers.zone())
			one := p.world(nil)
			s := p.connect(1)
			s.enter()
			ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
			must(t, tell(p, api.PlayerMatched, &pb.PlayerMatched{
				Player: 1, Ticket: ticket, Match: 10, Room: 10, Zone: uint32(zone.ID()), Mode: "arena", Players: []int64{1, 2},
			}))
			found := next[*pb.MatchFound](s)
			ask[*pb.JoinRoomReply](s, &pb.JoinRoom{Room: 10})

			p.crash(one)
			s.reset()
			p.peers.locked(func() { p.peers.history, p.peers.rooms[10] = test.history, test.here })
			if test.gone {
				zone.stop()
				p.eventually("the gate knows that the zone is gone", func() bool {
					_, there := p.gate.node.Cluster().Snapshot().Node(zone.ID())
					return !there
				})
			}
			p.world(func(c *world.Config) { c.SaveEvery = 20 * time.Millisecond })
			again := p.connect(1) // and not where the gate still knows of the zone
			reply := again.enter()
			matches := `"matches":1,"wins":1`
			switch m := reply.GetMatch(); {
			case test.here:
				if m.GetMatch() != 10 || m.GetRoom() != found.GetRoom() || m.GetMode() != "arena" || len(m.GetPlayers()) != 2 {
					t.Fatalf("he comes back to the match %v", m)
				}
				if joined := ask[*pb.JoinRoomReply](again, &pb.JoinRoom{Room: m.GetRoom()}); joined.GetRoom() != 10 {
					t.Errorf("he joins the room %v", joined)
				}
				if _, err := try[*pb.StartMatchReply](again, &pb.StartMatch{Mode: "arena"}); fault.CodeOf(err) != fault.FailedPrecondition {
					t.Errorf("starting a match during a match: %v", err)
				}
				must(t, tell(p, api.PlayerFinished, &pb.PlayerFinished{Player: 1, Result: result}))
				next[*wirepb.Reset](again) // of the zone, where he has been
				next[*pb.MatchEnded](again)
			case m != nil:
				t.Fatalf("he comes back to the match %v", m)
			case test.ended:
				if ended := next[*pb.MatchEnded](again); ended.GetResult().GetMatch() != 10 {
					t.Fatalf("he is told the end of %v", ended)
				}
			default:
				if aborted := next[*pb.MatchAborted](again); aborted.GetTicket() != ticket {
					t.Fatalf("he is told %v", aborted)
				}
				matches = `"matches":0,"wins":0`
			}
			// Whatever is told again changes nothing, at this world or the next.
			must(t, tell(p, api.PlayerFinished, &pb.PlayerFinished{Player: 1, Result: result}))
			if count := again.greet(); count != 1 {
				t.Errorf("the first greeting is counted as %d", count)
			}
			p.eventually("it is counted once", func() bool { return strings.Contains(p.peers.state(1), matches) })
			select {
			case m := <-again.pushes:
				t.Errorf("he is told again: %v", m)
			default:
			}
		})
	}
}

// found has player 1 look for a match and be told of one, 10, in a room of that zone. It returns his ticket.
func (p *place) found(s *session, zone *life) int64 {
	p.t.Helper()
	ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	must(p.t, tell(p, api.PlayerMatched, &pb.PlayerMatched{Player: 1, Ticket: ticket, Match: 10, Room: 10, Zone: uint32(zone.ID()), Mode: "arena"}))
	next[*pb.MatchFound](s)
	return ticket
}

// TestLostRoom has a player be told of a match whose zone has died and come back since, without the room. That keeps him from no other match.
func TestLostRoom(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	zone := p.run(api.Zone, p.peers.zone())
	p.world(nil)
	s := p.connect(1)
	s.enter()
	ticket := p.found(s, zone)
	p.peers.locked(func() { p.peers.rooms[10] = true })
	if _, err := try[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("starting a match during a match: %v", err)
	}
	p.peers.locked(func() { p.peers.rooms[10] = false })
	p.eventually("he may have another match", func() bool {
		_, err := try[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"})
		return err == nil
	})
	if aborted := next[*pb.MatchAborted](s); aborted.GetTicket() != ticket {
		t.Errorf("he is told %v", aborted)
	}
}

// TestZoneDiesAfterTheEnd has a zone store a match's result and die before it tells anybody: the player hears the result from his world, as soon as db can say it, and it is counted.
func TestZoneDiesAfterTheEnd(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	zone := p.run(api.Zone, p.peers.zone())
	p.world(nil)
	s := p.connect(1)
	s.enter()
	p.found(s, zone)
	result := &pb.MatchResult{Match: 10, Place: 1}
	p.peers.locked(func() {
		p.peers.history, p.peers.reading = []*pb.MatchResult{result}, fault.New(fault.Unavailable, "not now")
	})
	zone.stop()
	if m := ask[*pb.EnterWorldReply](s, &pb.EnterWorld{}).GetMatch(); m.GetMatch() != 10 {
		t.Errorf("while nobody can say what has become of his match he is in %v", m)
	}
	p.peers.locked(func() { p.peers.reading = nil })
	if ended := next[*pb.MatchEnded](s); ended.GetResult().GetMatch() != 10 {
		t.Errorf("he is told the end of %v", ended)
	}
	if state := p.peers.state(1); !strings.Contains(state, `"matches":1,"wins":1`) {
		t.Errorf("he is stored as %s", state)
	}
}

// TestLongMatch has a player come back into a battle that lasts longer than most, as long as its zone has it. Whose zone says nothing is free by then.
func TestLongMatch(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		t.Run(fmt.Sprintf("silent: %v", silent), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			zone := p.run(api.Zone, p.peers.zone())
			if silent {
				zone = p.run(api.Log, service(func(*node.Node) {})) // which is none
			}
			p.world(nil)
			p.peers.locked(func() {
				p.peers.rooms[10] = true
				state := fmt.Sprintf(`{"match":{"id":10,"room":10,"zone":%d,"mode":"arena","began":%d}}`, zone.ID(), time.Now().Add(-time.Hour).UnixMilli())
				p.peers.players[1] = &pb.PlayerRecord{Profile: &pb.Profile{Player: 1}, State: []byte(state), Schema: world.Schema}
			})
			s := p.connect(1)
			for range 2 {
				if m := s.enter().GetMatch(); (m.GetMatch() == 10) == silent {
					t.Errorf("he comes back into the match %v", m)
				}
			}
		})
	}
}

// TestLeaver has a player whose seat in a battle is another's now fight elsewhere while that goes on. He is told its result when it is there, once, and it is counted.
func TestLeaver(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	zone := p.run(api.Zone, p.peers.zone())
	p.world(func(c *world.Config) { c.SaveEvery = 20 * time.Millisecond })
	s := p.connect(1)
	s.enter()
	matched := func(match int64) *pb.PlayerMatched {
		ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
		m := &pb.PlayerMatched{Player: 1, Ticket: ticket, Match: match, Room: match, Zone: uint32(zone.ID()), Mode: "arena", Players: []int64{1, 2}}
		must(t, tell(p, api.PlayerMatched, m))
		if found := next[*pb.MatchFound](s); found.GetMatch() != match {
			t.Errorf("he is told of the match %v", found)
		}
		return m
	}
	old := matched(10)
	p.peers.locked(func() { p.peers.rooms[10], p.peers.leaves = true, true })
	p.eventually("he may have another match", func() bool {
		_, err := try[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"})
		return err == nil
	})
	must(t, tell(p, api.PlayerMatched, old)) // again
	if m := ask[*pb.EnterWorldReply](s, &pb.EnterWorld{}).GetMatch(); m != nil {
		t.Errorf("he is in the match %v again", m)
	}
	matched(20)
	p.peers.locked(func() { p.peers.leaves = false })
	for range 2 {
		must(t, tell(p, api.PlayerFinished, &pb.PlayerFinished{Player: 1, Result: &pb.MatchResult{Match: 10, Place: 3}}))
	}
	if ended := next[*pb.MatchEnded](s); ended.GetResult().GetMatch() != 10 {
		t.Errorf("he is told the end of %v", ended)
	}
	if m := ask[*pb.EnterWorldReply](s, &pb.EnterWorld{}).GetMatch(); m.GetMatch() != 20 {
		t.Errorf("after the end of the battle that he had left he is in %v", m)
	}
	must(t, tell(p, api.PlayerMatched, old))
	must(t, tell(p, api.PlayerFinished, &pb.PlayerFinished{Player: 1, Result: &pb.MatchResult{Match: 20, Place: 1}}))
	if ended := next[*pb.MatchEnded](s); ended.GetResult().GetMatch() != 20 {
		t.Errorf("he is told the end of %v", ended)
	}
	p.eventually("each is counted once", func() bool {
		state := p.peers.state(1)
		return strings.Contains(state, `"matches":2,"wins":1`) && !strings.Contains(state, `"left"`)
	})
}

// TestMatchIsSavedFirst has nobody told of a match, or its end, that is not stored: whoever tells the world tells it again.
func TestMatchIsSavedFirst(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	s := p.connect(1)
	s.enter()
	matched := &pb.PlayerMatched{Player: 1, Ticket: 5, Match: 10, Room: 10, Zone: 9, Mode: "arena"}
	finished := &pb.PlayerFinished{Player: 1, Result: &pb.MatchResult{Match: 10, Place: 1}}
	unmatched := &pb.PlayerUnmatched{Player: 1, Match: 11, Reason: "nobody came"}

	refused := func(what string, err error) {
		t.Helper()
		if fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s that cannot be saved: %v", what, err)
		}
	}
	p.peers.fail(fault.New(fault.Invalid, "not this time"))
	refused("a match", tell(p, api.PlayerMatched, matched))
	p.peers.fail(nil)
	must(t, tell(p, api.PlayerMatched, matched))
	next[*pb.MatchFound](s)
	if state := p.peers.state(1); !strings.Contains(state, `"match":{"id":10,`) {
		t.Errorf("he is told of a match and stored as %s", state)
	}
	p.peers.fail(fault.New(fault.Invalid, "not this time"))
	refused("the end of a match", tell(p, api.PlayerFinished, finished))
	refused("a match that came to nothing", tell(p, api.PlayerUnmatched, unmatched))
	p.peers.fail(nil)
	must(t, tell(p, api.PlayerUnmatched, unmatched))
	must(t, tell(p, api.PlayerFinished, finished))
	next[*pb.MatchEnded](s)
	if state := p.peers.state(1); !strings.Contains(state, `"matches":1,"wins":1},"ended":[11,10]}`) {
		t.Errorf("he is told the end of a match and stored as %s", state)
	}
}
