package zone

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/direct"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/udp/udptest"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/arena"
	"loumiao/game/lockstep"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

// hall starts a zone with direct lines, and a room for two.
func withLines(t *testing.T, change func(*Config)) (*world, *gate) {
	t.Helper()
	cfg := testConfig()
	cfg.MatchSeconds, cfg.Direct = 6, "127.0.0.1:0"
	change(&cfg)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, zone: New(cfg)}
	g := newLine(t, w)
	w.create(7, 2)
	return w, g
}

func (g *gate) join(s id.Session) *pb.JoinRoomReply {
	g.t.Helper()
	g.send(s, wire.Request, &pb.JoinRoom{Room: 7})
	for {
		select {
		case m := <-g.inbox[s]:
			if joined, ok := m.(*pb.JoinRoomReply); ok {
				return joined
			}
		case <-time.After(patience):
			g.t.Fatal("nobody lets him in")
		}
	}
}

// offer asks for a direct line. What else comes meanwhile is given to take.
func (g *gate) offer(s id.Session, take func(proto.Message)) *pb.OpenLineReply {
	g.t.Helper()
	g.send(s, wire.Request, &pb.OpenLine{Room: 7})
	for {
		select {
		case m := <-g.inbox[s]:
			if reply, ok := m.(*pb.OpenLineReply); ok {
				return reply
			}
			take(m)
		case <-time.After(patience):
			g.t.Fatal("no offer")
		}
	}
}

func offerOf(m *pb.OpenLineReply) (o direct.Offer) {
	copy(o.Ticket[:], m.GetTicket())
	copy(o.Up[:], m.GetKeyUp())
	copy(o.Down[:], m.GetKeyDown())
	return o
}

// TestALineThatBreaks plays each mode over a direct line on a bad network, has that blocked in mid-battle, and goes on by the session: nothing is missed.
func TestALineThatBreaks(t *testing.T) {
	t.Parallel()
	for name, modes := range map[string][]string{"frame mode": {"duel"}, "state mode": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, g := withLines(t, func(c *Config) { c.FrameModes = modes; c.SnapshotEvery = 1 })
			g.join(2)
			joined := g.join(1)
			framed := joined.GetFrames() != nil
			if framed != (len(modes) > 0) {
				t.Fatalf("joined: %v", joined)
			}
			p := &duellist{t: t, mind: arena.NewRand(1), decoder: snapshot.NewDecoder(joined)}
			if framed {
				var err error
				if p.sim, err = lockstep.New(joined); err != nil {
					t.Fatal(err)
				}
			}
			reply := g.offer(1, func(m proto.Message) { p.take(m, false) })
			proxy := udptest.NewProxy(t, reply.GetAddress(), udptest.Faults{Drop: 10, Swap: 10, Seed: 3})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			byLine := make(chan proto.Message, 1000)
			l, err := direct.Dial(ctx, proxy.Addr(), offerOf(reply), g.reg, func(m proto.Message) { byLine <- m })
			if err != nil {
				t.Fatal(err)
			}
			defer l.Wait()
			defer l.Close()
			give := time.NewTicker(tickEvery)
			defer give.Stop()
			over := time.After(patience)
			for p.ended == nil {
				select {
				case m := <-byLine:
					p.take(m, true)
				case m := <-g.inbox[1]:
					p.take(m, false)
				case <-give.C:
					if p.byLine >= 30 {
						proxy.Block(true) // from now on the client hears nothing by it, and after a while gives up
						if p.heard.Add(10 * tickEvery).Before(time.Now()) {
							l.Close()
						}
					}
					if in := p.act(); l.Send(in) != nil {
						g.send(1, wire.Send, in)
					}
				case <-over:
					t.Fatalf("no end: %d by the line, %d after it", p.byLine, p.afterwards)
				}
			}
			if p.byLine < 30 || p.afterwards < 10 {
				t.Errorf("%d parts of the battle came by the line, and %d by the session after it", p.byLine, p.afterwards)
			}
			if !framed {
				if p.decoder.Tick() != 120 {
					t.Errorf("the last snapshot is that of tick %d", p.decoder.Tick())
				}
				return
			}
			if !p.sim.Done() {
				t.Fatalf("only %d ticks came", p.sim.Have())
			}
			for i, own := range p.sim.Result() {
				if s := p.ended.GetStandings()[i]; fmt.Sprint(s.GetScore(), s.GetKills(), s.GetDeaths()) != fmt.Sprint(own.Score, own.Kills, own.Deaths) {
					t.Errorf("the zone's result is %v, and the simulation's %v", p.ended.GetStandings(), p.sim.Result())
				}
			}
		})
	}
}

// A duellist plays by hand what a client does with two ways.
type duellist struct {
	t       *testing.T
	mind    *arena.Rand
	sim     *lockstep.Simulation
	decoder *snapshot.Decoder
	number  uint32
	ended   *pb.RoomEnded

	byLine, afterwards int
	heard              time.Time // when something last came by the line
}

func (p *duellist) take(m proto.Message, line bool) {
	switch m := m.(type) {
	case *pb.Frames:
		if _, err := p.sim.Apply(m); err != nil {
			p.t.Fatal(err)
		}
	case *pb.Snapshot:
		if err := p.decoder.Apply(m); err != nil {
			p.t.Fatal(err)
		}
	case *pb.RoomEnded:
		if line {
			p.t.Error("the end comes by the line")
		}
		p.ended = m
		return
	}
	switch {
	case line:
		p.byLine++
		p.heard = time.Now()
	case p.byLine >= 30:
		p.afterwards++
	}
}

func (p *duellist) act() *pb.RoomInput {
	p.number++
	if p.sim != nil {
		return &pb.RoomInput{Room: 7, Number: p.number, Input: arena.Decide(p.sim.View(12000), p.mind).Pack(), Seen: p.sim.Have()}
	}
	return &pb.RoomInput{Room: 7, Number: p.number, Input: arena.Decide(p.decoder.View(), p.mind).Pack(), Seen: p.decoder.Seen()}
}

// TestWhoGetsALine is only who has a seat, and with an offer that was made to the session that has it now.
func TestWhoGetsALine(t *testing.T) {
	t.Parallel()
	w, g := withLines(t, func(*Config) {})
	for s, want := range map[id.Session]fault.Code{1: fault.FailedPrecondition, 9: fault.FailedPrecondition} { // has not joined; a stranger
		g.send(s, wire.Request, &pb.OpenLine{Room: 7})
		if m := next[*wirepb.Error](g, s); fault.Code(m.GetCode()) != want {
			t.Errorf("session %v gets %v", s, m)
		}
	}
	g.join(1)
	skip := func(proto.Message) {}
	old := offerOf(g.offer(1, skip))
	g.join(1) // again, as one does who has come back
	reply := g.offer(1, skip)
	dial := func(o direct.Offer) *direct.Line {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		l, err := direct.Dial(ctx, reply.GetAddress(), o, g.reg, skip)
		if err != nil {
			return nil
		}
		t.Cleanup(func() { l.Close(); l.Wait() })
		return l
	}
	if l := dial(old); l != nil {
		t.Error("an offer that was replaced opens a line")
	}
	before := offerOf(g.offer(1, skip))
	g.join(1)
	if l := dial(before); l != nil { // it stands, but the room does not take its line any more
		select {
		case <-l.Done():
		case <-time.After(patience):
			t.Error("an offer from before the player joined again opens a line")
		}
	}
	l := dial(offerOf(g.offer(1, skip)))
	if l == nil {
		t.Fatal("his offer opens no line")
	}
	for deadline := time.Now().Add(patience); w.zone.desk.Count() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there are %d lines", w.zone.desk.Count())
		}
	}
	// It ends with the session that it was opened from.
	if err := g.lines.Detach(zoneNode, 1, stream, fault.Lost); err != nil {
		t.Fatal(err)
	}
	g.lines.Flush()
	select {
	case <-l.Done():
	case <-time.After(patience):
		t.Error("the line goes on without its session")
	}
}

func TestAZoneWithoutLines(t *testing.T) {
	t.Parallel()
	_, g := withLines(t, func(c *Config) { c.Direct = "" })
	g.join(1)
	g.send(1, wire.Request, &pb.OpenLine{Room: 7})
	if m := next[*wirepb.Error](g, 1); fault.Code(m.GetCode()) != fault.Unavailable {
		t.Errorf("it answers %v", m)
	}
}
