package gate_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/gatepb"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// A traveller is a client that comes back: it numbers what it sends, keeps what may not have arrived, and knows what it has received.
type traveller struct {
	*client
	token    string
	resume   []byte
	grace    time.Duration
	received uint32                 // on the world's stream
	sent     uint32                 // likewise
	pending  map[uint32]*gatepb.Act // by number
	pushes   []int64
}

// travel opens a session and its stream to the world.
func (s *stack) travel(t testing.TB, token string) *traveller {
	t.Helper()
	c := &traveller{client: s.dial(t, "tcp"), token: token, pending: map[uint32]*gatepb.Act{}}
	c.hello(&wirepb.Hello{Protocol: wire.Version, Token: token})
	c.note(c.welcome())
	openStream(t, c.client, 1)
	c.received = 1
	return c
}

func (c *traveller) note(w *wirepb.Welcome) {
	c.resume, c.grace = w.GetResume(), time.Duration(w.GetGraceMs())*time.Millisecond
}

// comeBack connects to a gate and says what it has.
func (c *traveller) comeBack(t testing.TB, s *stack) {
	t.Helper()
	before := c.id
	c.client = s.dial(t, "tcp")
	c.id = before
	c.hello(&wirepb.Hello{
		Protocol: wire.Version, Token: c.token, Resume: c.resume, Received: []*wirepb.Mark{{Stream: streamWorld, Sequence: c.received}},
	})
}

// goOn expects to be let in again, and sends what has not arrived.
func (c *traveller) goOn(t testing.TB) {
	t.Helper()
	before := c.id
	w := c.welcome()
	if c.id != before || len(w.GetReceived()) != 1 || w.GetReceived()[0].GetStream() != streamWorld {
		t.Fatalf("session %v instead of %v, with %v", c.id, before, w.GetReceived())
	}
	c.note(w)
	taken := w.GetReceived()[0].GetSequence()
	if taken > c.sent {
		t.Fatalf("the world has taken %d of %d", taken, c.sent)
	}
	for n := taken + 1; n <= c.sent; n++ {
		c.write1(n)
	}
}

// act sends the next message; a connection that is broken does not take it.
func (c *traveller) act(number int64) {
	c.sent++
	c.pending[c.sent] = &gatepb.Act{Number: number}
	c.write1(c.sent)
}

func (c *traveller) write1(n uint32) {
	_ = c.write(wire.Append(nil, wire.Header{Kind: wire.Send, Stream: streamWorld, Message: act, Sequence: n}, c.encode(c.pending[n])))
}

// hear takes the next push.
func (c *traveller) hear(t testing.TB) {
	t.Helper()
	f := c.expect(wire.Push)
	if f.Sequence != c.received+1 {
		t.Fatalf("number %d after %d", f.Sequence, c.received)
	}
	c.received++
	var n gatepb.Note
	c.decode(f.body, &n)
	c.pushes = append(c.pushes, n.GetNumber())
}

// gates starts gates that share their players' sessions and kick each other's.
func gates(t testing.TB, view cluster.View, shared *sharedSessions, n int) []*stack {
	t.Helper()
	stacks := make([]*stack, n)
	for i := range stacks {
		node := gateNode + id.Node(i)
		g, addr := startReal(t, view, func(c *gate.Config) {
			c.Self = link.Peer{Node: node, Boot: id.Boot(i + 1), Type: "gate"}
			c.Links = linkConfig(node, c.Self.Boot, "gate")
			c.Grace = time.Hour
			c.Sessions = shared
			c.KickRemote = func(_ context.Context, h gate.Holder, code fault.Code) error {
				stacks[h.Node-gateNode].Gate.Kick(h.Session, h.Turn, code, "elsewhere")
				return nil
			}
		})
		stacks[i] = &stack{Gate: g, addrs: map[string]string{"tcp": addr}}
	}
	return stacks
}

// TestResumeMissesNothing plays on while the connection is cut again and again, in several ways, and each time resumed by any of three gates.
func TestResumeMissesNothing(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	b := startBackend(t, worldNode)
	shared := &sharedSessions{holders: map[int64]gate.Holder{}}
	stacks := gates(t, cluster.NewStatic(b.member), shared, 3)
	for _, s := range stacks {
		openStream(t, s.enter(t, "tcp", "1"), 1) // its line is up
	}
	c := stacks[0].travel(t, "5")
	acts := int64(0)
	for range 60 {
		for range rng.IntN(6) {
			c.act(acts)
			acts++
		}
		for n := rng.IntN(4); n > 0 && int64(len(c.pushes)) < acts; n-- {
			c.hear(t)
		}
		if rng.IntN(3) == 0 {
			continue
		}
		if rng.IntN(2) == 0 {
			c.conn.Close() // otherwise the older connection is still there
		}
		c.comeBack(t, stacks[rng.IntN(len(stacks))])
		c.goOn(t)
	}
	for int64(len(c.pushes)) < acts {
		c.hear(t)
	}
	for i, n := range c.pushes {
		if want := int64(i)*1000 + int64(i) + 1; n != want {
			t.Fatalf("push %d is %d, want %d: something was missed or done twice", i, n, want)
		}
	}
	c.send(wire.Header{Kind: wire.Leave}, nil)
	c.expectEnd()
	for { // those who opened the lines
		if code := <-b.gone; code == fault.OK {
			break
		}
	}
	eventually(t, "the place is free", func() bool { return shared.holder(5) == gate.Holder{} })
}

// TestResumeAfterTheGateDied has the gate cut off everybody.
func TestResumeAfterTheGateDied(t *testing.T) {
	t.Parallel()
	b := startBackend(t, worldNode)
	stacks := gates(t, cluster.NewStatic(b.member), &sharedSessions{holders: map[int64]gate.Holder{}}, 2)
	openStream(t, stacks[1].enter(t, "tcp", "1"), 1)
	c := stacks[0].travel(t, "5")
	c.act(0)
	c.hear(t)
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	_ = stacks[0].Stop(dead)
	c.act(1) // into the void
	c.comeBack(t, stacks[1])
	c.goOn(t)
	c.hear(t)
	if got := c.pushes[1]; got != 1002 {
		t.Errorf("the second push is %d", got)
	}
}

// TestResumeRefused has clients come back who cannot.
func TestResumeRefused(t *testing.T) {
	t.Parallel()
	b := startBackend(t, worldNode)
	shared := &sharedSessions{holders: map[int64]gate.Holder{}}
	s := gates(t, cluster.NewStatic(b.member), shared, 1)[0]
	tests := []struct {
		name   string
		change func(c *traveller)
		code   fault.Code
	}{
		{"a forged token", func(c *traveller) { c.resume[3] ^= 1 }, fault.StartOver},
		{"half a token", func(c *traveller) { c.resume = c.resume[:12] }, fault.StartOver},
		{"somebody else's token", func(c *traveller) { c.token = "999" }, fault.StartOver},
		{"without a login", func(c *traveller) { c.token = "" }, fault.StartOver},
		{"with more than was sent", func(c *traveller) { c.received = 1000 }, fault.StartOver},
		{"after a newer session", func(c *traveller) {
			newer := s.enter(t, "tcp", c.token)
			t.Cleanup(func() {
				newer.send(wire.Header{Kind: wire.Ping, Call: 1}, nil)
				newer.expect(wire.Pong) // it is left alone
			})
		}, fault.Replaced},
		{"after leaving", func(c *traveller) {
			c.send(wire.Header{Kind: wire.Leave}, nil)
			c.expectEnd()
			for {
				if code := <-b.gone; code == fault.OK {
					break
				}
			}
		}, fault.StartOver},
	}
	for i, test := range tests {
		c := s.travel(t, string(rune('2'+i))) // a player each
		test.change(c)
		c.comeBack(t, s)
		f := c.expect(wire.Kick)
		var e wirepb.Error
		c.decode(f.body, &e)
		if code := fault.Code(e.GetCode()); code != test.code {
			t.Errorf("%s: kicked with %v (%s); want %v", test.name, code, e.GetMessage(), test.code)
		}
		c.expectEnd()
	}
	anonymous := s.dial(t, "tcp")
	anonymous.hello(&wirepb.Hello{Protocol: wire.Version})
	if w := anonymous.welcome(); len(w.GetResume()) != 0 || w.GetGraceMs() != 0 {
		t.Errorf("an anonymous session could be resumed: %v", w)
	}
}

// TestNoGrace has a gate that resumes nothing.
func TestNoGrace(t *testing.T) {
	t.Parallel()
	b := startBackend(t, worldNode)
	g, addr := startReal(t, cluster.NewStatic(b.member), func(c *gate.Config) { c.Grace = -1 })
	s := &stack{Gate: g, addrs: map[string]string{"tcp": addr}}
	c := s.travel(t, "5")
	if len(c.resume) != 0 || c.grace != 0 {
		t.Errorf("the gate promises to resume: grace %v", c.grace)
	}
	c.conn.Close()
	if code := <-b.gone; code != fault.Lost {
		t.Errorf("the backend was told %v", code)
	}
	c.resume = make([]byte, 24)
	c.comeBack(t, s)
	c.expectError(wire.Kick, 0, fault.StartOver)
}

// TestResumeOfSomeStreams has one backend that has its stream and others that do not: those start over, and one that never answers keeps nobody from the rest.
func TestResumeOfSomeStreams(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) { c.HandshakeTimeout = 500 * time.Millisecond })
	c := s.enter(t, "tcp", "player:5")
	c.conn.Close()
	type asked struct{ resets, received uint32 }
	questions := map[uint8]asked{}
	s.lines.finds = func(stream uint8, resets, received uint32) []id.Node {
		questions[stream] = asked{resets, received}
		sid := c.id
		switch stream {
		case streamWorld:
			go s.lines.down.Found(world, sid, line.Found{Stream: stream, Found: true, Received: 9})
			return []id.Node{worldNode, otherNode} // the other never answers
		case streamZone:
			go s.lines.down.Found(zone, sid, line.Found{Stream: stream})
			return []id.Node{zoneNode}
		}
		return nil
	}
	first := s.dial(t, "tcp")
	first.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:5"})
	w := first.welcome()
	c.id = first.id
	first.conn.Close()

	back := s.dial(t, "tcp")
	back.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:5", Resume: w.GetResume(), Received: []*wirepb.Mark{
		{Stream: streamWorld, Sequence: 7}, {Stream: streamZone, Sequence: 3, Resets: 2}, {Stream: 200, Sequence: 1},
	}})
	again := back.welcome()
	if len(again.GetReceived()) != 1 || again.GetReceived()[0].GetStream() != streamWorld || again.GetReceived()[0].GetSequence() != 9 {
		t.Errorf("welcomed with %v", again.GetReceived())
	}
	back.expectReset(streamZone)
	if e := s.lines.next(t, "resume"); e.node != worldNode || e.frame.Sequence != 7 || e.session != first.id || e.info.Type != "world" {
		t.Errorf("resumed: %+v", e)
	}
	if questions[streamWorld] != (asked{0, 7}) || questions[streamZone] != (asked{2, 3}) || questions[streamQueue] != (asked{0, 0}) {
		t.Errorf("the backends were asked %v", questions)
	}
	// The zone's stream is the third of its number by now, and the node that gets it is told so.
	s.lines.down.Bind(world, first.id, "zone", zoneNode)
	if e := s.lines.next(t, "attach"); e.info.Resets != 3 || e.info.Grace != time.Minute {
		t.Errorf("attached with %+v", e.info)
	}
}

// TestResumeAtTheNewestOwner has two backends that both have a stream: the one with the newer epoch goes on with it, whichever got it later.
func TestResumeAtTheNewestOwner(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	first := s.enter(t, "tcp", "player:5")
	first.conn.Close()
	now := time.Now()
	s.lines.finds = func(stream uint8, _, _ uint32) []id.Node {
		if stream != streamWorld {
			return nil
		}
		sid := first.id
		go s.lines.down.Found(world, sid, line.Found{Stream: stream, Found: true, Received: 1, Epoch: 4, Since: now})
		go s.lines.down.Found(peer(otherNode, "world"), sid, line.Found{Stream: stream, Found: true, Received: 2, Epoch: 5, Since: now.Add(-time.Hour)})
		return []id.Node{worldNode, otherNode}
	}
	again := s.dial(t, "tcp")
	again.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:5"})
	w := again.welcome()
	first.id = again.id
	again.conn.Close()
	back := s.dial(t, "tcp")
	back.hello(&wirepb.Hello{
		Protocol: wire.Version, Token: "player:5", Resume: w.GetResume(), Received: []*wirepb.Mark{{Stream: streamWorld, Sequence: 7}},
	})
	back.welcome()
	if e := s.lines.next(t, "resume"); e.node != otherNode {
		t.Errorf("resumed: %+v", e)
	}
}
