package world_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
	"loumiao/robot/client"
)

// TestFenced has a world whose player was taken by another let him go: the client is told, what the other has is left alone, and entering
// again goes on from what the other has saved.
func TestFenced(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(func(c *world.Config) { c.SaveEvery = 20 * time.Millisecond })
	s := p.connect(1)
	s.enter()
	ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"})
	p.eventually("entering is saved", func() bool { return strings.Contains(p.peers.state(1), `"entered":1`) })
	p.taken(1, `{"stats":{"greetings":7}}`)
	s.greet()
	s.reset()
	p.eventually("the world lets go", func() bool { return p.owner(1) == 0 })
	if state := p.peers.state(1); state != `{"stats":{"greetings":7}}` {
		t.Errorf("the old owner has saved %s", state)
	}
	p.peers.locked(func() {
		if len(p.peers.tickets) != 0 {
			t.Errorf("the old owner has given back the ticket, which is the new one's: %v", p.peers.tickets)
		}
	})
	if _, err := try[*pb.GreetReply](s, &pb.Greet{Greeting: "Hello"}); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("greeting a world that has let go: %v", err)
	}
	s.enter()
	if n := s.greet(); n != 8 {
		t.Errorf("the eighth greeting is counted as %d", n)
	}
}

// TestOvertakenWhileRedisWasAway has a world that binds its players again let go of who is another's by now.
func TestOvertakenWhileRedisWasAway(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	w := p.world(nil)
	s := p.connect(1)
	s.enter()
	s.greet()
	stays := p.connect(2)
	stays.enter()
	p.taken(1, `{"stats":{"greetings":7}}`)
	other := lease.Binding{Node: w.ID() + 1, Boot: 1, Epoch: 2}
	if err := p.gate.node.Owners().Bind(t.Context(), 1, other); err != nil {
		t.Fatal(err)
	}
	w.world.BindAgain()
	s.reset()
	p.peers.locked(func() {
		if len(p.peers.saves) != 0 {
			t.Errorf("the old owner has tried to save %v", p.peers.saves)
		}
	})
	if owner := p.owner(2); owner != w.ID() || stays.greet() != 1 {
		t.Errorf("the player who was not taken is owned by %d", owner)
	}
}

// TestOldEpochAtItsGate has a world let a player go whose gate has seen a newer owner of his, as when all else has forgotten that.
func TestOldEpochAtItsGate(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	one, two := p.world(nil), p.world(nil)
	s := p.connect(1)
	for _, w := range []*life{one, two, one} { // epochs 1 to 3
		p.gate.sendTo(w.ID())
		s.enter()
		must(t, <-w.world.Release(t, 1))
		s.reset()
	}
	p.peers.locked(func() { p.peers.players[1].Epoch = 1 }) // so that the next is 2
	if err := p.env.Stores.Redis().Del(t.Context(), p.env.Stores.Key("owner", "player", "{1}")).Err(); err != nil {
		t.Fatal(err)
	}
	p.gate.sendTo(two.ID())
	if _, err := try[*pb.EnterWorldReply](s, &pb.EnterWorld{Pass: goodPass}); fault.CodeOf(err) != fault.Lost {
		t.Errorf("entering at a world with an old epoch: %v", err)
	}
	s.reset()
	p.eventually("the world lets go", func() bool { return p.owner(1) == 0 })
	s.enter() // under epoch 3
	s.greet()
}

// TestNoLease has a world whose lease has run out do nothing for anybody, and go on when it was renewed.
func TestNoLease(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	w := p.world(nil)
	var lost atomic.Bool
	w.world.LeaseBy(func() bool { return !lost.Load() })
	s := p.connect(1)
	s.enter()
	ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	stranger := p.connect(2)

	lost.Store(true)
	for _, m := range []proto.Message{&pb.Greet{Greeting: "Hello"}, &pb.StartMatch{Mode: "arena"}, &pb.CancelMatch{}, &pb.EnterWorld{}} {
		if _, err := try[proto.Message](s, m); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%T without a lease: %v", m, err)
		}
	}
	if _, err := try[*pb.EnterWorldReply](stranger, &pb.EnterWorld{Pass: goodPass}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("another player enters without a lease: %v", err)
	}
	if err := tell(p, api.PlayerMatched, &pb.PlayerMatched{Player: 1, Ticket: ticket, Match: 10, Zone: 9}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a match without a lease: %v", err)
	}
	if err := tell(p, api.PlayerFinished, &pb.PlayerFinished{Player: 1, Result: &pb.MatchResult{Match: 10}}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("the end of a match without a lease: %v", err)
	}
	p.peers.locked(func() {
		if p.peers.loads != 1 || len(p.peers.passes) != 1 || len(p.peers.tickets) != 0 {
			t.Errorf("without a lease it took players or gave tickets back: %d loads, %v, %v", p.peers.loads, p.peers.passes, p.peers.tickets)
		}
	})

	lost.Store(false)
	if n := s.greet(); n != 1 {
		t.Errorf("the first greeting is counted as %d", n)
	}
	stranger.enter()
	must(t, tell(p, api.PlayerMatched, &pb.PlayerMatched{Player: 1, Ticket: ticket, Match: 10, Zone: 9}))
	next[*pb.MatchFound](s)
}

// TestLeaseTaken ends a world whose number somebody newer has, as one that was paused for too long. What it can save it saves.
func TestLeaseTaken(t *testing.T) {
	t.Parallel()
	p := livePlace(t)
	w := p.world(nil)
	s := p.connect(1)
	s.enter()
	key := p.env.Stores.Key("lease", "{"+w.ID().String()+"}")
	if err := p.env.Stores.Redis().Set(t.Context(), key, "09999999999999999999", 0).Err(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.done:
	case <-time.After(patience):
		t.Fatal("the world goes on")
	}
	if w.err == nil {
		t.Error("the world has ended as if that was asked for")
	}
	w.err = nil // as it should be
	if !strings.Contains(p.peers.state(1), `"entered":`) {
		t.Errorf("the player is stored as %s", p.peers.state(1))
	}
	s.reset()
}

// TestRelease has another node ask for a player: when it is answered, nothing of him is left.
func TestRelease(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	s := p.connect(1)
	s.enter()
	s.greet()
	ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	if _, err := api.ReleasePlayer.Call(t.Context(), p.gate.node.RPC(), &pb.ReleasePlayer{Player: 1}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(p.peers.state(1), `"greetings":1`) {
		t.Errorf("a released player is stored as %s", p.peers.state(1))
	}
	if owner := p.owner(1); owner != 0 {
		t.Errorf("a released player is owned by %d", owner)
	}
	p.peers.locked(func() {
		if len(p.peers.tickets) != 1 || p.peers.tickets[0].GetTicket() != ticket {
			t.Errorf("tickets given back: %v; want %d", p.peers.tickets, ticket)
		}
	})
	s.reset()
	if again := s.enter(); again.GetTicket() != 0 {
		t.Errorf("who has given his ticket back, and comes again, waits with %d", again.GetTicket())
	}

	// One that has become a match meanwhile stays his, and he hears of the match where he is next.
	p.peers.locked(func() { p.peers.late = true })
	ticket = ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	if _, err := api.ReleasePlayer.Call(t.Context(), p.gate.node.RPC(), &pb.ReleasePlayer{Player: 1}); err != nil {
		t.Fatal(err)
	}
	s.reset()
	if again := s.enter(); again.GetTicket() != ticket {
		t.Errorf("whose ticket could not be given back waits with %d; want %d", again.GetTicket(), ticket)
	}
}

// TestReleaseWithoutDB lets a player go who cannot be saved, and saves him at the end after all.
func TestReleaseWithoutDB(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	w := p.world(nil)
	w.world.Pausable()
	s := p.connect(1)
	s.enter()
	s.greet()
	p.peers.fail(fault.New(fault.Invalid, "not this time"))
	resume := w.world.Pause(t, 1)
	released := w.world.Release(t, 1)
	again := w.world.Queue(t, 1) // behind it
	resume()
	if err := <-released; err == nil {
		t.Error("a player who could not be saved is said to be released")
	}
	p.peers.fail(nil)
	again()
	s.reset()
	p.eventually("he is saved at the end", func() bool { return strings.Contains(p.peers.state(1), `"greetings":1`) })
	p.eventually("nobody owns the player", func() bool { return p.owner(1) == 0 })
}

// TestAfterRelease has nothing that comes too late change a player who has been let go, and nobody hear that it has.
func TestAfterRelease(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	w := p.world(nil)
	w.world.Pausable()
	other := p.connect(2)
	other.enter()

	s := p.connect(1)
	s.enter()
	s.greet()
	resume := w.world.Pause(t, 1)
	released := w.world.Release(t, 1)
	late, err := client.Start[*pb.GreetReply](s.Conn, &pb.Greet{Greeting: "Hello"})
	if err != nil {
		t.Fatal(err)
	}
	s.delivered(other)
	resume()
	must(t, <-released)
	if _, err := late(t.Context()); err == nil {
		t.Error("a greeting counts that came after the player was let go")
	}
	if state := p.peers.state(1); !strings.Contains(state, `"greetings":1`) {
		t.Errorf("the player is stored as %s", state)
	}

	// Who enters at that moment gets in, at the player's next actor.
	s.reset()
	s.enter()
	resume = w.world.Pause(t, 1)
	released = w.world.Release(t, 1)
	second := p.connect(1)
	enters, err := client.Start[*pb.EnterWorldReply](second.Conn, &pb.EnterWorld{Pass: goodPass})
	if err != nil {
		t.Fatal(err)
	}
	second.delivered(other)
	resume()
	must(t, <-released)
	if _, err := enters(t.Context()); err != nil {
		t.Fatalf("entering when the player is let go: %v", err)
	}
	if n := second.greet(); n != 2 {
		t.Errorf("the second greeting is counted as %d", n)
	}
	if owner := p.owner(1); owner != w.ID() {
		t.Errorf("the player is owned by %d and not by the world %d", owner, w.ID())
	}
	p.peers.locked(func() {
		if epoch := p.peers.players[1].GetEpoch(); epoch != 3 {
			t.Errorf("the player who was loaded three times has epoch %d", epoch)
		}
	})
}

// TestTakenOver has a player whose session comes to another world: the first saves him, and the second has all of it.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	one := p.world(nil)
	first := p.connect(1)
	first.enter()
	first.greet()
	two := p.world(nil)
	if owner := p.owner(1); owner != one.ID() {
		t.Fatalf("the player is owned by %d and not by the world %d", owner, one.ID())
	}
	p.gate.sendTo(two.ID())
	second := p.connect(1)
	second.enter()
	if n := second.greet(); n != 2 {
		t.Errorf("the second greeting is counted as %d", n)
	}
	if owner := p.owner(1); owner != two.ID() {
		t.Errorf("the player is owned by %d and not by the world %d", owner, two.ID())
	}
}

// TestRedisForgets has owners bind their players again.
func TestRedisForgets(t *testing.T) {
	t.Parallel()
	p := livePlace(t)
	for again := true; again; {
		w := p.world(nil)
		p.connect(1).enter()
		if err := p.env.Stores.Redis().FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		p.eventually("the player is owned again", func() bool { return p.owner(1) == w.ID() || w.over() })
		if again = w.over(); again {
			t.Logf("the machine is too slow for its lease: %v", w.err)
			w.err = nil
		}
	}
}
