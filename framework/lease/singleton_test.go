package lease_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

// A holder is one candidate of a singleton in a test.
type holder struct {
	active chan uint64 // the epoch, each time that it becomes active
	lost   chan struct{}
	err    chan error
	stop   context.CancelFunc
}

func candidate(t *testing.T, s *store.Stores, node id.Node, errLead error) *holder {
	return candidateFor(t, s, node, quick, errLead)
}

func candidateFor(t *testing.T, s *store.Stores, node id.Node, cfg lease.Config, errLead error) *holder {
	h := &holder{active: make(chan uint64, 16), lost: make(chan struct{}, 16), err: make(chan error, 1)}
	single := lease.NewSingleton(s, "ranking", "cluster", node, 1, cfg, storetest.Log(t))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		h.err <- single.Run(ctx, func(ctx context.Context, epoch uint64) error {
			h.active <- epoch
			if errLead != nil {
				return errLead
			}
			<-ctx.Done()
			h.lost <- struct{}{}
			return ctx.Err()
		})
	})
	h.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(h.stop)
	return h
}

func TestSingletonHandsOver(t *testing.T) {
	t.Parallel()
	processes(t, func(t *testing.T, a, b *store.Stores) {
		cluster(t, a)
		first := candidate(t, a, 1, nil)
		epoch1 := <-first.active
		second := candidate(t, b, 2, nil)
		first.stop()
		if err := <-first.err; err != nil {
			t.Errorf("Run = %v after a stop", err)
		}
		if epoch2 := <-second.active; epoch2 != epoch1+1 {
			t.Errorf("epoch %d after %d", epoch2, epoch1)
		}
	})
}

// The holder is cut off from Redis: another takes over, and the first one's writes are refused.
func TestSingletonIsFenced(t *testing.T) {
	t.Parallel()
	processes(t, func(t *testing.T, a, b *store.Stores) {
		db := cluster(t, a)
		line := &cut{}
		a.Redis().AddHook(line)
		first := candidate(t, a, 1, nil)
		old := <-first.active
		second := candidate(t, b, 2, nil)
		line.down.Store(true)
		wait(t, "first told that it lost", first.lost)
		epoch := <-second.active
		for e, want := range map[uint64]error{old: lease.ErrFenced, epoch: nil} {
			if err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return lease.Fence(tx, "ranking", e) }); !errors.Is(err, want) {
				t.Errorf("fence with epoch %d: %v, want %v", e, err, want)
			}
		}
		line.down.Store(false)
		second.stop()
		if again := <-first.active; again != epoch+1 {
			t.Errorf("epoch %d after %d", again, epoch)
		}
	})
}

func TestSingletonReturnsItsHoldersError(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		cluster(t, s)
		errLead := errors.New("no season")
		failing := candidate(t, s, 1, errLead)
		if err := <-failing.err; !errors.Is(err, errLead) {
			t.Errorf("Run = %v", err)
		}
		<-candidate(t, s, 2, nil).active // at once, because the failing one released it
	})
}

// A node that was killed and started again does not wait for its own dead lease; another node does, and an older boot never takes a newer's.
func TestSingletonOfANewerBoot(t *testing.T) {
	t.Parallel()
	processes(t, func(t *testing.T, a, b *store.Stores) {
		cluster(t, a)
		long := lease.Config{TTL: time.Hour, Renew: 50 * time.Millisecond, Margin: time.Second}
		run := func(s *store.Stores, node id.Node, boot id.Boot) (active chan uint64, lost chan struct{}) {
			active, lost = make(chan uint64, 1), make(chan struct{}, 1)
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			wg.Go(func() {
				_ = lease.NewSingleton(s, "ranking", "cluster", node, boot, long, storetest.Log(t)).Run(ctx, func(ctx context.Context, epoch uint64) error {
					active <- epoch
					<-ctx.Done()
					lost <- struct{}{}
					return ctx.Err()
				})
			})
			t.Cleanup(func() { cancel(); wg.Wait() })
			return active, lost
		}
		first, lost := run(a, 7, 0xfff)
		epoch := <-first
		other, _ := run(b, 8, 0x2000)
		second, _ := run(b, 7, 0x1000)
		if next := <-second; next != epoch+1 {
			t.Errorf("epoch %d after %d", next, epoch)
		}
		wait(t, "the older boot told that it lost", lost)
		select {
		case e := <-other:
			t.Errorf("another node took a living lease, epoch %d", e)
		case e := <-first:
			t.Errorf("the older boot took the lease back, epoch %d", e)
		default:
		}
	})
}
