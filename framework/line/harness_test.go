package line

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line/internal/linepb"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come. It is never waited for when all is well.
const patience = 20 * time.Second

var (
	testKey = bytes.Repeat([]byte{7}, link.KeySize)
	world   = SessionInfo{ID: 1, Stream: 1, Type: "world", Player: 100, Account: 10, Area: 3}
)

func testRegistry(t testing.TB) *wire.Registry {
	t.Helper()
	reg, err := wire.NewRegistry(linepb.File_linetest_proto)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// linkConfig makes links that are given up for no silence that a busy machine is the cause of: what a test does breaks them, or nothing.
func linkConfig(node id.Node, boot id.Boot, typ string) link.Config {
	return link.Config{Self: link.Peer{Node: node, Boot: boot, Type: typ}, Key: testKey, Heartbeat: patience}
}

// A player is the state of the tests' actors.
type player struct {
	id      int64
	backend *backend
}

// A backend is a world node: a pool of players and a pool of rooms behind a Server.
type backend struct {
	t       testing.TB
	member  cluster.Member
	sys     *actor.System
	links   *link.Server
	srv     *Server
	players *actor.Pool[int64, player]
	rooms   *actor.Pool[int64, player]
	door    actor.Ref

	entered  chan *Session        // from each Enter
	noted    chan int64           // from each Note and Shout
	detached chan *Detached       // from each watched session
	held     chan *Held           // from each that is held
	hold     chan struct{}        // not nil: a Note, which is noted before as well, waits until it is closed
	later    chan actor.Responder // not nil: an Ask is answered by whoever takes from it
	leaving  atomic.Bool
}

func newBackend(t testing.TB, node id.Node, change func(*backend, *Config)) *backend {
	t.Helper()
	b := &backend{
		t: t, sys: actor.NewSystem(actor.Config{Logger: slog.New(slog.DiscardHandler), Mailbox: 64}),
		entered: make(chan *Session, 4096), noted: make(chan int64, 1<<16), detached: make(chan *Detached, 4096),
		held: make(chan *Held, 16),
	}
	boot := id.NewBoot(time.Now())
	b.links = link.NewServer(linkConfig(node, boot, "world"))
	cfg := Config{Registry: testRegistry(t), Links: b.links, Types: []string{"world"}, RequestTimeout: patience}
	if change != nil {
		change(b, &cfg)
	}
	b.srv = NewServer(cfg)
	load := func(_ *actor.Context, key int64) (*player, error) { return &player{id: key, backend: b}, nil }
	b.players = actor.NewPool(b.sys, load, actor.PoolConfig{Name: "player", OnRequest: true})
	b.rooms = actor.NewPool(b.sys, load, actor.PoolConfig{Name: "room", OnRequest: true})
	b.register()
	if err := b.srv.Start(); err != nil {
		t.Fatal(err)
	}
	if err := b.links.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	b.links.Start()
	b.member = cluster.Member{Node: node, Boot: boot, Type: "world", Addr: b.links.Addr(), State: cluster.Ready}
	t.Cleanup(b.stop)
	return b
}

func (b *backend) stop() {
	if b.leaving.Swap(true) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := errors.Join(b.srv.Stop(ctx), b.links.Stop(ctx), b.sys.Stop(ctx)); err != nil {
		b.t.Error("stop:", err)
	}
}

func (b *backend) register() {
	Handle(b.srv, b.players, (*player).enter)
	Handle(b.srv, b.players, (*player).echo)
	HandleSend(b.srv, b.players, (*player).note)
	actor.HandleTell(b.players.Behavior(), (*player).gone)
	actor.HandleTell(b.players.Behavior(), (*player).heldBack)
	HandleSendBy(b.srv, b.rooms, func(_ *Session, m *linepb.Shout) (int64, error) {
		if m.GetRoom() < 0 {
			panic("no such room")
		}
		return m.GetRoom(), nil
	}, (*player).shout)
	HandleBy(b.srv, b.rooms, func(_ *Session, m *linepb.Ask) (int64, error) {
		switch m.GetRoom() {
		case -1:
			return 0, fault.New(fault.Forbidden, "not your room")
		case -2:
			panic("no such room")
		}
		return m.GetRoom(), nil
	}, (*player).ask)

	behavior := actor.NewBehavior[player]()
	HandleActor(b.srv, func() actor.Ref { return b.door }, behavior, (*player).knock)
	var err error
	if b.door, err = actor.Spawn(b.sys, "door", behavior, &player{backend: b}, actor.Options{}); err != nil {
		b.t.Fatal(err)
	}
}

func (p *player) enter(ctx *actor.Context, _ *linepb.Enter) (*linepb.EnterReply, error) {
	s := SessionOf(ctx)
	s.Watch(ctx.Self())
	p.backend.entered <- s
	return &linepb.EnterReply{Player: p.id}, nil
}

func (p *player) echo(_ *actor.Context, m *linepb.Echo) (*linepb.EchoReply, error) {
	switch m.GetNumber() {
	case -1:
		return nil, fault.New(fault.FailedPrecondition, "not enough gold")
	case -2:
		return nil, fmt.Errorf("secret %d", 42)
	case -3:
		panic("handler")
	case -4:
		return &linepb.EchoReply{Data: make([]byte, 2<<20)}, nil
	case -5:
		return nil, nil
	case -6:
		return nil, fault.New(fault.NotFound, "bad \xff text")
	}
	return &linepb.EchoReply{Data: m.GetData(), Number: m.GetNumber()}, nil
}

func (p *player) note(ctx *actor.Context, m *linepb.Note) error {
	if p.backend.hold != nil {
		p.backend.noted <- m.GetNumber()
		<-p.backend.hold
	}
	if SessionOf(ctx) == nil {
		return errors.New("a note without a session")
	}
	p.backend.noted <- m.GetNumber()
	return nil
}

func (p *player) shout(ctx *actor.Context, m *linepb.Shout) error {
	p.backend.noted <- m.GetNumber()
	return nil
}

func (p *player) ask(ctx *actor.Context, _ *linepb.Ask) (*linepb.EchoReply, error) {
	if p.backend.later != nil {
		p.backend.later <- ctx.Defer()
	}
	return &linepb.EchoReply{Number: p.id}, nil
}

func (p *player) knock(ctx *actor.Context, _ *linepb.Knock) (*linepb.KnockReply, error) {
	return &linepb.KnockReply{Session: uint64(SessionOf(ctx).ID)}, nil
}

func (p *player) heldBack(_ *actor.Context, h *Held) error {
	p.backend.held <- h
	return nil
}

func (p *player) gone(_ *actor.Context, d *Detached) error {
	p.backend.detached <- d
	return nil
}

// An event is one call of a Downstream.
type event struct {
	what     string
	from     id.Node
	session  id.Session
	sessions []id.Session
	head     wire.Header
	body     []byte
	typ      string
	node     id.Node
	code     fault.Code
	reason   string
	found    Found
	own      own
	sent     uint32
}

// A recorder is a Downstream that keeps what it is given.
type recorder struct {
	events chan event
	ups    chan id.Node
}

func newRecorder() *recorder {
	return &recorder{events: make(chan event, 1<<16), ups: make(chan id.Node, 1<<10)}
}

func (r *recorder) Deliver(from link.Peer, s id.Session, h wire.Header, body []byte) {
	r.events <- event{what: "deliver", from: from.Node, session: s, head: h, body: slices.Clone(body)}
}

func (r *recorder) Multicast(from link.Peer, sessions []id.Session, h wire.Header, body []byte) {
	r.events <- event{what: "multicast", from: from.Node, sessions: slices.Clone(sessions), head: h, body: slices.Clone(body)}
}

func (r *recorder) Broadcast(from link.Peer, h wire.Header, body []byte) {
	r.events <- event{what: "broadcast", from: from.Node, head: h, body: slices.Clone(body)}
}

func (r *recorder) Bind(from link.Peer, s id.Session, typ string, node id.Node) {
	r.events <- event{what: "bind", from: from.Node, session: s, typ: typ, node: node}
}

func (r *recorder) Unbind(from link.Peer, s id.Session, typ string) {
	r.events <- event{what: "unbind", from: from.Node, session: s, typ: typ}
}

func (r *recorder) Kick(from link.Peer, s id.Session, code fault.Code, reason string) {
	r.events <- event{what: "kick", from: from.Node, session: s, code: code, reason: reason}
}

func (r *recorder) Own(from link.Peer, s id.Session, stream uint8, epoch uint64, owned string) {
	r.events <- event{what: "own", from: from.Node, session: s, own: own{s, stream, epoch, owned}}
}

func (r *recorder) Hold(from link.Peer, s id.Session, stream uint8) {
	r.events <- event{what: "hold", from: from.Node, session: s}
}

func (r *recorder) Move(from link.Peer, s id.Session, stream uint8, node id.Node, sent uint32) {
	r.events <- event{what: "move", from: from.Node, session: s, node: node, sent: sent}
}

func (r *recorder) Found(from link.Peer, s id.Session, f Found) {
	r.events <- event{what: "found", from: from.Node, session: s, found: f}
}

func (r *recorder) Up(node link.Peer) { r.ups <- node.Node }

func (r *recorder) Lost(from link.Peer, err error) {
	r.events <- event{what: "lost", from: from.Node, code: fault.CodeOf(err)}
}

func (r *recorder) Flush() {}

// A gate is Lines with a recorder below.
type gate struct {
	t     testing.TB
	view  *cluster.Static
	lines *Lines
	*recorder
}

func newGate(t testing.TB, node id.Node, members ...cluster.Member) *gate {
	t.Helper()
	g := &gate{t: t, view: cluster.NewStatic(members...), recorder: newRecorder()}
	g.lines = NewLines(LinesConfig{
		View: g.view, Links: linkConfig(node, id.NewBoot(time.Now()), "gate"), Types: []string{"world", "zone"}, Downstream: g.recorder,
		MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
	})
	if err := g.lines.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.stop)
	for _, m := range members {
		g.awaitUp(m.Node, true)
	}
	return g
}

func (g *gate) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := g.lines.Stop(ctx); err != nil {
		g.t.Error("stop lines:", err)
	}
}

// await waits for a condition that nothing signals.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: ", what)
		}
	}
}

func (g *gate) awaitUp(node id.Node, up bool) {
	g.t.Helper()
	await(g.t, fmt.Sprintf("node %v up: %v", node, up), func() bool { return g.lines.Up(node) == up })
}

func (g *gate) next() event {
	g.t.Helper()
	return receive(g.t, g.events, "an event at the gate")
}

// expect is next, of a certain kind.
func (g *gate) expect(what string) event {
	g.t.Helper()
	e := g.next()
	if e.what != what {
		g.t.Fatalf("got %s, want %s: %+v", e.what, what, e)
	}
	return e
}

func receive[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("never came: ", what)
		panic("unreachable")
	}
}

func (g *gate) attach(b *backend, s SessionInfo) {
	g.t.Helper()
	if err := g.lines.Attach(b.member.Node, s); err != nil {
		g.t.Fatal("attach:", err)
	}
}

// enter attaches the session and makes its player's actor.
func (g *gate) enter(b *backend, s SessionInfo) *Session {
	g.t.Helper()
	g.attach(b, s)
	g.request(b, s, 1, &linepb.Enter{})
	g.expect("deliver")
	return receive(g.t, b.entered, "an entered session")
}

func (g *gate) send(b *backend, s SessionInfo, sequence uint32, m proto.Message) {
	g.t.Helper()
	g.forward(b, s, wire.Header{Kind: wire.Send, Sequence: sequence}, m)
}

func (g *gate) request(b *backend, s SessionInfo, call uint32, m proto.Message) {
	g.t.Helper()
	g.forward(b, s, wire.Header{Kind: wire.Request, Call: call}, m)
}

func (g *gate) forward(b *backend, s SessionInfo, h wire.Header, m proto.Message) {
	g.t.Helper()
	h.Stream, h.Message = s.Stream, b.srv.cfg.Registry.IDOf(m)
	body, err := wire.MarshalAppend(nil, m)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := g.lines.Forward(b.member.Node, s.ID, h, body); err != nil {
		g.t.Fatal("forward:", err)
	}
	g.lines.Flush()
}

// decode reads an event's body.
func decode[M proto.Message](t testing.TB, e event, m M) M {
	t.Helper()
	if err := wire.Unmarshal(e.body, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// failed is the code and message of an answer that is an error.
func (e event) failed(t testing.TB) (fault.Code, string) {
	t.Helper()
	if e.what != "deliver" || e.head.Kind != wire.Error {
		t.Fatalf("not an error: %+v", e)
	}
	body := decode(t, e, &wirepb.Error{})
	return fault.Code(body.GetCode()), body.GetMessage()
}
