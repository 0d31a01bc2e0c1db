package queue

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/udp/udptest"
	"loumiao/game/api"
	"loumiao/game/pb"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, append(udptest.Library(),
		// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))...)
}

// quick is a configuration whose times are short enough to wait for.
func quick(capacity int) Config {
	return Config{
		Capacity: capacity, Tick: 10 * time.Millisecond, UpdateEvery: 30 * time.Millisecond,
		Settle: 200 * time.Millisecond, Rebuild: 300 * time.Millisecond,
	}.WithDefaults()
}

// An office is a desk and its clerk at work, with the actor's turn played by a mutex.
type office struct {
	t     testing.TB
	mu    sync.Mutex
	desk  *desk
	store *Store
	leads bool
	end   func()
}

func open(t testing.TB, stores *store.Stores, cfg Config, epoch uint64) *office {
	t.Helper()
	return openOn(t, stores, cfg, epoch)
}

func openOn(t testing.TB, stores Redis, cfg Config, epoch uint64) *office {
	t.Helper()
	tasks := make(chan task, taskRoom)
	o := &office{t: t, store: NewStore(stores, cfg), leads: true}
	o.desk = newDesk(0, cfg, func() bool { return o.leads }, tasks, newStats())
	c := &clerk{store: o.store, cfg: cfg, epoch: epoch, tasks: tasks, tell: o.tell, gates: openGates(), log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.run(ctx) }()
	o.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the clerk: %v", err)
		}
	})
	t.Cleanup(o.end)
	return o
}

// openGates is one gate that has room for everybody.
func openGates() *gateWatch {
	snapshot := cluster.NewStatic(cluster.Member{Node: 1, Boot: 1, Type: api.Gate, State: cluster.Ready}).Snapshot()
	return &gateWatch{
		published: func(context.Context) (map[id.Node]api.GateLoad, error) {
			return map[id.Node]api.GateLoad{1: {Capacity: 1000}}, nil
		},
		view: func() *cluster.Snapshot { return snapshot }, held: map[api.Area]string{},
	}
}

func (o *office) tell(_ context.Context, msg any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch m := msg.(type) {
	case *applied:
		o.desk.applied(m)
	case *let:
		o.desk.let(m)
	case *ordered:
		o.desk.ordered(m)
	case *lost:
		o.desk.lost(m)
	case *tick:
		o.desk.tick(m)
	default:
		o.t.Errorf("told %T", msg)
	}
	return nil
}

// A visitor is a client's end of a session: what he is sent, in order.
type visitor struct {
	player api.PlayerID
	got    chan any
}

func (v *visitor) Push(m proto.Message) error {
	select {
	case v.got <- m:
	default: // updates that nobody reads
	}
	return nil
}

func (v *visitor) Respond(m any, err error) {
	if err != nil {
		m = err
	}
	v.got <- m
}

func (o *office) enter(player api.PlayerID) *visitor {
	o.t.Helper()
	v := &visitor{player, make(chan any, 1000)}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.desk.enter(v, player, area, "", v); err != nil {
		o.t.Fatal(err)
	}
	return v
}

func (o *office) gone(v *visitor) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.desk.gone(v, v.player)
}

// next is the next message of type M; others are skipped.
func next[M any](t testing.TB, v *visitor) M {
	t.Helper()
	timeout := time.After(20 * time.Second)
	var others []any
	for {
		select {
		case m := <-v.got:
			if m, ok := m.(M); ok {
				return m
			}
			others = append(others, m)
		case <-timeout:
			t.Fatalf("player %v waits in vain for %T; what came is %v", v.player, *new(M), others)
		}
	}
}

// updated waits until the visitor is told that he is at the position.
func updated(t testing.TB, v *visitor, position uint32) {
	t.Helper()
	for next[*pb.QueueUpdate](t, v).GetPosition() != position {
	}
}

func TestOffice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		o := open(t, stores, quick(2), 1)
		for p := range 2 {
			if s := next[*pb.QueueStatus](t, o.enter(api.PlayerID(1+p))); s.GetPass() == "" {
				t.Fatalf("not let in: %v", s)
			}
		}
		var line []*visitor
		for p := range 4 {
			v := o.enter(api.PlayerID(3 + p))
			if s := next[*pb.QueueStatus](t, v); s.GetPass() != "" || s.GetPosition() != uint32(1+p) || s.GetWaiting() != uint32(1+p) {
				t.Fatalf("stands at %v", s)
			}
			line = append(line, v)
		}

		// One goes, one drops: the others move up.
		leaving := &visitor{4, make(chan any, 9)}
		o.mu.Lock()
		err := o.desk.leave(4, area, leaving)
		o.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		next[*pb.LeftQueue](t, leaving)
		updated(t, line[2], 2)
		o.gone(line[2])
		updated(t, line[3], 2)

		// He is back with a new session, and the end of the old one is old news.
		again := o.enter(5)
		if s := next[*pb.QueueStatus](t, again); s.GetPosition() != 2 || s.GetWaiting() != 3 {
			t.Fatalf("stands at %v", s)
		}
		o.gone(line[2])
		updated(t, line[3], 3)

		// Room for two: the first two give their passes back.
		for _, p := range []api.PlayerID{1, 2} {
			if r := o.store.Apply(t.Context(), newest, []Op{{Leave, area, p, ""}})[0]; r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		for _, v := range []*visitor{line[0], again} {
			pass := next[*pb.Admitted](t, v).GetPass()
			if err := o.store.Redeem(t.Context(), area, v.player, pass, worldA); err != nil {
				t.Fatalf("player %v: %v", v.player, err)
			}
		}
		for { // and now there is a pace to reckon with
			if u := next[*pb.QueueUpdate](t, line[3]); u.GetPosition() == 1 && u.GetWaiting() == 1 && u.GetEtaMs() > 0 {
				break
			}
		}
	})
}

func TestOfficeRefuses(t *testing.T) {
	t.Parallel()
	tasks := make(chan task, 1)
	leads := true
	d := newDesk(7, quick(0), func() bool { return leads }, tasks, newStats())
	v := &visitor{1, make(chan any, 9)}
	check := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("no player", d.enter(v, 0, 7, "", v), errNoSession)
	check("another area", d.enter(v, 1, 8, "", v), errOtherArea)
	check("all is well", d.enter(v, 1, 7, "", v), nil)
	check("too much to do", d.enter(v, 2, 7, "", v), errBusy)
	check("too much to do for a leave", d.leave(2, 7, v), errBusy)
	leads = false
	check("not leading", d.enter(v, 1, 7, "", v), errNotLeading)
	check("a leave while not leading", d.leave(1, 7, v), errNotLeading)

	d.applied(&applied{tasks: []task{<-tasks}, results: []Result{{Err: errors.New("connection refused")}}, now: time.Now()})
	if err := next[error](t, v); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("Redis is away: %v", err)
	}
	if len(d.guests) != 0 {
		t.Errorf("%d guests are left", len(d.guests))
	}
}

// TestRestart stops a node with a queue and starts another: the order is kept, whoever comes back first.
func TestRestart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		old := open(t, stores, quick(1), 1)
		pass := next[*pb.QueueStatus](t, old.enter(1)).GetPass()
		if err := old.store.Redeem(t.Context(), area, 1, pass, worldA); err != nil {
			t.Fatal(err)
		}
		for p := range 3 {
			next[*pb.QueueStatus](t, old.enter(api.PlayerID(2+p)))
		}
		old.end()
		if err := old.store.Report(t.Context(), area, worldA, nil, []api.PlayerID{1}); err != nil {
			t.Fatal(err)
		}

		cfg := quick(1)
		cfg.Settle = 5 * time.Second // for the stranger to come first
		o := open(t, stores, cfg, 2)
		stranger := o.enter(9)
		if s := next[*pb.QueueStatus](t, stranger); s.GetPass() != "" {
			t.Fatal("a stranger got in before those who waited were back")
		}
		last, first := o.enter(4), o.enter(2) // and 3 does not come back
		next[*pb.Admitted](t, first)
		if r := o.store.Apply(t.Context(), newest, []Op{{Leave, area, 2, ""}})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
		next[*pb.Admitted](t, last)
	})
}

// TestMemoryLoss empties Redis under a working queue: those who are connected are restored in their order, and nobody gets in before worlds have
// reported who is inside.
func TestMemoryLoss(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		cfg := quick(1)
		cfg.Rebuild = 5 * time.Second // for the world's report
		o := open(t, stores, cfg, 1)
		pass := next[*pb.QueueStatus](t, o.enter(1)).GetPass()
		if err := o.store.Redeem(t.Context(), area, 1, pass, worldA); err != nil {
			t.Fatal(err)
		}
		var line []*visitor
		for p := range 5 {
			v := o.enter(api.PlayerID(2 + p))
			next[*pb.QueueStatus](t, v)
			line = append(line, v)
		}
		if err := stores.Redis().Del(t.Context(), o.store.keys(area)...).Err(); err != nil {
			t.Fatal(err)
		}
		if err := o.store.Report(t.Context(), area, worldA, []api.PlayerID{1}, nil); err != nil {
			t.Fatal(err)
		}
		for {
			if order, err := o.store.Order(t.Context(), area, "standard"); err != nil {
				t.Fatal(err)
			} else if len(order) == 5 {
				wantPlayers(t, "order", order, 2, 3, 4, 5, 6)
				break
			}
			updated(t, line[4], 5)
		}
		if err := o.store.Report(t.Context(), area, worldA, nil, []api.PlayerID{1}); err != nil {
			t.Fatal(err)
		}
		next[*pb.Admitted](t, line[0])
		updated(t, line[1], 1)
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	bad := Config{Capacity: -1, Rate: -1, PassTTL: 1, Grace: 1, UpdateEvery: 1, Tick: time.Hour, Settle: -1, Rebuild: -1, UpdateRate: -1, Floor: 100, Lanes: []Lane{{"standard", 0}, {"standard", 1}, {"Big", 1001}}}
	bad.Lease.TTL = 1
	err := bad.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"capacity", "rate", "pass_ttl", "grace", "update_every", "update_rate", "tick", "settle", "rebuild", "lease", "floor", "lanes[0].weight", "lanes[1].name", "lanes[2].name", "lanes[2].weight"} {
		if !strings.Contains(err.Error(), "queue."+want) {
			t.Errorf("%q is not named in:\n%v", want, err)
		}
	}
}
