package world_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/id"
	"loumiao/framework/link/linktest"
	"loumiao/framework/node"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/udp/udptest"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
	"loumiao/migrations"
	"loumiao/robot/client"
)

const patience = time.Minute // after which something that must happen has not

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, append(udptest.Library(),
		// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))...)
}

// A place is a small cluster: real worlds, a real gate's core, and one node of each other type, whose answers the test gives.
type place struct {
	t      *testing.T
	env    node.Env
	db     *life
	peers  *peers
	gate   *door
	worlds []*node.Node // that were ready when last looked at
}

// newPlace starts everything but worlds, in a cluster where nobody counts as gone who is only slow and no lease is renewed within a test.
func newPlace(t *testing.T) *place {
	t.Helper()
	return placeOn(t, storetest.Embedded(t), &door{}, nil)
}

// livePlace is a place whose worlds renew their leases. One that stands still for too long loses its own, and ends.
func livePlace(t *testing.T) *place {
	t.Helper()
	p := newPlace(t)
	p.env.Debug = false
	return p
}

// placeOn is a place with the given stores, gate and db; a nil db is that of its peers.
func placeOn(t *testing.T, stores *store.Stores, gate *door, db node.Service) *place {
	t.Helper()
	storetest.Migrated(t, stores, "cluster", migrations.FS("cluster"))
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, peers: newPeers(), gate: gate}
	p.env = node.Env{
		Stores: stores, Registry: registry, GossipKey: bytes.Repeat([]byte{1}, 32), LinkKey: bytes.Repeat([]byte{2}, 32),
		Owned: "player", Debug: true, Log: slog.New(slog.DiscardHandler),
	}
	if db == nil {
		db = p.peers.db()
	}
	p.db = p.run(api.DB, db)
	p.run(api.Queue, p.peers.queue())
	p.run(api.Match, p.peers.match())
	p.run(api.Gate, p.gate)
	return p
}

// A life is one node that runs.
type life struct {
	*node.Node
	world  *world.World // nil unless it is one
	t      *testing.T
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error
}

// run runs a node until the test ends, or stops it, and returns when it is ready.
func (p *place) run(typ string, svc node.Service) *life {
	p.t.Helper()
	cfg := node.Config{Type: typ}
	if typ == api.World {
		cfg.Needs = []string{api.DB, api.Queue, api.Match}
	}
	n, err := node.New(p.env, cfg, svc)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	l := &life{Node: n, t: p.t, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.err = n.Run(ctx)
	}()
	p.t.Cleanup(l.stop)
	p.eventually("node "+typ+" is ready", func() bool {
		if l.over() {
			p.t.Fatalf("node %s: %v", typ, l.err)
		}
		return n.State() == cluster.Ready
	})
	if typ == api.Zone && p.gate != nil { // who is told of a match goes there at once
		p.eventually("the gate has a line to the zone", func() bool { return n.Line().Gates() > 0 })
	}
	if len(p.env.Join) == 0 {
		self, _ := n.Cluster().Snapshot().Node(n.ID())
		p.env.Join = []string{self.Gossip}
	}
	return l
}

// over reports whether the node has ended.
func (l *life) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// stop ends the node in order.
func (l *life) stop() {
	l.cancel(nil)
	<-l.done
	if l.err != nil {
		l.t.Errorf("node %s ended with: %v", l.Type(), l.err)
	}
}

// crash ends the node as the end of its process would, and has its lease run out at once.
func (p *place) crash(l *life) {
	p.t.Helper()
	l.cancel(node.ErrCrash)
	<-l.done
	l.err = nil // nobody is left whom it could tell what it had
	if err := p.env.Stores.Redis().Del(p.t.Context(), p.env.Stores.Key("lease", "{"+l.ID().String()+"}")).Err(); err != nil {
		p.t.Fatal(err)
	}
}

// world starts a world that the gate can reach.
func (p *place) world(change func(*world.Config)) *life {
	p.t.Helper()
	cfg := world.Defaults()
	cfg.SaveEvery, cfg.Linger, cfg.ReportEvery = time.Hour, time.Hour, 50*time.Millisecond
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		p.t.Fatal(err)
	}
	w := world.New(cfg)
	l := p.run(api.World, w)
	l.world = w
	p.known(l.Node)
	return l
}

// known waits until the gate and all other worlds know that a world is ready, and it knows them. The gate's line to it may still take a moment.
func (p *place) known(world *node.Node) {
	p.t.Helper()
	p.worlds = append(slices.DeleteFunc(p.worlds, func(n *node.Node) bool { return n.State() != cluster.Ready }), world)
	for _, one := range append(slices.Clone(p.worlds), p.gate.node) {
		p.eventually("all know the world", func() bool { return knows(one, world) && knows(world, one) })
	}
}

func knows(one, other *node.Node) bool {
	m, ok := one.Cluster().Snapshot().Node(other.ID())
	return ok && m.State == cluster.Ready
}

func (p *place) eventually(what string, so func() bool) {
	p.t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-again.C:
		case <-late:
			p.t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// A door is the gate's service: whoever says a player's number is that player.
type door struct {
	node *node.Node
	gate *gate.Gate
	addr string
	many bool // a player may have many sessions

	grace time.Duration // in which a client may come back

	mu   sync.Mutex
	sent id.Node // not 0: where every session is brought, whoever owns its player
}

// Start opens the gate.
func (d *door) Start(ctx context.Context, n *node.Node) (err error) {
	transport := tcp.New(tcp.Config{})
	d.node = n
	cfg := gate.Config{
		Self: n.Links().Self, Registry: n.Registry(), View: n.Cluster(), Links: n.Links(), RateMessages: -1,
		Listen: []gate.Listen{{Transport: transport, Addr: "127.0.0.1:0"}},
		Grace:  d.grace,
		Routes: []gate.Route{{Type: api.World, Stream: 3, Pick: gate.PickOwner}, {Type: api.Zone, Stream: 4, Pick: gate.PickNone}},
		Authenticate: func(_ context.Context, token string) (gate.Identity, error) {
			player, err := strconv.ParseInt(token, 10, 64)
			return gate.Identity{Player: player, Account: 1000 + player, Area: 1}, err
		},
		Owner: func(ctx context.Context, player int64) (id.Node, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.sent != 0 {
				return d.sent, nil
			}
			b, ok, err := n.Owners().Lookup(ctx, player)
			if err != nil || !ok {
				return 0, err
			}
			return b.Node, nil
		},
	}
	if d.many {
		cfg.Sessions, cfg.KickRemote = anybody{}, func(context.Context, gate.Holder, fault.Code) error { return nil }
	}
	if d.gate, err = gate.New(cfg); err != nil {
		return err
	}
	if err := d.gate.Start(ctx); err != nil {
		return err
	}
	d.addr = "tcp://" + transport.Addr().String()
	return nil
}

// anybody is a registry that lets each session be its player's.
type anybody struct{}

func (anybody) Claim(context.Context, int64, gate.Holder, bool) (uint64, *gate.Holder, error) {
	return gate.NextTurn(time.Now(), nil), nil, nil
}
func (anybody) Release(context.Context, int64, gate.Holder) error { return nil }

// Ready opens the gate.
func (d *door) Ready(ctx context.Context) error { return d.gate.Open(ctx) }

// Stop closes the gate.
func (d *door) Stop(ctx context.Context) error { return d.gate.Stop(ctx) }

// sendTo has the gate bring sessions to that world.
func (d *door) sendTo(world id.Node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent = world
}

// A session is one client's.
type session struct {
	*client.Conn
	t      *testing.T
	pushes chan proto.Message

	way     *linktest.Proxy // to the gate, when clients may come back
	resumed chan struct{}
}

// connect opens a session of the player.
func (p *place) connect(player int64) *session {
	p.t.Helper()
	s := &session{t: p.t, pushes: make(chan proto.Message, 4096), resumed: make(chan struct{}, 64)}
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	var err error
	addr := p.gate.addr
	opts := client.Options{Registry: p.env.Registry, Token: strconv.FormatInt(player, 10), OnPush: func(m proto.Message) { s.pushes <- m }}
	if p.gate.grace > 0 {
		s.way = linktest.NewProxy(p.t, strings.TrimPrefix(addr, "tcp://"))
		addr = "tcp://" + s.way.Addr()
		opts.Reconnect = func(context.Context, int, error) (string, string, error) { return addr, opts.Token, nil }
		opts.OnResume = func(time.Duration) { s.resumed <- struct{}{} }
	}
	s.Conn, err = client.Dial(ctx, addr, opts)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = s.Close() })
	return s
}

// try is a request that may fail.
func try[R proto.Message](s *session, m proto.Message) (R, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	return client.Request[R](ctx, s.Conn, m)
}

// ask is a request that must succeed.
func ask[R proto.Message](s *session, m proto.Message) R {
	s.t.Helper()
	r, err := try[R](s, m)
	if err != nil {
		s.t.Fatalf("%T: %v", m, err)
	}
	return r
}

// next is the next push, which must be of type R.
func next[R proto.Message](s *session) R {
	s.t.Helper()
	var none R
	select {
	case m := <-s.pushes:
		r, ok := m.(R)
		if !ok {
			s.t.Fatalf("%T comes, and %T should", m, none)
		}
		return r
	case <-s.Done():
		s.t.Fatalf("the session ended while %T was to come: %v", none, s.Err())
	case <-time.After(patience):
		s.t.Fatalf("%T has not come", none)
	}
	return none
}

// greet greets and returns how often the player has.
func (s *session) greet() int64 {
	s.t.Helper()
	return ask[*pb.GreetReply](s, &pb.Greet{Greeting: "Hello"}).GetCount()
}

// enter enters with the pass that the test's queue takes.
func (s *session) enter() *pb.EnterWorldReply {
	s.t.Helper()
	r, err := s.enterWith(goodPass)
	if err != nil {
		s.t.Fatalf("entering: %v", err)
	}
	return r
}

// enterWith tries to enter. As a client does, it tries again when it is told to, or has lost the world.
func (s *session) enterWith(pass string) (*pb.EnterWorldReply, error) {
	s.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.Now().Add(patience); ; <-again.C {
		r, err := try[*pb.EnterWorldReply](s, &pb.EnterWorld{Pass: pass})
		switch fault.CodeOf(err) {
		case fault.Unavailable, fault.Lost, fault.Deadline:
			if time.Now().Before(late) {
				continue
			}
		}
		return r, err
	}
}

// delivered returns when what s has sent is at the world: other is a session of another player that has entered the same one. The gate
// answers what it cannot pass on in its turn, and has one line to a world, on which nothing overtakes.
func (s *session) delivered(other *session) {
	s.t.Helper()
	if _, err := try[*pb.JoinRoomReply](s, &pb.JoinRoom{}); err == nil {
		s.t.Fatal("there is a room")
	}
	other.greet()
}

// reset is the next push, which must say that the world is gone.
func (s *session) reset() {
	s.t.Helper()
	if r := next[*wirepb.Reset](s); s.TypeOf(r) != api.World {
		s.t.Fatalf("the client is told %v", r)
	}
}

// owner is the node that has the player; 0 if none has.
func (p *place) owner(player int64) id.Node {
	p.t.Helper()
	b, ok, err := p.gate.node.Owners().Lookup(p.t.Context(), player)
	if err != nil {
		p.t.Fatal(err)
	}
	if !ok {
		return 0
	}
	return b.Node
}
