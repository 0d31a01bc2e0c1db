package gate_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/gatepb"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/wire"
)

// A backend is a real world node: actors behind a line server.
type backend struct {
	member cluster.Member
	line   *line.Server
	stop   func() error
	gone   chan fault.Code

	entered chan *line.Session
}

// A hero is a player's actor.
type hero struct {
	backend *backend
	session *line.Session
	acts    int64
}

func (h *hero) enter(ctx *actor.Context, m *gatepb.Enter) (*gatepb.Reply, error) {
	if h.session == nil {
		h.session = line.SessionOf(ctx)
		h.session.Watch(ctx.Self())
		h.backend.entered <- h.session
	}
	if m.GetNumber() < 0 {
		return nil, fault.New(fault.FailedPrecondition, "not below zero")
	}
	return &gatepb.Reply{Number: m.GetNumber(), Text: m.GetText()}, nil
}

// act is answered by a push that counts.
func (h *hero) act(_ *actor.Context, m *gatepb.Act) error {
	h.acts++
	return h.session.Push(&gatepb.Note{Number: m.GetNumber()*1000 + h.acts})
}

func (h *hero) detached(_ *actor.Context, d *line.Detached) error {
	h.backend.gone <- d.Code
	return nil
}

func startBackend(t testing.TB, node id.Node) *backend {
	t.Helper()
	boot := id.NewBoot(time.Now())
	links := link.NewServer(linkConfig(node, boot, "world"))
	system := actor.NewSystem(actor.Config{})
	b := &backend{line: line.NewServer(line.Config{Registry: registry(t), Links: links, Types: []string{"world"}}), gone: make(chan fault.Code, 1<<14), entered: make(chan *line.Session, 1<<14)}
	heroes := actor.NewPool(system, func(*actor.Context, int64) (*hero, error) { return &hero{backend: b}, nil }, actor.PoolConfig{})
	line.Handle(b.line, heroes, (*hero).enter)
	line.HandleSend(b.line, heroes, (*hero).act)
	actor.HandleTell(heroes.Behavior(), (*hero).detached)
	if err := errors.Join(b.line.Start(), links.Listen("127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
	links.Start()
	b.member = cluster.Member{Node: node, Boot: boot, Type: "world", State: cluster.Ready, Addr: links.Addr()}
	b.stop = sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return errors.Join(b.line.Stop(ctx), links.Stop(ctx), system.Stop(ctx))
	})
	t.Cleanup(func() {
		if err := b.stop(); err != nil {
			t.Errorf("stop backend: %v", err)
		}
	})
	return b
}

func linkConfig(node id.Node, boot id.Boot, typ string) link.Config {
	return link.Config{Self: link.Peer{Node: node, Boot: boot, Type: typ}, Key: bytes.Repeat([]byte{7}, link.KeySize)}
}

// startReal starts a gate with real lines.
func startReal(t testing.TB, view cluster.View, change ...func(*gate.Config)) (g *gate.Gate, addr string) {
	t.Helper()
	transport := tcp.New(tcp.Config{})
	self := link.Peer{Node: gateNode, Boot: 1, Type: "gate"}
	cfg := gate.Config{
		Self: self, Registry: registry(t), View: view, Links: linkConfig(self.Node, self.Boot, self.Type),
		Listen:       []gate.Listen{{Transport: transport, Addr: "127.0.0.1:0"}},
		Routes:       []gate.Route{{Type: "world", Stream: streamWorld, Pick: gate.PickLeast}},
		RateMessages: -1, RateBytes: -1, HandshakeTimeout: time.Minute,
		Authenticate: func(_ context.Context, token string) (gate.Identity, error) {
			n, err := strconv.ParseInt(token, 10, 64)
			return gate.Identity{Player: n}, err
		},
	}
	for _, fn := range change {
		fn(&cfg)
	}
	g, err := gate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Start(t.Context()), g.Open(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			t.Errorf("stop gate: %v", err)
		}
	})
	return g, transport.Addr().String()
}

// openStream asks until the line is up.
func openStream(t testing.TB, c *client, call uint32) {
	t.Helper()
	eventually(t, "the world can be entered", func() bool {
		c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: call}, nil)
		f, err := c.recv()
		if err != nil {
			t.Fatal(err)
		}
		return f.Kind == wire.Reply && f.Call == call
	})
}

func TestFromAClientToItsActorAndBack(t *testing.T) {
	t.Parallel()
	b := startBackend(t, worldNode)
	view := cluster.NewStatic(b.member)
	g, addr := startReal(t, view)
	s := &stack{Gate: g, addrs: map[string]string{"tcp": addr}}
	c := s.enter(t, "tcp", "5")
	openStream(t, c, 1)

	// Requests, sends and what they cause arrive in the order in which they were sent, numbered without a gap.
	const rounds = 200
	var all []byte
	for i := range int64(rounds) {
		n := uint32(2*i + 1)
		body, _ := wire.MarshalAppend(nil, &gatepb.Act{Number: i})
		all = wire.Append(all, wire.Header{Kind: wire.Send, Stream: streamWorld, Message: act, Sequence: n}, body)
		body, _ = wire.MarshalAppend(nil, &gatepb.Enter{Number: i})
		all = wire.Append(all, wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: uint32(i) + 10, Sequence: n + 1}, body)
	}
	if err := c.write(all); err != nil {
		t.Fatal(err)
	}
	last := uint32(0)
	for i := range int64(rounds) {
		push := c.expect(wire.Push)
		var n gatepb.Note
		c.decode(push.body, &n)
		answer := c.expect(wire.Reply)
		var r gatepb.Reply
		c.decode(answer.body, &r)
		if n.GetNumber() != i*1000+i+1 || r.GetNumber() != i || answer.Call != uint32(i)+10 {
			t.Fatalf("round %d: push %d, then reply %d to call %d", i, n.GetNumber(), r.GetNumber(), answer.Call)
		}
		if last != 0 && (push.Sequence != last+1 || answer.Sequence != last+2) {
			t.Fatalf("round %d: numbers %d and %d after %d", i, push.Sequence, answer.Sequence, last)
		}
		last = answer.Sequence
	}
	body, _ := wire.MarshalAppend(nil, &gatepb.Enter{Number: -1})
	c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 3, Sequence: 2*rounds + 1}, body)
	c.expectError(wire.Error, 3, fault.FailedPrecondition)

	c.send(wire.Header{Kind: wire.Leave}, nil)
	c.expectEnd()
	if code := <-b.gone; code != fault.OK {
		t.Errorf("the backend was told %s", code)
	}
}

func TestABackendDiesAndAnotherTakesOver(t *testing.T) {
	t.Parallel()
	b := startBackend(t, worldNode)
	view := cluster.NewStatic(b.member)
	g, addr := startReal(t, view)
	s := &stack{Gate: g, addrs: map[string]string{"tcp": addr}}
	c := s.enter(t, "tcp", "5")
	openStream(t, c, 1)
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	c.expectReset(streamWorld)
	other := startBackend(t, otherNode)
	view.Set(other.member)
	view.Remove(worldNode)
	openStream(t, c, 2)
	second := s.enter(t, "tcp", "5")
	if code := <-other.gone; code != fault.Replaced {
		t.Errorf("the backend was told %s", code)
	}
	c.expectError(wire.Kick, 0, fault.Replaced)
	openStream(t, second, 3)
}

// BenchmarkThroughGate measures 64-byte requests from clients through a gate over a real line to their players' actors and back, all in one process, and in turn the
// echo of a plain TCP server.
func BenchmarkThroughGate(b *testing.B) {
	for _, load := range []struct{ clients, inFlight int }{{100, 1}, {100, 16}, {1000, 1}} {
		name := strconv.Itoa(load.clients) + "x" + strconv.Itoa(load.inFlight)
		b.Run("raw/"+name, func(b *testing.B) {
			addr := rawEcho(b)
			benchmarkEcho(b, load.clients, load.inFlight, func() (net.Conn, []byte, []byte) {
				message := make([]byte, wire.HeaderSize+64)
				return dialRaw(b, addr), message, message
			})
		})
		b.Run("gate/"+name, func(b *testing.B) {
			back := startBackend(b, worldNode)
			g, addr := startReal(b, cluster.NewStatic(back.member))
			s := &stack{Gate: g, addrs: map[string]string{"tcp": addr}}
			benchmarkEcho(b, load.clients, load.inFlight, func() (net.Conn, []byte, []byte) {
				return dialThrough(b, s)
			})
		})
	}
}

// dialThrough opens a session whose stream is open. Replies differ in their sequence, so only what follows it can be compared: benchmarkEcho is told so by
// a request and an answer of equal size.
func dialThrough(b *testing.B, s *stack) (c net.Conn, request, answer []byte) {
	cl := s.enter(b, "tcp", strconv.FormatInt(players.Add(1), 10))
	openStream(b, cl, 1)
	_ = cl.conn.SetDeadline(time.Time{})
	text := slices.Repeat([]byte{'x'}, 60)
	in, _ := wire.MarshalAppend(nil, &gatepb.Enter{Text: text})
	out, _ := wire.MarshalAppend(nil, &gatepb.Reply{Text: text})
	h := wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 2}
	request = wire.Append(nil, h, in)
	h.Kind, h.Message = wire.Reply, reply
	return &unnumbered{cl.conn}, request, wire.Append(nil, h, out)
}

// An unnumbered connection hides the sequence numbers of the frames of a fixed size that are read from it, for comparison.
type unnumbered struct{ net.Conn }

func (u *unnumbered) Read(b []byte) (int, error) {
	n, err := io.ReadFull(u.Conn, b)
	const size = wire.HeaderSize + 62
	for at := 0; at+size <= n; at += size {
		clear(b[at+12 : at+16])
	}
	return n, err
}
