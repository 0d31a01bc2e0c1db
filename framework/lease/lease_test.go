package lease_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

// cluster migrates the tables of the package. The files are read from the disk, because the framework imports nothing of the project's.
func cluster(t *testing.T, s *store.Stores) *gorm.DB {
	t.Helper()
	return storetest.Migrated(t, s, "cluster", os.DirFS("../../migrations/cluster"))
}

// processes runs test with the stores of two processes of one stack, on each engine.
func processes(t *testing.T, test func(t *testing.T, a, b *store.Stores)) {
	run := func(t *testing.T, cfg store.Config) {
		a := storetest.Open(t, cfg)
		test(t, a, storetest.Second(t, a, cfg))
	}
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		run(t, storetest.EmbeddedConfig(t))
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		run(t, storetest.RealConfig(t))
	})
}

// A cut is a line to Redis that can be cut.
type cut struct{ down atomic.Bool }

var errCut = errors.New("the line is cut")

func (c *cut) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *cut) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if c.down.Load() {
			return errCut
		}
		return next(ctx, cmd)
	}
}

func (c *cut) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// quick is a lease that ends soon enough for a test, and not so soon that a busy machine loses it.
var quick = lease.Config{TTL: 3 * time.Second}

func newLease(t *testing.T, s *store.Stores, node id.Node, boot id.Boot) *lease.Lease {
	return lease.New(s, node, boot, quick, storetest.Log(t))
}

func start(t *testing.T, l *lease.Lease) {
	t.Helper()
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		t.Fatalf("%s: not within a minute", what)
	}
}

// check is how often a condition is looked at.
const check = 20 * time.Millisecond

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ticker := time.NewTicker(check)
	defer ticker.Stop()
	for until := time.Now().Add(time.Minute); !cond(); <-ticker.C {
		if time.Now().After(until) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// throughout checks cond again and again for d.
func throughout(d time.Duration, cond func()) {
	ticker := time.NewTicker(check)
	defer ticker.Stop()
	for until := time.Now().Add(d); time.Now().Before(until); <-ticker.C {
		cond()
	}
}

func signal() (fn func(), c chan struct{}) {
	c = make(chan struct{}, 16)
	return func() { c <- struct{}{} }, c
}

func TestConfigIsValidated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg lease.Config
		ok  bool
	}{
		"zero":              {lease.Config{}, true},
		"short":             {lease.Config{TTL: time.Millisecond}, false},
		"renewed too late":  {lease.Config{TTL: time.Second, Renew: 900 * time.Millisecond}, false},
		"negative margin":   {lease.Config{Margin: -1}, false},
		"stretched to hour": {lease.Config{TTL: time.Hour}, true},
	} {
		if err := test.cfg.Validate(); (err == nil) != test.ok {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestLeaseLives(t *testing.T) {
	t.Parallel()
	processes(t, func(t *testing.T, a, b *store.Stores) {
		l := newLease(t, a, 7, 1)
		if l.Valid() {
			t.Error("valid before Start")
		}
		start(t, l)
		binding := lease.Binding{Node: 7, Boot: 1, Epoch: 1}
		if err := lease.NewOwners(a, "player").Bind(t.Context(), 5, binding); err != nil {
			t.Fatal(err)
		}
		// Past its TTL the node is still alive for everybody, itself included.
		throughout(quick.TTL*4/3, func() {
			if !l.Valid() {
				t.Fatal("not valid while it is renewed")
			}
			if got, ok, err := lease.NewOwners(b, "player").Lookup(t.Context(), 5); !ok || got != binding || err != nil {
				t.Fatalf("Lookup = %v, %v, %v", got, ok, err)
			}
		})
		if err := l.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		wait(t, "done", l.Done())
		if _, ok, err := lease.NewOwners(b, "player").Lookup(t.Context(), 5); ok || err != nil || l.Valid() {
			t.Errorf("after Stop: bound %v, %v, valid %v", ok, err, l.Valid())
		}
	})
}

// A node that cannot reach Redis, or was paused, stops by itself before others may take its place; what it does then has no effect.
func TestHolderThatIsCutOff(t *testing.T) {
	t.Parallel()
	processes(t, func(t *testing.T, a, b *store.Stores) {
		db := cluster(t, a)
		line := &cut{}
		a.Redis().AddHook(line)
		la, lb := newLease(t, a, 1, 1), newLease(t, b, 2, 1)
		onLost, lost := signal()
		onRegained, regained := signal()
		la.OnLost(onLost)
		la.OnLost(func() {
			if la.Valid() {
				t.Error("valid when told that it is lost")
			}
		})
		la.OnRegained(onRegained)
		start(t, la)
		start(t, lb)
		oa, ob := lease.NewOwners(a, "player"), lease.NewOwners(b, "player")

		old, err := lease.NextEpoch(t.Context(), db, "player 5")
		if err != nil {
			t.Fatal(err)
		}
		bound := lease.Binding{Node: 1, Boot: 1, Epoch: old}
		if err := oa.Bind(t.Context(), 5, bound); err != nil {
			t.Fatal(err)
		}
		line.down.Store(true)
		wait(t, "lease lost", lost)
		eventually(t, "Redis forgets the lease", func() bool {
			_, ok, err := ob.Lookup(t.Context(), 5)
			if err != nil {
				t.Fatal(err)
			}
			if !ok && la.Valid() {
				t.Fatal("valid for itself and dead for others")
			}
			return !ok
		})
		epoch, err := lease.NextEpoch(t.Context(), db, "player 5")
		if err != nil || epoch <= old {
			t.Fatalf("epoch %d after %d, %v", epoch, old, err)
		}
		taken := lease.Binding{Node: 2, Boot: 1, Epoch: epoch}
		if err := ob.Bind(t.Context(), 5, taken); err != nil {
			t.Fatal(err)
		}

		line.down.Store(false)
		wait(t, "lease held anew", regained)
		if err := oa.Bind(t.Context(), 5, bound); !errors.Is(err, lease.ErrFenced) {
			t.Errorf("bind with the old epoch: %v", err)
		}
		if err := oa.Unbind(t.Context(), 5, bound); err != nil {
			t.Error(err)
		}
		if got, ok, err := oa.Lookup(t.Context(), 5); got != taken || !ok || err != nil {
			t.Errorf("Lookup = %v, %v, %v", got, ok, err)
		}
		for e, want := range map[uint64]error{old: lease.ErrFenced, epoch: nil, epoch + 1: lease.ErrFenced} {
			if err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return lease.Fence(tx, "player 5", e) }); !errors.Is(err, want) {
				t.Errorf("fence with epoch %d of %d: %v", e, epoch, err)
			}
		}
	})
}

// Redis comes back empty: the node takes its lease again and is told to bind what it owns.
func TestRedisFlushed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		l := newLease(t, s, 1, 1)
		owners := lease.NewOwners(s, "player")
		b := lease.Binding{Node: 1, Boot: 1, Epoch: 9}
		rebound := make(chan struct{}, 16)
		l.OnRegained(func() {
			if err := owners.Bind(context.Background(), 5, b); err != nil {
				t.Error(err)
			}
			rebound <- struct{}{}
		})
		start(t, l)
		if err := owners.Bind(t.Context(), 5, b); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{s.Key("lease", "{1}"), s.Key("owner", "player", "{5}")} {
			if n, err := s.Redis().Del(t.Context(), key).Result(); n != 1 || err != nil {
				t.Fatalf("delete %s: %d, %v", key, n, err)
			}
		}
		wait(t, "lease held anew", rebound)
		if got, ok, err := lease.NewOwners(s, "player").Lookup(t.Context(), 5); got != b || !ok || err != nil {
			t.Errorf("Lookup = %v, %v, %v", got, ok, err)
		}
	})
}

func TestNewerBootReplaces(t *testing.T) {
	t.Parallel()
	processes(t, func(t *testing.T, a, b *store.Stores) {
		older, newer := newLease(t, a, 1, 10), newLease(t, b, 1, 11)
		onLost, lost := signal()
		older.OnLost(onLost)
		start(t, older)
		start(t, newer)
		wait(t, "replaced", lost)
		wait(t, "done", older.Done())
		if older.Valid() || !newer.Valid() {
			t.Errorf("valid: older %v, newer %v", older.Valid(), newer.Valid())
		}
		if err := newLease(t, a, 1, 10).Start(t.Context()); !errors.Is(err, lease.ErrReplaced) {
			t.Errorf("an older boot's Start: %v", err)
		}
		if err := older.Stop(t.Context()); err != nil { // must not release what the newer holds
			t.Error(err)
		}
		if err := newLease(t, a, 1, 10).Start(t.Context()); !errors.Is(err, lease.ErrReplaced) {
			t.Errorf("an older boot's Start after the older's Stop: %v", err)
		}
	})
}

// A stall is a line to Redis on which some commands get no answer.
type stall struct {
	cut
	commands atomic.Int32 // that are still to get none
}

func (s *stall) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if s.commands.Add(-1) >= 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		return next(ctx, cmd)
	}
}

func TestStartAsksAgain(t *testing.T) {
	t.Parallel()
	s := storetest.Embedded(t)
	line := &stall{}
	line.commands.Store(2)
	s.Redis().AddHook(line)
	l := lease.New(s, 1, 1, lease.Config{TTL: time.Minute, Renew: 50 * time.Millisecond}, storetest.Log(t))
	start(t, l)
	if !l.Valid() || line.commands.Load() >= 0 {
		t.Errorf("valid %v, and %d commands were to get no answer still", l.Valid(), line.commands.Load())
	}

	line.commands.Store(1 << 30)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := lease.New(s, 2, 1, lease.Config{TTL: time.Minute}, storetest.Log(t)).Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("started without an answer: %v", err)
	}
	line.commands.Store(0)
}

func TestStopIsIdempotentAndStartIsNot(t *testing.T) {
	t.Parallel()
	s := storetest.Embedded(t)
	never := newLease(t, s, 1, 1)
	for range 2 {
		if err := never.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := never.Start(t.Context()); err == nil {
		t.Error("started after it was stopped")
	}
	l := newLease(t, s, 1, 1)
	start(t, l)
	if err := l.Start(t.Context()); err == nil {
		t.Error("started twice")
	}
}
