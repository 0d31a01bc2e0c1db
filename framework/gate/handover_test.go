package gate_test

import (
	"fmt"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/wire"
)

var other = peer(otherNode, "world")

// acts has the client send acts from one number to another.
func (c *client) acts(from, to uint32) {
	c.t.Helper()
	for n := from; n <= to; n++ {
		c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: act, Sequence: n}, fmt.Append(nil, n))
	}
}

// forwarded expects those acts at the node.
func (s *stack) forwarded(t *testing.T, node id.Node, from, to uint32) {
	t.Helper()
	for n := from; n <= to; n++ {
		if f := s.lines.next(t, "forward"); f.node != node || f.frame.Sequence != n || string(f.frame.body) != fmt.Sprint(n) {
			t.Fatalf("forwarded %+v, want act %d at %d", f, n, node)
		}
	}
}

// answered returns when the gate has read what the client has sent.
func (c *client) answered() {
	c.t.Helper()
	c.send(wire.Header{Kind: wire.Ping}, nil)
	c.expect(wire.Pong)
}

// TestHandover moves a stream while its client sends on: nothing is lost, and he hears of nothing.
func TestHandover(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := entered(t, s)
	c.acts(2, 3)
	s.forwarded(t, worldNode, 2, 3)
	s.lines.down.Hold(zone, c.id, streamWorld) // it is not the zone's
	s.lines.down.Move(zone, c.id, streamWorld, otherNode, 7)
	s.lines.down.Hold(world, c.id, streamWorld)
	if e := s.lines.next(t, "held"); e.node != worldNode || e.session != c.id || e.stream != streamWorld {
		t.Errorf("held: %+v", e)
	}
	c.acts(4, 9)
	c.answered()
	s.LookLater(2 * gate.LineTimeout) // it is not a line that they wait for
	if n := len(s.lines.events); n > 0 {
		t.Fatalf("%d events while the stream is held", n)
	}
	push := wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note, Sequence: 1}
	s.lines.send(world, c.id, push, nil)
	c.expect(wire.Push)
	s.lines.down.Move(world, c.id, streamWorld, otherNode, 1)
	if e := s.lines.next(t, "detach"); e.node != worldNode || e.code != fault.OK {
		t.Errorf("detached: %+v", e)
	}
	if e := s.lines.next(t, "go on"); e.node != otherNode || e.info.Type != "world" || e.info.Player != 5 || e.frame.Sequence != 1 {
		t.Errorf("goes on: %+v", e)
	}
	s.forwarded(t, otherNode, 4, 9)
	c.acts(10, 11)
	s.forwarded(t, otherNode, 10, 11)
	strays := s.Stray()
	push.Sequence = 2
	s.lines.send(world, c.id, push, nil)
	s.lines.down.Kick(world, c.id, fault.Forbidden, "not yours any more")
	s.lines.down.Bind(world, c.id, "zone", zoneNode)
	s.lines.down.Unbind(world, c.id, "world")
	s.lines.down.Move(world, c.id, streamWorld, worldNode, 1)
	if n := s.Stray() - strays; n != 4 { // a Kick is not counted
		t.Errorf("%d strays, want 4", n)
	}
	s.lines.send(other, c.id, push, nil)
	if f := c.expect(wire.Push); f.Sequence != 2 {
		t.Errorf("got %v", f)
	}
}

// TestHandoverBreaks has streams that cannot go on start over, and nothing of what waited arrive anywhere.
func TestHandoverBreaks(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(s *stack, c *client){
		"no line to the other": func(s *stack, c *client) {
			s.lines.cut(otherNode)
			s.lines.down.Move(world, c.id, streamWorld, otherNode, 7)
			s.lines.down.Flush()
		},
		"the node dies":     func(s *stack, _ *client) { s.lines.down.Lost(world, fault.New(fault.Lost, "the line broke")) },
		"the node gives up": func(s *stack, c *client) { s.lines.down.Unbind(world, c.id, "world"); s.lines.down.Flush() },
		"too much waits":    func(_ *stack, c *client) { c.acts(4, 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *gate.Config) { c.RateMessages = -1 })
			c := entered(t, s)
			s.lines.down.Hold(world, c.id, streamWorld)
			s.lines.next(t, "held")
			c.acts(2, 3)
			c.answered()
			fail(s, c)
			c.expectReset(streamWorld)
			c.answered()
			for len(s.lines.events) > 0 {
				if e := <-s.lines.events; e.what != "detach" {
					t.Errorf("%s: %+v", e.what, e)
				}
			}
			c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter, Sequence: 1}, nil)
			s.lines.next(t, "attach")
			s.lines.next(t, "forward")
		})
	}
}

// TestOldEpochs has nodes refused that serve a session under an older epoch than was seen, of the session or of what they lead.
func TestOldEpochs(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := entered(t, s)
	push := wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note}
	refused := func(from link.Peer, stream uint8) {
		t.Helper()
		if e := s.lines.next(t, "detach"); e.node != from.Node || e.code != fault.Fenced {
			t.Errorf("detached: %+v", e)
		}
		strays := s.Stray()
		push.Stream = stream
		s.lines.send(from, c.id, push, nil)
		s.lines.down.Bind(from, c.id, "zone", zoneNode)
		if n := s.Stray() - strays; n != 2 {
			t.Errorf("%d strays, want 2", n)
		}
		c.expectReset(stream)
	}
	s.lines.down.Own(zone, c.id, streamWorld, 9, "") // it is not the zone's
	s.lines.down.Own(world, c.id, streamWorld, 4, "")
	s.lines.down.Own(world, c.id, streamWorld, 4, "")
	s.lines.down.Own(world, c.id, streamWorld, 5, "")
	s.lines.send(world, c.id, push, nil)
	c.expect(wire.Push)
	s.lines.down.Move(world, c.id, streamWorld, otherNode, 1)
	s.lines.next(t, "detach")
	s.lines.next(t, "go on")
	s.lines.down.Own(other, c.id, streamWorld, 6, "")

	// The gate takes the session back to the older one, as when Redis has lost who is the owner.
	s.lines.down.Bind(other, c.id, "world", worldNode)
	s.lines.down.Flush()
	s.lines.next(t, "detach")
	s.lines.next(t, "attach")
	c.expectReset(streamWorld)
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter, Sequence: 1}, nil)
	s.lines.next(t, "forward")
	s.lines.down.Own(world, c.id, streamWorld, 5, "")
	refused(world, streamWorld)

	// A singleton that was deposed is found out by any session that knows the newer one.
	leader, deposed := peer(queueNode, "queue"), peer(queueNode+1, "queue")
	waits := s.enter(t, "tcp", "player:6")
	waits.send(wire.Header{Kind: wire.Send, Stream: streamQueue, Message: lineUp, Sequence: 1}, nil)
	s.lines.next(t, "attach")
	s.lines.next(t, "forward")
	s.lines.down.Own(leader, waits.id, streamQueue, 8, "queue")
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter, Sequence: 1}, nil)
	s.lines.next(t, "attach")
	s.lines.next(t, "forward")
	s.lines.down.Bind(world, c.id, "queue", deposed.Node)
	s.lines.next(t, "attach")
	c.send(wire.Header{Kind: wire.Send, Stream: streamQueue, Message: lineUp, Sequence: 1}, nil)
	s.lines.next(t, "forward")
	s.lines.down.Own(deposed, c.id, streamQueue, 1, "another queue")
	s.lines.down.Own(deposed, c.id, streamQueue, 7, "queue")
	refused(deposed, streamQueue)
}
