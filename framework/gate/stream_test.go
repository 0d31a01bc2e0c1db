package gate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// entered is a client whose world stream is open.
func entered(t *testing.T, s *stack) *client {
	t.Helper()
	c := s.enter(t, "tcp", "player:5")
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter, Sequence: 1}, nil)
	s.lines.next(t, "attach")
	s.lines.next(t, "forward")
	return c
}

func (c *client) expectReset(stream uint8) {
	c.t.Helper()
	var r wirepb.Reset
	c.decode(c.expect(wire.Reset).body, &r)
	if r.GetStream() != uint32(stream) {
		c.t.Fatalf("stream %d was reset, want %d", r.GetStream(), stream)
	}
	c.send(wire.Header{Kind: wire.Ack}, c.encode(&wirepb.Ack{Received: []*wirepb.Mark{{Stream: uint32(stream)}}}))
}

func TestBindOpensAStreamBeforeWhatIsPushedNext(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := entered(t, s)
	s.lines.down.Bind(world, c.id, "zone", zoneNode)
	s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note, Sequence: 1}, nil)
	if a := s.lines.next(t, "attach"); a.node != zoneNode || a.info.Type != "zone" || a.info.Stream != streamZone {
		t.Errorf("attached: %+v", a)
	}
	c.expect(wire.Push)
	c.send(wire.Header{Kind: wire.Send, Stream: streamZone, Message: join, Sequence: 1}, nil)
	if f := s.lines.next(t, "forward"); f.node != zoneNode {
		t.Errorf("forwarded to %d", f.node)
	}
	s.lines.send(zone, c.id, wire.Header{Kind: wire.Push, Stream: streamZone, Message: tick}, nil)
	c.expect(wire.Push)
	s.lines.down.Unbind(zone, c.id, "zone")
	s.lines.down.Flush()
	if d := s.lines.next(t, "detach"); d.node != zoneNode || d.stream != streamZone || d.code != fault.OK {
		t.Errorf("detached: %+v", d)
	}
	c.expectReset(streamZone)
	c.send(wire.Header{Kind: wire.Request, Stream: streamZone, Message: join, Call: 3, Sequence: 1}, nil)
	c.expectError(wire.Error, 3, fault.FailedPrecondition)
}

func TestAStreamThatMovesStartsOver(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := entered(t, s)
	s.lines.down.Bind(world, c.id, "world", otherNode)
	s.lines.down.Flush()
	if d := s.lines.next(t, "detach"); d.node != worldNode {
		t.Errorf("detached: %+v", d)
	}
	if a := s.lines.next(t, "attach"); a.node != otherNode {
		t.Errorf("attached: %+v", a)
	}
	// Sent before the client has seen the Reset: it counts as lost there, so it must not reach the new node.
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: act, Sequence: 2}, nil)
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: act, Sequence: 1}, []byte("old"))
	c.expectReset(streamWorld)
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: act, Sequence: 1}, []byte("new"))
	if f := s.lines.next(t, "forward"); f.node != otherNode || string(f.frame.body) != "new" {
		t.Errorf("forwarded: %+v", f)
	}
}

func TestALostBackendResetsItsStreams(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := entered(t, s)
	s.view.Remove(worldNode)
	s.lines.down.Lost(world, fault.New(fault.Lost, "the line broke"))
	c.expectReset(streamWorld)
	h := wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 4, Sequence: 1}
	c.send(h, nil)
	c.expectError(wire.Error, 4, fault.Unavailable)
	s.view.Set(cluster.Member{Node: otherNode, Boot: 1, Type: "world", State: cluster.Ready, Addr: "127.0.0.1:1"})
	h.Sequence = 2
	c.send(h, nil)
	if a := s.lines.next(t, "attach"); a.node != otherNode {
		t.Errorf("attached: %+v", a)
	}
}

func TestABackendIsHeardOnlyAboutItsOwnSessions(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := entered(t, s)
	push := wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note}
	s.lines.down.Deliver(zone, c.id, push, nil)
	s.lines.down.Multicast(zone, []id.Session{c.id, 12345}, push, nil)
	s.lines.down.Bind(zone, c.id, "world", otherNode)
	s.lines.down.Unbind(zone, c.id, "world")
	s.lines.down.Kick(zone, c.id, fault.Forbidden, "not yours")
	s.lines.down.Deliver(world, c.id, wire.Header{Kind: wire.Push, Stream: streamZone, Message: note}, nil) // not its stream
	s.lines.down.Bind(world, c.id, "nonsense", otherNode)
	s.lines.down.Flush()
	if s.Stray() != 7 {
		t.Errorf("%d strays, want 7", s.Stray())
	}
	c.send(wire.Header{Kind: wire.Ping}, nil)
	c.expect(wire.Pong)
	if n := len(s.lines.events); n != 0 {
		t.Errorf("%d events", n)
	}
	s.lines.down.Kick(world, c.id, fault.Forbidden, "cheater")
	c.expectError(wire.Kick, 0, fault.Forbidden)
}

func TestMulticastAndBroadcast(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := entered(t, s)
	anonymous := s.enter(t, "ws", "")
	inJSON := s.dial(t, "ws")
	inJSON.json = true
	inJSON.hello(&wirepb.Hello{Protocol: 1, Token: "player:8"})
	inJSON.welcome()
	s.lines.down.Multicast(world, []id.Session{c.id, anonymous.id}, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: tick}, []byte{8, 1})
	s.lines.down.Broadcast(world, wire.Header{Kind: wire.Push, Message: tick}, []byte{8, 2})
	s.lines.down.Flush()
	if f := c.expect(wire.Push); string(f.body) != "\x08\x01" {
		t.Errorf("multicast: %v", f)
	}
	for _, all := range []*client{c, anonymous, inJSON} {
		f := all.expect(wire.Push)
		want := "\x08\x02"
		if all.json {
			want = `{"number":"2"}`
		}
		if string(f.body) != want || f.Stream != streamWorld {
			t.Errorf("broadcast: %v", f)
		}
	}
}

func TestAcksGoToTheirBackends(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := entered(t, s)
	ack := &wirepb.Ack{Received: []*wirepb.Mark{{Stream: streamZone, Sequence: 4}, {Stream: 300, Sequence: 5}, {Stream: streamWorld, Sequence: 6}}}
	c.send(wire.Header{Kind: wire.Ack}, c.encode(ack))
	if a := s.lines.next(t, "ack"); a.node != worldNode || a.frame.Sequence != 6 {
		t.Errorf("ack: %+v", a)
	}
}

// TestRandomBindings checks a session against a plain model of where each of its streams leads, over random operations of backends and client.
func TestRandomBindings(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 1))
			s := start(t, func(c *gate.Config) { c.RateMessages, c.RateBytes = -1, -1 })
			s.view.Set(cluster.Member{Node: otherNode, Boot: 1, Type: "world", State: cluster.Ready, Addr: "127.0.0.1:1"})
			c := s.enter(t, "tcp", "player:5")

			types := map[uint8]string{streamWorld: "world", streamZone: "zone"}
			nodes := map[uint8][]id.Node{streamWorld: {worldNode, otherNode}, streamZone: {zoneNode, zoneNode + 1}}
			leads, used := map[uint8]id.Node{}, map[uint8]bool{}
			down := map[id.Node]bool{}      // nodes without a line
			waits := map[uint8]bool{}       // bound to one of them
			waiting := map[uint8][]uint32{} // calls that were sent meanwhile
			next := map[uint8]uint32{streamWorld: 1, streamZone: 1}
			lose := func(stream uint8) { // what the client sees when a stream has lost its node
				if used[stream] {
					c.expectReset(stream)
					used[stream], next[stream] = false, 1
				}
				leads[stream], waits[stream], waiting[stream] = 0, false, nil
			}
			leave := func(stream uint8) {
				if !waits[stream] {
					s.lines.next(t, "detach")
				}
				lose(stream)
			}
			lead := func(stream uint8, node id.Node) {
				leads[stream] = node
				if waits[stream] = down[node]; !down[node] {
					s.lines.next(t, "attach")
				}
			}
			for step := range 200 {
				stream := []uint8{streamWorld, streamZone}[rng.IntN(2)]
				node := nodes[stream][rng.IntN(2)]
				from := link.Peer{Node: leads[streamWorld]}
				if waits[streamWorld] {
					from.Node = 0
				}
				switch op := rng.IntN(8); {
				case op == 0 && from.Node != 0:
					s.lines.down.Bind(from, c.id, types[stream], node)
					s.lines.down.Flush()
					if leads[stream] != node {
						if leads[stream] != 0 {
							leave(stream)
						}
						lead(stream, node)
					}
				case op == 1 && from.Node != 0:
					s.lines.down.Unbind(from, c.id, types[stream])
					s.lines.down.Flush()
					if leads[stream] != 0 {
						leave(stream)
					}
				case op == 2 && rng.IntN(3) == 0:
					if rng.IntN(3) > 0 { // else it is there again already
						s.lines.cut(node)
						down[node] = true
					}
					s.lines.down.Lost(link.Peer{Node: node}, nil)
					switch {
					case leads[stream] != node || waits[stream]:
					case stream == streamZone && !used[stream]:
						lead(stream, node)
					default:
						lose(stream)
					}
				case op == 3:
					s.lines.mend(link.Peer{Node: node})
					down[node] = false
					if leads[stream] == node && waits[stream] {
						lead(stream, node)
						for _, call := range waiting[stream] {
							if f := s.lines.next(t, "forward"); f.node != node || f.frame.Call != call {
								t.Fatalf("step %d: forwarded %+v, want call %d at %d", step, f, call, node)
							}
						}
						waiting[stream] = nil
					}
				case op == 4 && rng.IntN(3) == 0:
					s.LookLater(gate.LineTimeout + time.Second)
					for _, stream := range []uint8{streamWorld, streamZone} {
						if len(waiting[stream]) > 0 {
							lose(stream)
						}
					}
				case op == 5 && !down[node]:
					s.lines.send(link.Peer{Node: node}, c.id, wire.Header{Kind: wire.Push, Stream: stream, Message: tick}, []byte{byte(step)})
					if leads[stream] == node {
						used[stream] = true
						if f := c.expect(wire.Push); f.body[0] != byte(step) || f.Stream != stream {
							t.Fatalf("step %d: %v", step, f)
						}
					}
				default:
					message := map[uint8]uint16{streamWorld: enter, streamZone: join}[stream]
					c.send(wire.Header{Kind: wire.Request, Stream: stream, Message: message, Call: uint32(step + 1), Sequence: next[stream]}, nil)
					next[stream]++
					if leads[stream] == 0 && stream == streamZone {
						c.expectError(wire.Error, uint32(step+1), fault.FailedPrecondition)
						continue
					}
					if leads[stream] == 0 && down[worldNode] && down[otherNode] {
						c.expectError(wire.Error, uint32(step+1), fault.Unavailable)
						continue
					}
					if leads[stream] == 0 {
						leads[stream] = s.lines.next(t, "attach").node
					}
					used[stream] = true
					if waits[stream] {
						c.answered()
						waiting[stream] = append(waiting[stream], uint32(step+1))
						continue
					}
					if f := s.lines.next(t, "forward"); f.node != leads[stream] || f.frame.Call != uint32(step+1) {
						t.Fatalf("step %d: forwarded %+v, want it at %d", step, f, leads[stream])
					}
				}
			}
		})
	}
}
