package world_test

import (
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/pb"
	"loumiao/game/world"
)

func TestEnter(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	w := p.world(nil)
	s := p.connect(1)
	if _, err := s.enterWith("bad"); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("entering with a bad pass: %v", err)
	}
	if p.owner(1) != 0 || p.peers.state(1) != "" {
		t.Error("a player who was not let in is owned or stored")
	}
	reply := s.enter()
	if profile := reply.GetProfile(); profile.GetPlayer() != 1 || profile.GetName() != "Player 1" || reply.GetMatch() != nil {
		t.Errorf("the player is let in with %v", reply)
	}
	if owner := p.owner(1); owner != w.ID() {
		t.Errorf("the player is owned by %d and not by the world %d", owner, w.ID())
	}
	p.eventually("the queue knows who is inside", func() bool { return p.peers.isInside(1) })

	// Entering again with the same session and without a pass changes nothing.
	ask[*pb.EnterWorldReply](s, &pb.EnterWorld{})
	if n := s.greet(); n != 1 {
		t.Errorf("the first greeting is counted as %d", n)
	}
	for _, bad := range []string{"", strings.Repeat("é", 81)} {
		if _, err := try[*pb.GreetReply](s, &pb.Greet{Greeting: bad}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a greeting of %d bytes: %v", len(bad), err)
		}
	}
	if _, err := try[*pb.GreetReply](s, &pb.Greet{Greeting: strings.Repeat("é", 80)}); err != nil {
		t.Errorf("a greeting of 80 characters: %v", err)
	}
	if _, err := try[*pb.GetMatchesReply](s, &pb.GetMatches{Limit: 51}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("51 matches at once: %v", err)
	}
	p.peers.locked(func() {
		if len(p.peers.passes) != 2 || p.peers.passes[1].GetArea() != 1 || p.peers.passes[1].GetPlayer() != 1 {
			t.Errorf("the queue was asked %v", p.peers.passes)
		}
	})
}

// TestOpenDoors lets players in without a pass.
func TestOpenDoors(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(func(c *world.Config) { c.OpenDoors = true })
	if _, err := p.connect(1).enterWith(""); err != nil {
		t.Error(err)
	}
}

// TestNewestSession has the second session of a player end the first, and the first not act any more.
func TestNewestSession(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	first := p.connect(1)
	first.enter()
	first.greet()

	second := p.connect(1)
	if _, err := try[*pb.GetProfileReply](second, &pb.GetProfile{}); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("a second session that has not entered: %v", err)
	}
	ask[*pb.EnterWorldReply](second, &pb.EnterWorld{})
	select {
	case <-first.Done():
	case <-time.After(patience):
		t.Fatal("the first session goes on")
	}
	if fault.CodeOf(first.Err()) != fault.Replaced {
		t.Errorf("the first session ended with %v", first.Err())
	}
	if n := second.greet(); n != 2 {
		t.Errorf("the second greeting is counted as %d", n)
	}
}

// TestNewerSchema refuses a player whose state a newer build has saved, and leaves him as he is, with whoever holds him.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	const state = `{"from":"the future"}`
	p.peers.locked(func() {
		p.peers.players[1] = &pb.PlayerRecord{Profile: &pb.Profile{Player: 1}, State: []byte(state), Schema: world.Schema + 1}
	})
	if _, err := p.connect(1).enterWith(goodPass); fault.CodeOf(err) != fault.Version {
		t.Errorf("entering: %v; want %v", err, fault.Version)
	}
	if p.owner(1) != 0 || p.peers.state(1) != state {
		t.Errorf("the player is owned by %d and stored as %s", p.owner(1), p.peers.state(1))
	}
	p.peers.locked(func() {
		if epoch := p.peers.players[1].GetEpoch(); epoch != 0 {
			t.Errorf("whoever holds the player is fenced by the epoch %d", epoch)
		}
	})
}

// TestSaves saves a changed player in a while, tries again when that fails, and does not save what has not changed.
func TestSaves(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(func(c *world.Config) { c.SaveEvery = 20 * time.Millisecond })
	s := p.connect(1)
	p.peers.fail(fault.New(fault.Unavailable, "not now"))
	s.enter()
	s.greet()
	p.peers.fail(nil)
	p.eventually("the greeting is saved", func() bool { return strings.Contains(p.peers.state(1), `"greetings":1`) })
	s.greet()
	p.eventually("the next greeting is saved", func() bool { return strings.Contains(p.peers.state(1), `"greetings":2`) })
}

// TestLinger keeps a player whose client is gone for a while, and saves him when the while is over.
func TestLinger(t *testing.T) {
	t.Parallel()
	t.Run("comes back", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.world(nil)
		s := p.connect(1)
		s.enter()
		s.greet()
		_ = s.Close()
		again := p.connect(1)
		ask[*pb.EnterWorldReply](again, &pb.EnterWorld{}) // without a pass
		if n := again.greet(); n != 2 {
			t.Errorf("the second greeting is counted as %d", n)
		}
	})
	t.Run("does not", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.world(func(c *world.Config) { c.Linger = 20 * time.Millisecond })
		s := p.connect(1)
		s.enter()
		ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
		s.greet()
		p.eventually("the queue knows that he is inside", func() bool { return p.peers.isInside(1) })
		_ = s.Close()
		p.eventually("the player has left", func() bool { return p.owner(1) == 0 })
		p.eventually("the queue knows that he has left", func() bool { return !p.peers.isInside(1) && p.peers.lefts()[1] == 1 })
		if !strings.Contains(p.peers.state(1), `"greetings":1`) {
			t.Errorf("he is saved as %s", p.peers.state(1))
		}
		p.peers.locked(func() {
			if len(p.peers.tickets) != 1 || p.peers.tickets[0].GetTicket() != ticket {
				t.Errorf("tickets given back: %v; want %d", p.peers.tickets, ticket)
			}
		})
		if again := p.connect(1).enter(); again.GetTicket() != 0 {
			t.Errorf("who has given his ticket back, and comes again, waits with %d", again.GetTicket())
		}
	})
}

// TestWorldStops has a world that is alone save its players, who enter the next one.
func TestWorldStops(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	one := p.world(nil)
	s := p.connect(1)
	s.enter()
	s.greet()
	one.stop()
	if !strings.Contains(p.peers.state(1), `"greetings":1`) {
		t.Errorf("the player is stored as %s", p.peers.state(1))
	}
	s.reset()
	two := p.world(nil)
	s.enter()
	if n := s.greet(); n != 2 {
		t.Errorf("the second greeting is counted as %d", n)
	}
	if owner := p.owner(1); owner != two.ID() {
		t.Errorf("the player is owned by %d and not by the other world, %d", owner, two.ID())
	}
}

// TestFallen has a player's actor panic: nothing of him is held here any more, and his client enters again.
func TestFallen(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	w := p.world(nil)
	w.world.Fallible()
	w.world.Pausable()
	s := p.connect(1)
	s.enter()
	s.greet()
	w.world.Save(t, 1)
	p.eventually("the queue knows that he is inside", func() bool { return p.peers.isInside(1) })
	must(t, w.world.Fall(1))
	s.reset()
	if owner := p.owner(1); owner != 0 {
		t.Errorf("he is owned by %d", owner)
	}
	p.eventually("the queue knows that he has left", func() bool { return !p.peers.isInside(1) && p.peers.lefts()[1] == 1 })
	s.enter()
	if n := s.greet(); n != 2 {
		t.Errorf("the second greeting is counted as %d", n)
	}
	p.eventually("the queue knows that he is inside again", func() bool { return p.peers.isInside(1) })
	if owner := p.owner(1); owner != w.ID() {
		t.Errorf("he is owned by %d", owner)
	}
}
