package gate_test

import (
	"fmt"
	"testing"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/line"
	"loumiao/framework/wire"
)

// bound is a client whose zone stream is bound to a node to which there is no line.
func bound(t *testing.T, s *stack) *client {
	t.Helper()
	c := entered(t, s)
	s.lines.cut(zoneNode)
	s.lines.down.Bind(world, c.id, "zone", zoneNode)
	s.lines.down.Flush()
	return c
}

// joins has the client send requests from one number to another, which are their calls too.
func (c *client) joins(from, to uint32) {
	c.t.Helper()
	for n := from; n <= to; n++ {
		c.send(wire.Header{Kind: wire.Request, Stream: streamZone, Message: join, Call: n, Sequence: n}, fmt.Append(nil, n))
	}
}

// joined expects those requests at the zone.
func (s *stack) joined(t *testing.T, from, to uint32) {
	t.Helper()
	for n := from; n <= to; n++ {
		if f := s.lines.next(t, "forward"); f.node != zoneNode || f.frame.Call != n || f.frame.Sequence != n || string(f.frame.body) != fmt.Sprint(n) {
			t.Fatalf("forwarded %+v, want join %d at the zone", f, n)
		}
	}
}

// TestABindingWaitsForItsLine has a client reach the node that he is bound to although its line comes up only after he has begun to send there.
func TestABindingWaitsForItsLine(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := bound(t, s)
	c.joins(1, 3)
	s.lines.down.Bind(world, c.id, "zone", zoneNode) // as a world says that is asked again
	c.answered()
	s.lines.down.Up(world) // another line
	s.LookLater(gate.LineTimeout / 2)
	if n := len(s.lines.events); n > 0 {
		t.Fatalf("%d events while there is no line", n)
	}
	s.lines.mend(zone)
	if a := s.lines.next(t, "attach"); a.node != zoneNode || a.info.Stream != streamZone || a.info.Player != 5 {
		t.Errorf("attached: %+v", a)
	}
	s.joined(t, 1, 3)
	c.joins(4, 5)
	s.joined(t, 4, 5)
	s.LookLater(2 * gate.LineTimeout)
	s.lines.send(zone, c.id, wire.Header{Kind: wire.Push, Stream: streamZone, Message: tick}, nil)
	c.expect(wire.Push) // and no Reset before it
	s.lines.down.Up(zone)
	if n := len(s.lines.events); n > 0 {
		t.Errorf("%d events of a session that waits for nothing", n)
	}
}

// TestABindingThatIsNotUsedOutlivesItsLine has a client who has sent nothing yet hear nothing of a line that breaks and comes again: he would not know that
// he is bound no more.
func TestABindingThatIsNotUsedOutlivesItsLine(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := entered(t, s)
	s.lines.down.Bind(world, c.id, "zone", zoneNode)
	s.lines.next(t, "attach")
	broke := fault.New(fault.Lost, "the line broke")
	s.lines.down.Lost(zone, broke) // and is there again already, to the node's next life
	s.lines.next(t, "attach")
	s.lines.cut(zoneNode)
	s.lines.down.Lost(zone, broke)
	s.lines.down.Lost(zone, broke) // a line of an older life, of which this gate hears late
	s.LookLater(2 * gate.LineTimeout)
	c.joins(1, 2)
	c.answered()
	s.lines.mend(zone)
	s.lines.next(t, "attach")
	s.joined(t, 1, 2)
	s.lines.down.Lost(zone, broke)
	c.expectReset(streamZone)
	c.joins(1, 1)
	c.expectError(wire.Error, 1, fault.FailedPrecondition)
}

// TestABindingWithoutALineEnds has clients told that what they have sent will not arrive.
func TestABindingWithoutALineEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *stack, c *client){
		"there is no line in time": func(s *stack, _ *client) { s.LookLater(gate.LineTimeout + time.Second) },
		"the world takes it back":  func(s *stack, c *client) { s.lines.down.Unbind(world, c.id, "zone"); s.lines.down.Flush() },
		"too much waits":           func(_ *stack, c *client) { c.joins(3, 513) },
		"the line is full at once": func(s *stack, _ *client) { s.lines.fill(); s.lines.mend(zone) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *gate.Config) { c.RateMessages, c.RateBytes = -1, -1 })
			c := bound(t, s)
			c.joins(1, 2)
			c.answered()
			end(s, c)
			c.expectReset(streamZone)
			c.joins(1, 1)
			c.expectError(wire.Error, 1, fault.FailedPrecondition)
			s.lines.mend(zone)
			for len(s.lines.events) > 0 {
				if e := <-s.lines.events; e.what != "attach" && e.what != "detach" { // the line that was full
					t.Errorf("%s: %+v", e.what, e)
				}
			}
		})
	}
}

// TestABindingElsewhereWithoutALine has what was sent for one node not reach another.
func TestABindingElsewhereWithoutALine(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := bound(t, s)
	c.joins(1, 2)
	c.answered()
	s.lines.down.Bind(world, c.id, "zone", zoneNode+1)
	s.lines.down.Flush()
	if a := s.lines.next(t, "attach"); a.node != zoneNode+1 || a.info.Resets != 1 {
		t.Errorf("attached: %+v", a)
	}
	c.joins(3, 3) // sent before the Reset was seen
	c.expectReset(streamZone)
	c.joins(1, 1)
	if f := s.lines.next(t, "forward"); f.node != zoneNode+1 || f.frame.Call != 1 {
		t.Errorf("forwarded: %+v", f)
	}
	s.lines.mend(zone)
	c.answered()
	if n := len(s.lines.events); n > 0 {
		t.Errorf("%d events for a node that the session is not bound to any more", n)
	}
}

// TestAClientLeavesWhileHeWaitsForALine leaves nothing behind that a line would be told.
func TestAClientLeavesWhileHeWaitsForALine(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := bound(t, s)
	c.joins(1, 2)
	c.send(wire.Header{Kind: wire.Leave}, nil)
	c.expectEnd()
	if d := s.lines.next(t, "detach"); d.node != worldNode {
		t.Errorf("detached: %+v", d)
	}
	s.lines.mend(zone)
	s.LookLater(2 * gate.LineTimeout)
	if n := len(s.lines.events); n > 0 {
		t.Errorf("%d events of a session that is over", n)
	}
}

// TestARealLineComesAfterTheBinding is a binding by a real backend to one that the gate does not know of yet.
func TestARealLineComesAfterTheBinding(t *testing.T) {
	t.Parallel()
	first := startBackend(t, worldNode)
	view := cluster.NewStatic(first.member)
	g, addr := startReal(t, view)
	s := &stack{Gate: g, addrs: map[string]string{"tcp": addr}}
	c := s.enter(t, "tcp", "5")
	openStream(t, c, 1)
	second := startBackend(t, otherNode)
	first.session(t).Bind("world", otherNode)
	c.expectReset(streamWorld)
	c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 2, Sequence: 1}, nil)
	c.answered()
	view.Set(second.member)
	if f := c.expect(wire.Reply); f.Call != 2 || f.Sequence != 1 {
		t.Errorf("answered: %v", f)
	}
	if code := <-first.gone; code != fault.OK {
		t.Errorf("the first backend was told %s", code)
	}
	second.session(t)
}

// session is a session that has entered.
func (b *backend) session(t testing.TB) *line.Session {
	t.Helper()
	select {
	case s := <-b.entered:
		return s
	case <-time.After(patience):
		t.Fatal("nobody has entered")
		return nil
	}
}
