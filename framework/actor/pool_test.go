package actor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
)

// setupPool makes a pool of echoes whose every load is counted.
func setupPool(t *testing.T, sys *actor.System, loads *atomic.Int32, cfg actor.PoolConfig) *actor.Pool[int, echo] {
	t.Helper()
	pool := actor.NewPool(sys, func(_ *actor.Context, key int) (*echo, error) {
		if key < 0 {
			return nil, fault.New(fault.NotFound, "no such player")
		}
		loads.Add(1)
		return &echo{seen: []int{key}}, nil
	}, cfg)
	actor.HandleTell(pool.Behavior(), func(e *echo, _ *actor.Context, m *add) error { e.seen = append(e.seen, m.n); return nil })
	actor.Handle(pool.Behavior(), func(e *echo, _ *actor.Context, _ *get) ([]int, error) { return e.seen, nil })
	actor.HandleTell(pool.Behavior(), func(*echo, *actor.Context, *boom) error { panic("boom") })
	actor.HandleTell(pool.Behavior(), func(_ *echo, _ *actor.Context, m *gate) error {
		close(m.entered)
		<-m.open
		return nil
	})
	return pool
}

func TestPool(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	var loads atomic.Int32
	pool := setupPool(t, sys, &loads, actor.PoolConfig{Name: "player"})
	if _, ok := pool.Get(7); ok {
		t.Error("found an actor before its first message")
	}
	got := must[[]int](t)(actor.AskPool(t.Context(), pool, 7, &get{}))
	ref, ok := pool.Get(7)
	if fmt.Sprint(got) != "[7]" || !ok || ref.Name() != "player/7" || pool.Len() != 1 || loads.Load() != 1 {
		t.Errorf("%v, %v, %s, %d, %d", got, ok, ref.Name(), pool.Len(), loads.Load())
	}
	if again := must[actor.Ref](t)(pool.Create(7)); again != ref {
		t.Error("Create made a second one")
	}
	for key := range 100 {
		must[actor.Ref](t)(pool.Create(key))
	}
	seen := map[int]bool{}
	pool.Range(func(key int, ref actor.Ref) bool { seen[key] = true; return len(seen) < 50 })
	if pool.Len() != 100 || len(seen) != 50 {
		t.Errorf("%d actors, %d visited", pool.Len(), len(seen))
	}
	pool.Remove(7)
	<-ref.Done()
	if _, ok := pool.Get(7); ok || !errors.Is(ref.Tell(&add{}), actor.ErrStopped) {
		t.Error("removed, and still there")
	}
	if got := must[[]int](t)(actor.AskPool(t.Context(), pool, 7, &get{})); fmt.Sprint(got) != "[7]" {
		t.Errorf("the fresh one has %v", got)
	}
}

func TestPoolOnRequest(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	var loads atomic.Int32
	pool := setupPool(t, sys, &loads, actor.PoolConfig{OnRequest: true})
	_, asked := actor.AskPool(t.Context(), pool, 1, &get{})
	for name, err := range map[string]error{
		"Tell":    pool.Tell(1, &add{}),
		"Ask":     asked,
		"Deliver": pool.Deliver(1, false, &add{}, nil, time.Time{}),
	} {
		if !errors.Is(err, actor.ErrNoActor) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := pool.Deliver(1, true, &add{}, nil, time.Time{}); err != nil {
		t.Error(err)
	}
	if err := pool.Tell(1, &add{}); err != nil {
		t.Error(err)
	}
}

func TestPoolLoadFails(t *testing.T) {
	t.Parallel()
	sys, log := setup(t, actor.Config{})
	var loads atomic.Int32
	pool := setupPool(t, sys, &loads, actor.PoolConfig{Name: "player"})
	if _, err := actor.AskPool(t.Context(), pool, -1, &get{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the asker got %v", err)
	}
	if ref, ok := pool.Get(-1); ok {
		<-ref.Done()
	}
	if pool.Len() != 0 {
		t.Error("an actor without state is left")
	}
	ref := must[actor.Ref](t)(pool.Create(-2))
	<-ref.Done()
	if text := log.String(); text != "" {
		t.Errorf("logged what was answered: %s", text)
	}
}

func TestPoolLoadPanics(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	pool := actor.NewPool(sys, func(*actor.Context, string) (*echo, error) { panic("load") }, actor.PoolConfig{})
	actor.Handle(pool.Behavior(), func(e *echo, _ *actor.Context, _ *get) ([]int, error) { return e.seen, nil })
	if _, err := actor.AskPool(t.Context(), pool, "x", &get{}); fault.CodeOf(err) != fault.Internal {
		t.Errorf("the asker got %v", err)
	}
}

func TestPoolActorPanics(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	var loads atomic.Int32
	pool := setupPool(t, sys, &loads, actor.PoolConfig{})
	must[[]int](t)(actor.AskPool(t.Context(), pool, 1, &get{}))
	ref, _ := pool.Get(1)
	tell(t, ref, &add{5})
	tell(t, ref, &boom{})
	<-ref.Done()
	if got := must[[]int](t)(actor.AskPool(t.Context(), pool, 1, &get{})); fmt.Sprint(got) != "[1]" || loads.Load() != 2 {
		t.Errorf("after the panic: %v, %d loads", got, loads.Load())
	}
}

func TestSuccessorWaitsForTheStopHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		var loads atomic.Int32
		pool := setupPool(t, sys, &loads, actor.PoolConfig{})
		saving := newGate()
		pool.Behavior().OnStop(func(e *echo, _ *actor.Context) {
			if len(e.seen) > 1 && e.seen[1] == 1 { // the first life
				close(saving.entered)
				<-saving.open
			}
		})
		if err := pool.Tell(3, &add{1}); err != nil {
			t.Fatal(err)
		}
		first, _ := pool.Get(3)
		pool.Remove(3)
		<-saving.entered
		if _, ok := pool.Get(3); ok {
			t.Error("got the one that is stopping")
		}
		if err := pool.Deliver(3, false, &add{2}, nil, time.Time{}); !errors.Is(err, actor.ErrStopped) {
			t.Errorf("delivered to it: %v", err)
		}
		if err := pool.Tell(3, &add{2}); err != nil {
			t.Error(err)
		}
		second, _ := pool.Get(3)
		pool.Remove(3)
		if err := pool.Tell(3, &add{3}); err != nil { // a third life behind the second, which has not begun
			t.Error(err)
		}
		synctest.Wait()
		if loads.Load() != 1 {
			t.Errorf("loaded %d times while the old one was saving", loads.Load())
		}
		close(saving.open)
		<-first.Done()
		<-second.Done()
		if got := must[[]int](t)(actor.AskPool(t.Context(), pool, 3, &get{})); fmt.Sprint(got) != "[3 3]" || loads.Load() != 3 {
			t.Errorf("the third life saw %v after %d loads", got, loads.Load())
		}
		stop(t, sys)
	})
}

func TestPassivation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		var loads, vetoes atomic.Int32
		pool := setupPool(t, sys, &loads, actor.PoolConfig{IdleAfter: time.Minute})
		var keep atomic.Bool
		keep.Store(true)
		pool.Behavior().OnIdle(func(*echo, *actor.Context) bool {
			if keep.Load() {
				vetoes.Add(1)
			}
			return !keep.Load()
		})
		use := func() { must[[]int](t)(actor.AskPool(context.Background(), pool, 1, &get{})) }
		use()
		time.Sleep(40 * time.Second)
		use()
		time.Sleep(40 * time.Second) // 80 s old, 40 s idle
		if vetoes.Load() != 0 || pool.Len() != 1 {
			t.Errorf("asked %d times too early", vetoes.Load())
		}
		time.Sleep(30 * time.Second)
		if vetoes.Load() != 1 || pool.Len() != 1 {
			t.Errorf("asked %d times, %d actors", vetoes.Load(), pool.Len())
		}
		keep.Store(false)
		time.Sleep(time.Minute)
		if vetoes.Load() != 1 || pool.Len() != 0 || loads.Load() != 1 {
			t.Errorf("asked %d times, %d actors", vetoes.Load(), pool.Len())
		}
		use()
		if loads.Load() != 2 {
			t.Error("not loaded again")
		}
		stop(t, sys)
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		var loads atomic.Int32
		pool := setupPool(t, sys, &loads, actor.PoolConfig{Name: "player"})
		ref := must[actor.Ref](t)(pool.Create(1))
		must[actor.Ref](t)(pool.Create(2))
		release := block(t, ref)
		tell(t, ref, &add{1})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := pool.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "player: 1 actors left") {
			t.Errorf("drain with a busy actor: %v", err)
		}
		for _, err := range []error{pool.Tell(1, &add{}), pool.Tell(3, &add{})} {
			if !errors.Is(err, actor.ErrStopped) {
				t.Errorf("a message after Drain: %v", err)
			}
		}
		release()
		if err := pool.Drain(context.Background()); err != nil || pool.Len() != 0 {
			t.Errorf("%v, %d actors", err, pool.Len())
		}
		stop(t, sys)
	})
}

func TestAskPoolFindsCycles(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	var pool *actor.Pool[int, node]
	type round struct {
		actor.Returns[int]
		next []int
	}
	pool = actor.NewPool(sys, func(*actor.Context, int) (*node, error) { return &node{}, nil }, actor.PoolConfig{Name: "p"})
	actor.Handle(pool.Behavior(), func(_ *node, ctx *actor.Context, m *round) (int, error) {
		if len(m.next) == 0 {
			return 1, nil
		}
		return actor.AskPool(ctx, pool, m.next[0], &round{next: m.next[1:]})
	})
	if _, err := actor.AskPool(t.Context(), pool, 1, &round{next: []int{2, 3}}); err != nil {
		t.Error(err)
	}
	var cycle *actor.CycleError
	if _, err := actor.AskPool(t.Context(), pool, 1, &round{next: []int{2, 1}}); !errors.As(err, &cycle) || cycle.Error() != "call cycle: p/1 -> p/2 -> p/1" {
		t.Error(err)
	}
}
