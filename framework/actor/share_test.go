package actor_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"loumiao/framework/actor"
)

type (
	busy  struct{}
	short struct{}
)

// TestBusyActorStarvesNobody counts, on one core, how many messages an actor that always has more handles while others, which have one each, wait
// for their turn. Time plays no part: a machine that lets the process wait lets all of them wait.
func TestBusyActorStarvesNobody(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // with a core for each there is nothing to share
	sys, _ := setup(t, actor.Config{SlowHandler: -1})
	const (
		others = 50
		rounds = 20
		// A busy actor lets others run after every 256 messages. Without that it would handle tens of thousands before the runtime
		// interrupted it.
		share = 16 * 256
	)
	var turns, left atomic.Int64 // turns: of the busy one, since the others were told
	var longest atomic.Int64
	over := make(chan struct{})

	b := actor.NewBehavior[struct{}]()
	actor.HandleTell(b, func(*struct{}, *actor.Context, *short) error {
		if waited := turns.Load(); waited > longest.Load() {
			longest.Store(waited)
		}
		left.Add(-1)
		return nil
	})
	var refs []actor.Ref
	for range others {
		refs = append(refs, must[actor.Ref](t)(actor.Spawn(sys, "", b, &struct{}{}, actor.Options{})))
	}

	hog := actor.NewBehavior[int]()
	round := 0
	actor.HandleTell(hog, func(_ *int, ctx *actor.Context, m *busy) error {
		turns.Add(1)
		if left.Load() == 0 {
			if round++; round > rounds {
				close(over)
				return nil
			}
			turns.Store(0)
			left.Store(others)
			for _, ref := range refs {
				tell(t, ref, &short{})
			}
		}
		return ctx.Self().Tell(m)
	})
	ref := must[actor.Ref](t)(actor.Spawn(sys, "", hog, new(int), actor.Options{}))
	tell(t, ref, &busy{})
	<-over
	if got := longest.Load(); got > share {
		t.Errorf("somebody waited for %d turns of the busy actor; at most %d are fair", got, share)
	}
	t.Logf("nobody waited for more than %d turns of the busy actor", longest.Load())
	stop(t, sys)
}

// maxIdle is what an idle actor may cost, in bytes of heap.
const maxIdle = 400

// TestIdleActorsCostLittle measures the heap with many actors that have all handled a message and have none now.
func TestIdleActorsCostLittle(t *testing.T) {
	const actors = 20_000 // enough that what does not grow with them hardly counts
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // what pools hold on to goes with the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	check := func(what string, grown int64) {
		t.Helper()
		t.Logf("%s: %d bytes", what, grown/actors)
		if grown/actors > maxIdle {
			t.Errorf("an idle actor, %s, costs %d bytes; at most %d are little", what, grown/actors, maxIdle)
		}
	}
	sys, _ := setup(t, actor.Config{})
	b := actor.NewBehavior[oracle]()
	actor.Handle(b, (*oracle).reply)
	refs := make([]actor.Ref, actors)
	before := heap()
	for i := range refs {
		refs[i] = must[actor.Ref](t)(actor.Spawn(sys, "", b, &oracle{}, actor.Options{}))
		must[*ping](t)(actor.Ask(t.Context(), refs[i], &question{}))
	}
	check("spawned", heap()-before)
	runtime.KeepAlive(refs)

	pool := actor.NewPool(sys, func(*actor.Context, int64) (*oracle, error) { return &oracle{}, nil }, actor.PoolConfig{})
	actor.Handle(pool.Behavior(), (*oracle).reply)
	before = heap()
	for key := range int64(actors) {
		must[*ping](t)(actor.AskPool(t.Context(), pool, key, &question{}))
	}
	check("of a pool", heap()-before)
	stop(t, sys)
}
