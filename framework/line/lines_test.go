package line

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line/internal/linepb"
	"loumiao/framework/link"
	"loumiao/framework/wire"
)

func TestLinesFollowTheView(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9)
	send := wire.Header{Kind: wire.Send, Stream: 1, Message: 105}
	refused := func(when string) {
		t.Helper()
		if err := g.lines.Forward(1, 1, send, nil); fault.CodeOf(err) != fault.Unavailable {
			t.Fatalf("%s: forward says %v", when, err)
		}
		if err := g.lines.Attach(1, world); fault.CodeOf(err) != fault.Unavailable {
			t.Fatalf("%s: attach says %v", when, err)
		}
		if g.lines.Up(1) {
			t.Fatalf("%s: it is up", when)
		}
	}
	refused("before it is known")

	state := func(s cluster.State) { m := b.member; m.State = s; g.view.Set(m) }
	state(cluster.Joining)
	refused("while joining")
	state(cluster.Standby)
	refused("while standing by")
	state(cluster.Ready)
	g.awaitUp(1, true)
	g.enter(b, world)

	state(cluster.Draining)
	g.awaitUp(1, false)
	g.request(b, world, 1, &linepb.Echo{Number: 5}) // its sessions go on
	g.expect("deliver")

	g.view.Remove(1)
	g.expect("lost")
	refused("after it left")
	receive(t, b.detached, "the end of the session")

	state(cluster.Draining) // as a gate sees it that has just come: sessions may come back by it, and none begins
	if err := g.lines.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if asked := g.lines.Find(world, 0); len(asked) != 1 || g.lines.Up(1) {
		t.Fatalf("first seen draining: %d nodes are asked for a session, up is %t", len(asked), g.lines.Up(1))
	}
}

// TestSettle has lines be there that can be, and does not wait for those that cannot.
func TestSettle(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	g.view.Set(b.member, cluster.Member{Node: 2, Boot: 1, Type: "world", Addr: closed.Addr().String(), State: cluster.Ready})
	if err := g.lines.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !g.lines.Up(1) || g.lines.Up(2) {
		t.Fatalf("settled with node 1 up %t, and node 2, which does not listen, %t", g.lines.Up(1), g.lines.Up(2))
	}

	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes the connection, and never speaks
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	g.view.Set(cluster.Member{Node: 3, Boot: 1, Type: "world", Addr: silent.Addr().String(), State: cluster.Ready})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.lines.Settle(ctx); err == nil {
		t.Fatal("settled with a node that has not answered yet")
	}
	if err := g.lines.Settle(t.Context()); err != nil || g.lines.Up(3) { // it was given up: nobody ends the wait for it
		t.Fatalf("settled with %v, and a node up %t that never answers", err, g.lines.Up(3))
	}
}

func TestLineToTheNextLife(t *testing.T) {
	t.Parallel()
	first := newBackend(t, 1, nil)
	g := newGate(t, 9, first.member)
	g.enter(first, world)
	second := newBackend(t, 1, nil)
	confused := second.member
	confused.Boot++ // gossip and whoever listens there must agree
	g.view.Set(confused)
	g.expect("lost")
	if err := g.lines.Attach(1, world); fault.CodeOf(err) != fault.Unavailable {
		t.Fatal("attached to somebody else:", err)
	}
	g.view.Set(second.member)
	g.awaitUp(1, true)
	g.attach(second, world)
	g.request(second, world, 1, &linepb.Enter{})
	if e := g.expect("deliver"); e.head.Sequence != 1 {
		t.Fatalf("the new life counts from %d", e.head.Sequence)
	}
}

func TestBrokenLineIsOpenedAgain(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	for range 5 {
		if n := receive(t, g.ups, "word of the line"); n != 1 {
			t.Fatalf("a line to node %d is up", n)
		}
		s := g.enter(b, world)
		(*b.srv.lines.Load())[0].conn.Close(fault.New(fault.Lost, "cut by the test"))
		if e := g.expect("lost"); e.from != 1 || e.code == fault.OK {
			t.Fatalf("lost: %+v", e)
		}
		if d := receive(t, b.detached, "the end of the session"); d.Session != s || d.Code != fault.Lost {
			t.Fatalf("told of %v", d)
		}
		await(t, "the backend has one line", func() bool { return b.srv.Gates() == 1 })
	}
}

func TestLineWaitsForItsBackend(t *testing.T) {
	t.Parallel()
	// A listener that does not speak the protocol yet, and a server that is not started.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	links := link.NewServer(linkConfig(2, 5, "world"))
	srv := NewServer(Config{Registry: testRegistry(t), Links: links, Types: []string{"world"}})
	if err := links.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	links.Start()
	defer func() { _ = srv.Stop(context.Background()); _ = links.Stop(context.Background()) }()

	g := newGate(t, 9)
	g.view.Set(cluster.Member{Node: 1, Boot: 1, Type: "zone", Addr: silent.Addr().String(), State: cluster.Ready},
		cluster.Member{Node: 2, Boot: 5, Type: "world", Addr: links.Addr(), State: cluster.Ready},
		cluster.Member{Node: 3, Boot: 1, Type: "match", Addr: "127.0.0.1:1", State: cluster.Ready},
		cluster.Member{Node: 4, Boot: 1, Type: "world", State: cluster.Ready})
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	g.awaitUp(2, true)
	if lines := *g.lines.byNode.Load(); g.lines.Up(1) || lines[3] != nil || lines[4] != nil {
		t.Fatal("there are lines to who is not there, is of another type, or has no address")
	}
}

func TestLinesStop(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	g.enter(b, world)
	// What was queued before is delivered.
	for i := range 20 {
		g.send(b, world, 0, &linepb.Note{Number: int64(i)})
	}
	g.stop()
	g.expect("lost")
	for i := range 20 {
		if n := receive(t, b.noted, "a note"); n != int64(i) {
			t.Fatalf("note %d, want %d", n, i)
		}
	}
	g.view.Remove(1) // nobody listens
	g.stop()
	if err := g.lines.Start(); err == nil {
		t.Error("started again")
	}
	if err := NewLines(LinesConfig{}).Stop(context.Background()); err != nil {
		t.Error("stop without start:", err)
	}
}

func TestForwardRefusesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	for _, h := range []wire.Header{{Kind: wire.Hello, Stream: 1}, {Kind: wire.Send, Stream: 1}, {Kind: wire.Request, Message: 5}, {Kind: wire.Push, Stream: 1, Message: 5}} {
		if err := g.lines.Forward(1, 1, h, nil); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", h, err)
		}
	}
	for _, s := range []SessionInfo{{}, {ID: 1, Type: "world"}, {ID: 1, Stream: 1}} {
		if err := g.lines.Attach(1, s); err == nil {
			t.Errorf("%+v was attached", s)
		}
	}
	g.enter(b, world) // the line was not closed over it
}

// A nobody is a link handler that takes nothing in, until it is let go.
type nobody struct{ hold chan struct{} }

func (n nobody) Frame(*link.Conn, []byte) { <-n.hold }
func (n nobody) Flush(*link.Conn)         {}
func (n nobody) Closed(*link.Conn, error) {}

func TestFullLineIsOverloaded(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	links := link.NewServer(linkConfig(1, 1, "world"))
	links.Handle(link.Line, func(*link.Conn) link.Handler { return nobody{hold} })
	if err := links.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	links.Start()
	defer func() { close(hold); _ = links.Stop(context.Background()) }()
	g := newGate(t, 9, cluster.Member{Node: 1, Boot: 1, Type: "world", Addr: links.Addr(), State: cluster.Ready})
	body := make([]byte, 1<<20)
	for range 100 { // more than the line and the kernel between them hold
		err := g.lines.Forward(1, 1, wire.Header{Kind: wire.Send, Stream: 1, Message: 103}, body)
		g.lines.Flush()
		if fault.CodeOf(err) == fault.Overloaded {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("a hundred megabytes were queued for a backend that does not read")
}

func TestGarbageFromAGateEndsOnlyItsLine(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	honest := newGate(t, 9, b.member)
	honest.enter(b, world)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 60 {
		hold := make(chan struct{})
		close(hold)
		var conn *link.Conn
		await(t, "linked", func() bool { // a handshake may take too long on a busy machine
			var err error
			conn, err = link.Dial(t.Context(), b.member.Addr, linkConfig(8, 1, "gate"), link.Line, link.Peer{}, nobody{hold})
			return err == nil
		})
		garbage := make([]byte, 1+rng.IntN(60))
		for i := range garbage {
			garbage[i] = byte(rng.Uint32())
		}
		garbage[0] = byte(i) // every op, and many that are none
		if err := conn.Write(func(buf []byte) []byte { return append(buf, garbage...) }); err != nil {
			t.Fatal(err)
		}
		// An op of the other end is always refused; so the line ends here if not before.
		_ = conn.Write(func(buf []byte) []byte { return append(buf, byte(opDeliver)) })
		receive(t, conn.Done(), "the end of the line")
	}
	honest.request(b, world, 5, &linepb.Echo{Number: 1})
	if e := honest.expect("deliver"); e.head.Kind != wire.Reply {
		t.Fatalf("the honest gate got %+v", e)
	}
}

func TestGarbageFromABackendEndsItsLine(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	close(hold)
	links := link.NewServer(linkConfig(1, 1, "world"))
	links.Handle(link.Line, func(c *link.Conn) link.Handler {
		_ = c.Write(func(b []byte) []byte { return append(b, byte(opAttach), 1, 2, 3) })
		return nobody{hold}
	})
	if err := links.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	links.Start()
	defer func() { _ = links.Stop(context.Background()) }()
	g := newGate(t, 9)
	g.view.Set(cluster.Member{Node: 1, Boot: 1, Type: "world", Addr: links.Addr(), State: cluster.Ready})
	for range 3 { // it is tried again
		if e := g.expect("lost"); e.code != fault.Invalid {
			t.Fatalf("lost: %+v", e)
		}
	}
}

// Order is kept per session, whatever else goes on: many clients of two gates each send a random mix, and all answers
// come in the order of the requests, numbered without a gap. The oracle is what each client has sent.
func TestOrderUnderLoad(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	gates := []*gate{newGate(t, 8, b.member), newGate(t, 9, b.member)}
	const clients, messages, window = 16, 300, 20 // the window stays below the mailbox
	type client struct {
		info   SessionInfo
		gate   *gate
		room   chan struct{}
		expect chan int64 // numbers of the requests, in order
	}
	var all []*client
	byID := map[id.Session]*client{}
	for i := range 2 * clients {
		c := &client{
			info: SessionInfo{ID: id.Session(i + 1), Stream: 1, Type: "world", Player: int64(i + 1)}, gate: gates[i%2],
			room: make(chan struct{}, window), expect: make(chan int64, messages),
		}
		s := c.gate.enter(b, c.info)
		all = append(all, c)
		byID[c.info.ID] = c
		if s.ID != c.info.ID {
			t.Fatal("another session entered")
		}
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context()) // ends those who send, when nobody takes their answers any more
	defer cancel()
	fail := func(format string, args ...any) {
		t.Errorf(format, args...)
		cancel()
	}
	requests := make([]int, 2)
	for i, c := range all {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		plan := make([]bool, messages) // request or note
		for n := range plan {
			if plan[n] = n == messages-1 || rng.IntN(3) > 0; plan[n] {
				requests[i%2]++
			}
		}
		wg.Go(func() {
			for n, request := range plan {
				if request {
					select {
					case c.room <- struct{}{}:
					case <-ctx.Done():
						return
					}
					c.expect <- int64(n)
					c.gate.forward(b, c.info, wire.Header{Kind: wire.Request, Call: uint32(n + 1), Sequence: uint32(n + 1)}, &linepb.Echo{Number: int64(n)})
				} else {
					c.gate.forward(b, c.info, wire.Header{Kind: wire.Send, Sequence: uint32(n + 1)}, &linepb.Note{Number: int64(n)})
				}
			}
		})
	}
	for i, g := range gates {
		wg.Go(func() {
			last := map[id.Session]uint32{}
			for range requests[i] {
				var e event
				select {
				case e = <-g.events:
				case <-time.After(patience):
					fail("an answer never came")
					return
				case <-ctx.Done():
					return
				}
				c := byID[e.session]
				if c == nil {
					fail("got %+v, want an answer", e)
					return
				}
				n := <-c.expect
				<-c.room
				var reply linepb.EchoReply
				if err := wire.Unmarshal(e.body, &reply); err != nil || e.head.Kind != wire.Reply || reply.GetNumber() != n || e.head.Call != uint32(n+1) {
					fail("session %v: got %+v, want the answer to %d", e.session, e, n)
					return
				}
				if last[e.session] == 0 {
					last[e.session] = 1 // the reply to Enter
				}
				if e.head.Sequence != last[e.session]+1 {
					fail("session %v: frame %d after %d", e.session, e.head.Sequence, last[e.session])
					return
				}
				last[e.session]++
			}
		})
	}
	wg.Wait()
	if n := b.srv.stats.refused.Load(); n != 0 {
		t.Errorf("%d messages were refused", n)
	}
}
