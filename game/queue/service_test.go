package queue

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/gate"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/lease"
	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/migrations"
	robot "loumiao/robot/client"
)

const patience = time.Minute // after which something that must happen has not

// A hall is queues, a gate's core and one node that asks as worlds and public do. Everybody who comes in by the gate wants into [area].
type hall struct {
	*frameworktest.Cluster
	t     *testing.T
	gate  *door
	asker *frameworktest.Node
	board *live.Board

	version uint64 // that was published last
}

func newHall(t *testing.T) *hall {
	t.Helper()
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Registry: registry, Owned: "player"})
	h := &hall{Cluster: c, t: t, gate: &door{}, board: live.NewBoard(c.Stores())}
	feed := live.Open(t.Context(), h.board, "", storetest.Log(t))
	t.Cleanup(feed.Close)
	c.Env.Live = feed
	h.asker = c.Start(node.Config{Type: api.World}, nobody{})
	return h
}

// queue begins a node, which leads or stands by.
func (h *hall) queue(cfg Config) *frameworktest.Node {
	h.t.Helper()
	return h.Begin(node.Config{Type: api.Queue}, New(cfg))
}

// open starts the gate, which wants a queue.
func (h *hall) open() *frameworktest.Node {
	h.t.Helper()
	return h.Start(node.Config{Type: api.Gate}, h.gate)
}

// publish publishes settings of the area, all others being gone.
func (h *hall) publish(texts map[string]string) {
	h.t.Helper()
	h.version++
	s := live.Snapshot{Version: h.version}
	for name, text := range texts {
		s.Entries = append(s.Entries, live.Entry{Name: name, Area: uint16(area), Text: text, Version: h.version})
	}
	if err := h.board.Put(h.t.Context(), s); err != nil {
		h.t.Fatal(err)
	}
}

// read is the area's figures, from whoever leads.
func (h *hall) read(player api.PlayerID) *pb.QueueFigures {
	h.t.Helper()
	figures, err := call(h, api.ReadQueue, &pb.ReadQueue{Area: uint32(area), Player: int64(player)})
	if err != nil {
		h.t.Fatal(err)
	}
	return figures
}

// call calls, as worlds do, until somebody leads.
func call[Req, R proto.Message](h *hall, method rpc.MethodDef[Req, R], req Req) (reply R, err error) {
	h.t.Helper()
	frameworktest.Eventually(h.t, "a queue answers", func() bool {
		ctx, cancel := context.WithTimeout(h.t.Context(), patience)
		defer cancel()
		reply, err = method.Call(ctx, h.asker.RPC(), req, rpc.Any)
		code := fault.CodeOf(err)
		return code != fault.Unavailable && code != fault.Lost
	})
	return reply, err
}

// redeem has the asker, as a world, let a player in.
func (h *hall) redeem(player api.PlayerID, pass string) error {
	h.t.Helper()
	_, err := call(h, api.RedeemPass, &pb.RedeemPass{Area: uint32(area), Player: int64(player), Pass: pass})
	return err
}

// left has the asker, as a world, say that players left it.
func (h *hall) left(players ...api.PlayerID) {
	h.t.Helper()
	m := &pb.ReportInside{Area: uint32(area)}
	for _, p := range players {
		m.Left, m.Epochs = append(m.Left, int64(p)), append(m.Epochs, 0) // no epoch is older, but nobody has bound them
	}
	if _, err := call(h, api.ReportInside, m); err != nil {
		h.t.Fatal(err)
	}
}

// nobody is a node that only asks.
type nobody struct{}

func (nobody) Start(context.Context, *node.Node) error { return nil }
func (nobody) Ready(context.Context) error             { return nil }
func (nobody) Stop(context.Context) error              { return nil }

// A door is the gate's service: whoever says a player's number is that player.
type door struct {
	node  *node.Node
	gate  *gate.Gate
	gates *api.Gates
	addr  string
	load  atomic.Pointer[api.GateLoad] // that is published
}

func (d *door) Start(ctx context.Context, n *node.Node) (err error) {
	d.load.CompareAndSwap(nil, &api.GateLoad{Capacity: 1000})
	d.node, d.gates = n, api.NewGates(n.Stores())
	transport := tcp.New(tcp.Config{})
	d.gate, err = gate.New(gate.Config{
		Self: n.Links().Self, Registry: n.Registry(), View: n.Cluster(), Links: n.Links(), RateMessages: -1,
		Listen: []gate.Listen{{Transport: transport, Addr: "127.0.0.1:0"}},
		Routes: []gate.Route{{Type: api.Queue, Stream: 12, Pick: gate.PickSingle}},
		Authenticate: func(_ context.Context, token string) (gate.Identity, error) {
			player, err := strconv.ParseInt(token, 10, 64)
			return gate.Identity{Player: player, Account: 1000 + player, Area: uint16(area)}, err
		},
	})
	if err != nil {
		return err
	}
	if err := d.gate.Start(ctx); err != nil {
		return err
	}
	d.addr = "tcp://" + transport.Addr().String()
	return nil
}

// Ready opens the gate and publishes its load, as gates do.
func (d *door) Ready(ctx context.Context) error {
	d.node.Go(func(ctx context.Context) {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ; ctx.Err() == nil; <-tick.C {
			if err := d.gates.Publish(ctx, d.node.ID(), *d.load.Load()); err != nil && ctx.Err() == nil {
				d.node.Log().Warn("not published", "err", err)
			}
		}
	})
	return d.gate.Open(ctx)
}

func (d *door) Stop(ctx context.Context) error {
	return errors.Join(d.gates.Withdraw(ctx, d.node.ID()), d.gate.Stop(ctx))
}

// A caller is a client at the gate, and keeps what he was told last.
type caller struct {
	*robot.Conn
	h      *hall
	player api.PlayerID

	mu       sync.Mutex
	updated  *pb.QueueUpdate
	admitted []string // the passes, in the order in which they came
}

func (h *hall) connect(player api.PlayerID) *caller {
	h.t.Helper()
	c := &caller{h: h, player: player}
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	var err error
	c.Conn, err = robot.Dial(ctx, h.gate.addr, robot.Options{Registry: h.Env.Registry, Token: strconv.FormatInt(int64(player), 10), OnPush: c.hear})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (c *caller) hear(m proto.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch m := m.(type) {
	case *pb.QueueUpdate:
		c.updated = m
	case *pb.Admitted:
		c.admitted = append(c.admitted, m.GetPass())
	}
}

// passes is those that he was pushed.
func (c *caller) passes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.admitted
}

// hold is what he was told last of why nobody is let in.
func (c *caller) hold() pb.QueueHold {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.updated.GetHold()
}

// enter asks to be let in until a queue answers, as clients do.
func (c *caller) enter() *pb.QueueStatus {
	c.h.t.Helper()
	var status *pb.QueueStatus
	frameworktest.Eventually(c.h.t, "a queue answers", func() bool {
		ctx, cancel := context.WithTimeout(c.h.t.Context(), patience)
		defer cancel()
		var err error
		status, err = robot.Request[*pb.QueueStatus](ctx, c.Conn, &pb.EnterQueue{})
		if code := fault.CodeOf(err); err != nil && code != fault.Unavailable && code != fault.Lost {
			c.h.t.Fatalf("player %v: %v", c.player, errors.Join(err, c.Err()))
		}
		return err == nil
	})
	return status
}

// leave gives up what the player has.
func (c *caller) leave() {
	c.h.t.Helper()
	ctx, cancel := context.WithTimeout(c.h.t.Context(), patience)
	defer cancel()
	if _, err := robot.Request[*pb.LeftQueue](ctx, c.Conn, &pb.LeaveQueue{}); err != nil {
		c.h.t.Fatalf("player %v leaves: %v", c.player, err)
	}
}

// comeIn enters, waits for a pass, and returns it. The queue may not know of the gate yet.
func (c *caller) comeIn() string {
	c.h.t.Helper()
	pass := c.enter().GetPass()
	frameworktest.Eventually(c.h.t, "the player is let in", func() bool {
		if pushed := c.passes(); pass == "" && len(pushed) > 0 {
			pass = pushed[0]
		}
		return pass != ""
	})
	return pass
}

// TestReportsUnderOldEpochs has a world that lost its player to another one, as while it was paused, report him as inside, and then as gone: neither does anything to the place that
// the other world keeps or has given back.
func TestReportsUnderOldEpochs(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.queue(quick(1)).Ready()
	h.open()
	next := h.Start(node.Config{Type: api.World}, nobody{})
	report := func(n *frameworktest.Node, m *pb.ReportInside) error {
		t.Helper()
		m.Area = uint32(area)
		_, err := api.ReportInside.Call(t.Context(), n.RPC(), m, rpc.Any)
		return err
	}
	inside := func(n *frameworktest.Node, epoch uint64) {
		t.Helper()
		if err := report(n, &pb.ReportInside{Players: []int64{1}, Epochs: []uint64{epoch}}); err != nil {
			t.Fatal(err)
		}
	}
	left := func(n *frameworktest.Node, epoch uint64) {
		t.Helper()
		if err := report(n, &pb.ReportInside{Left: []int64{1}, Epochs: []uint64{epoch}}); err != nil {
			t.Fatal(err)
		}
	}
	places := func(want int64, when string) {
		t.Helper()
		if got := h.read(0).GetPlaces(); got != want {
			t.Fatalf("%s %d places are taken, want %d", when, got, want)
		}
	}
	bind := func(n *frameworktest.Node, epoch uint64) lease.Binding {
		t.Helper()
		b := lease.Binding{Node: n.ID(), Boot: n.Boot(), Epoch: epoch}
		if err := n.Owners().Bind(t.Context(), 1, b); err != nil {
			t.Fatal(err)
		}
		return b
	}

	places(0, "at first")
	inside(h.asker, 4) // Redis has forgotten whose he is, and the world is about to say it again
	bind(h.asker, 4)
	inside(h.asker, 4)
	places(1, "while he is inside")

	at := bind(next, 5)
	inside(next, 5)
	inside(h.asker, 4)
	left(h.asker, 4)
	places(1, "after the old world has said that he is gone,")

	left(next, 5)
	if err := next.Owners().Unbind(t.Context(), 1, at); err != nil {
		t.Fatal(err)
	}
	places(0, "when he has left")
	inside(h.asker, 4)
	places(0, "after the old world has said that he is inside,")

	for name, epochs := range map[string][]uint64{"no epoch": nil, "too many epochs": {6, 6}} {
		if err := report(next, &pb.ReportInside{Players: []int64{1}, Epochs: epochs}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a report with %s: %v", name, err)
		}
	}
}

// TestSettings publishes what operators change: it acts at once, and the figures that they read say so.
func TestSettings(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.queue(quick(1)).Ready()
	h.open()
	h.connect(1).comeIn()
	var line []*caller
	for p := range 5 {
		c := h.connect(api.PlayerID(2 + p))
		if s := c.enter(); s.GetPosition() != uint32(1+p) {
			t.Fatalf("player %v is told %v", c.player, s)
		}
		line = append(line, c)
	}
	read := h.read(4)
	if read.GetHeld() != "all places are taken" || read.GetAdmission() != api.AdmissionOpen || read.GetCapacity() != 1 || read.GetWaiting() != 5 || read.GetPlaces() != 1 || read.GetPasses() != 1 ||
		read.GetPosition() != 3 || read.GetPlayerPlaced() || read.GetPace() <= 0 || read.GetEtaMs() < read.GetPositionEtaMs() || read.GetPositionEtaMs() <= 0 {
		t.Errorf("at first: %v", read)
	}
	inForce := func(admission string, capacity, rate int64) {
		t.Helper()
		frameworktest.Eventually(t, "what was published is in force", func() bool {
			f := h.read(0)
			return f.GetAdmission() == admission && f.GetCapacity() == capacity && f.GetRate() == rate
		})
	}
	in := func(want int) {
		t.Helper()
		frameworktest.Eventually(t, strconv.Itoa(want)+" are in", func() bool {
			n := 0
			for _, c := range line {
				n += len(c.passes())
			}
			if n > want {
				t.Fatalf("%d are in, %d may be", n, want)
			}
			return n == want
		})
	}
	h.publish(map[string]string{"queue.capacity": "2", "queue.rate": "7"})
	inForce(api.AdmissionOpen, 2, 7)
	in(1)
	h.publish(map[string]string{"queue.capacity": "9", "queue.admission": api.AdmissionPaused})
	inForce(api.AdmissionPaused, 9, 0)
	if why := h.read(0).GetHeld(); why != "admission is paused" {
		t.Errorf("while it is paused: %s", why)
	}
	frameworktest.Eventually(t, "those who wait are told", func() bool { return line[4].hold() == pb.QueueHold_QUEUE_HOLD_PAUSED })
	if s := h.connect(8).enter(); s.GetPosition() != 5 || s.GetHold() != pb.QueueHold_QUEUE_HOLD_PAUSED {
		t.Errorf("while it is paused a new one is told %v", s)
	}
	h.publish(map[string]string{"queue.capacity": "9", "queue.admission": api.AdmissionClosed})
	inForce(api.AdmissionClosed, 9, 0)
	if _, err := robot.Request[*pb.QueueStatus](t.Context(), h.connect(9).Conn, &pb.EnterQueue{}); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("while it is closed a new one is told %v", err)
	}
	in(1)
	h.publish(map[string]string{"queue.capacity": "4"})
	inForce(api.AdmissionOpen, 4, 0)
	in(3)
	if read := h.read(2); !read.GetPlayerPlaced() || read.GetPosition() != 0 || read.GetWaiting() != 3 || read.GetPlaces() != 4 {
		t.Errorf("in the end: %v", read)
	}
	h.publish(map[string]string{"queue.capacity": "4", "queue.priority": "1010,1006"}) // the accounts of players 10 and 6
	frameworktest.Eventually(t, "the account is in the other lane", func() bool {
		c := h.connect(10)
		defer c.Close()
		s := c.enter()
		if s.GetLane() == "standard" {
			c.leave()
		}
		return s.GetLane() == api.PriorityLane && s.GetPosition() == 1 && s.GetWaiting() == 1
	})
	if s := line[4].enter(); s.GetLane() != "standard" || s.GetPosition() != 2 {
		t.Errorf("who waited already is told %v", s)
	}
	if _, err := call(h, api.ReadQueue, &pb.ReadQueue{Area: uint32(area), Player: -1}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("nobody is asked for: %v", err)
	}
}
