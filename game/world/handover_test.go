package world_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

// reached returns when the gate's line to the world is up.
func (p *place) reached(w *life) {
	p.t.Helper()
	p.gate.sendTo(w.ID())
	defer p.gate.sendTo(0)
	visitor := p.connect(int64(9000 + w.ID()))
	if _, err := visitor.enterWith("bad"); fault.CodeOf(err) != fault.Forbidden {
		p.t.Fatalf("entering with a bad pass: %v", err)
	}
	_ = visitor.Close()
}

// TestHandover has a world that stops give a player to another one: his client notices nothing, his ticket and his match stay his, and what he is
// told goes on where it was.
func TestHandover(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	zone := p.run(api.Zone, p.peers.zone())
	one := p.world(nil)
	s, waits := p.connect(1), p.connect(2)
	s.enter()
	s.greet()
	waits.enter()
	ticket := ask[*pb.StartMatchReply](waits, &pb.StartMatch{Mode: "arena"}).GetTicket()
	matched := &pb.PlayerMatched{Player: 1, Ticket: 1, Match: 10, Room: 10, Zone: uint32(zone.ID()), Mode: "arena", Players: []int64{1}}
	must(t, tell(p, api.PlayerMatched, matched))
	next[*pb.MatchFound](s)
	p.peers.locked(func() { p.peers.rooms[10] = true })

	two := p.world(nil)
	p.reached(two)
	one.stop()
	for player := int64(1); player <= 2; player++ {
		if owner := p.owner(player); owner != two.ID() {
			t.Fatalf("player %d is owned by %d and not by the other world, %d", player, owner, two.ID())
		}
	}
	if n := s.greet(); n != 2 {
		t.Errorf("the second greeting is counted as %d", n)
	}
	if joined := ask[*pb.JoinRoomReply](s, &pb.JoinRoom{Room: 10}); joined.GetRoom() != 10 {
		t.Errorf("the player joins %v", joined)
	}
	p.peers.locked(func() {
		if len(p.peers.tickets) != 0 {
			t.Errorf("tickets were given back: %v", p.peers.tickets)
		}
	})
	if again := ask[*pb.EnterWorldReply](waits, &pb.EnterWorld{}); again.GetTicket() != ticket || again.GetMatch() != nil {
		t.Errorf("who waits with ticket %d and enters again is told %v", ticket, again)
	}
	if !ask[*pb.CancelMatchReply](waits, &pb.CancelMatch{}).GetCancelled() {
		t.Error("a ticket cannot be cancelled that was taken at the other world")
	}
	p.peers.locked(func() {
		if len(p.peers.tickets) != 1 || p.peers.tickets[0].GetTicket() != ticket {
			t.Errorf("tickets given back: %v; want %d", p.peers.tickets, ticket)
		}
	})
	if len(s.pushes)+len(waits.pushes) > 0 {
		t.Error("the clients are told something")
	}
	p.eventually("the queue knows who is inside", func() bool { return p.peers.isInside(1) && p.peers.isInside(2) })
}

// TestHandoverFails has no other world take a player: he is saved, and his client told to start over.
func TestHandoverFails(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(p *place, lost *atomic.Bool){
		"he cannot be loaded": func(p *place, _ *atomic.Bool) {
			p.peers.locked(func() { p.peers.unloadable = fault.New(fault.Internal, "no such table") })
		},
		"db is gone for a while": func(p *place, _ *atomic.Bool) {
			p.peers.locked(func() { p.peers.unloadable = fault.New(fault.Unavailable, "not now") })
		},
		"he has been taken": func(p *place, _ *atomic.Bool) {
			p.peers.locked(func() {
				p.peers.players[1].Epoch++
				p.peers.failing = nil
			})
		},
		"the other has no lease": func(_ *place, lost *atomic.Bool) { lost.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			one := p.world(nil)
			one.world.Pausable()
			two := p.world(nil)
			var lost atomic.Bool
			two.world.LeaseBy(func() bool { return !lost.Load() })
			p.reached(two)
			p.gate.sendTo(one.ID())
			s := p.connect(1)
			s.enter()
			s.greet()
			one.world.Save(t, 1)
			fail(p, &lost)
			one.stop()
			s.reset()
			p.gate.sendTo(0)
			p.peers.locked(func() { p.peers.unloadable = nil })
			if name == "the other has no lease" {
				two = p.world(nil)
				p.gate.sendTo(two.ID())
			}
			s.enter()
			if n := s.greet(); n != 2 {
				t.Errorf("the second greeting is counted as %d", n)
			}
		})
	}
}

// A listener is a log that passes on what is said in it.
type listener struct {
	slog.Handler
	said chan string
}

func (l listener) Enabled(context.Context, slog.Level) bool { return true }
func (l listener) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l listener) WithGroup(string) slog.Handler            { return l }
func (l listener) Handle(_ context.Context, r slog.Record) error {
	l.said <- r.Message
	return nil
}

// TestHandoverWhileSaying has a world stop while one of its players waits for the answer to what he has said to another: he moves when he has it, and his client notices nothing.
func TestHandoverWhileSaying(t *testing.T) {
	t.Parallel()
	p := storedPlace(t)
	log := listener{slog.DiscardHandler, make(chan string, 1<<16)}
	p.env.Log = slog.New(log)
	one := p.world(nil)
	one.world.Pausable()
	ada, bob, eve := p.connect(1), p.connect(2), p.connect(3)
	ada.enter()
	bob.enter()
	eve.enter()
	two := p.world(nil)
	p.reached(two)
	resume := one.world.Pause(t, 2)
	wait, err := client.Start[*pb.SendChatReply](ada.Conn, &pb.SendChat{To: 2, Text: "Hello"})
	if err != nil {
		t.Fatal(err)
	}
	ada.delivered(eve)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		one.stop()
	}()
	for ended := false; !ended; {
		switch <-log.said {
		case "player moves when he has been answered", "player not handed over; his client starts over":
			ended = true
		}
	}
	greeted, err := client.Start[*pb.GreetReply](ada.Conn, &pb.Greet{Greeting: "Hello"})
	if err != nil {
		t.Fatal(err)
	}
	resume()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := wait(ctx); err != nil {
		t.Errorf("what she says is answered with %v", err)
	}
	if _, err := greeted(ctx); err != nil {
		t.Errorf("what she does meanwhile is answered with %v", err)
	}
	<-stopped
	if owner := p.owner(1); owner != two.ID() {
		t.Errorf("she is owned by %d and not by the other world, %d", owner, two.ID())
	}
	if m := next[*pb.ChatArrived](bob); m.GetText() != "Hello" {
		t.Errorf("he hears %v", m)
	}
	if n := len(ada.pushes) + len(bob.pushes); n != 0 {
		t.Errorf("they are told %d things", n)
	}
}

// tellAgain is tell for a player who is moving: as match and zone do, it tries again.
func tellAgain[M proto.Message](p *place, method rpc.KeyedDef[api.PlayerID, M, *pb.Done], m M) error {
	for again := time.NewTicker(20 * time.Millisecond); ; <-again.C {
		err := tell(p, method, m)
		switch fault.CodeOf(err) {
		case fault.Unavailable, fault.NotOwner, fault.Lost, fault.Deadline:
			continue
		}
		again.Stop()
		return err
	}
}

// A commuter is a player who plays on while worlds come and go.
type commuter struct {
	*session
	waits []func(context.Context) (*pb.GreetReply, error)
	match int64 // the last that he was told of
}

// TestHandoverAgainstOracle has players greet, many at a time, and be told of matches, while the worlds that have them are drained one after the other and their
// connections break: every greeting is answered once and in order, nothing that they are told is missed or repeated, and no stream starts over.
func TestHandoverAgainstOracle(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	if s := os.Getenv(envSeed); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", envSeed, seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	p := placeOn(t, storetest.Embedded(t), &door{grace: time.Hour}, nil)
	worlds := []*life{p.world(nil), p.world(nil)}
	var players []*commuter
	for player := int64(1); player <= 4; player++ {
		c := &commuter{session: p.connect(player)}
		c.enter()
		players = append(players, c)
	}
	greet := func(c *commuter, n int) {
		for range n {
			wait, err := client.Start[*pb.GreetReply](c.Conn, &pb.Greet{Greeting: "Hello"})
			if err != nil {
				t.Fatal(err)
			}
			c.waits = append(c.waits, wait)
		}
	}
	matches := func(player int64, c *commuter) {
		c.match++
		must(t, tellAgain(p, api.PlayerMatched, &pb.PlayerMatched{Player: player, Ticket: c.match, Match: c.match, Room: 1, Zone: 999, Mode: "arena"}))
		must(t, tellAgain(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: player, Match: c.match, Reason: "nobody came"}))
	}
	drains := 0
	for range 16 {
		who := rng.IntN(len(players))
		c := players[who]
		switch dice := rng.IntN(100); {
		case dice < 40:
			greet(c, 1+rng.IntN(20))
		case dice < 60:
			matches(int64(who+1), c)
		case dice < 75: // his connection breaks, and he is back
			c.way.Cut()
			greet(c, rng.IntN(5))
			<-c.resumed
		default: // some are away meanwhile
			drains++
			var away []*commuter
			for _, c := range players {
				if rng.IntN(4) == 0 {
					c.way.Refuse()
					c.way.Cut()
					p.eventually("the gate has noticed", func() bool { return c.way.Conns() == 0 })
					away = append(away, c)
				}
			}
			p.eventually("the gate has let go of them", func() bool { return p.gate.gate.Count() == len(players)-len(away) })
			fresh := p.world(nil)
			p.reached(fresh)
			for _, c := range players {
				greet(c, rng.IntN(8))
			}
			i := rng.IntN(len(worlds))
			worlds[i].stop()
			worlds = append(slices.Delete(worlds, i, i+1), fresh)
			for who, c := range players {
				if rng.IntN(2) == 0 {
					matches(int64(who+1), c)
				}
			}
			for _, c := range away {
				c.way.Heal()
				<-c.resumed
			}
		}
	}
	for who, c := range players {
		for i, wait := range c.waits {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			reply, err := wait(ctx)
			cancel()
			if err != nil || reply.GetCount() != int64(i+1) {
				t.Fatalf("greeting %d of player %d is counted as %d, %v", i+1, who+1, reply.GetCount(), err)
			}
		}
		for match := int64(1); match <= c.match; match++ {
			if found := next[*pb.MatchFound](c.session); found.GetMatch() != match {
				t.Fatalf("player %d is told of match %d before %d", who+1, found.GetMatch(), match)
			}
			if aborted := next[*pb.MatchAborted](c.session); aborted.GetTicket() != match {
				t.Fatalf("player %d is told of the end of ticket %d before %d", who+1, aborted.GetTicket(), match)
			}
		}
		if len(c.pushes) > 0 {
			t.Fatalf("player %d is told more: %v", who+1, <-c.pushes)
		}
		if err := c.Disorder(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d drains", drains)
}
