package actor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
)

type numbered struct {
	actor.Returns[*numbered]
	sender, n int
}

// A ledger is the state of the actor under test: what it handled, in order, by sender.
type ledger struct {
	handled [][]int
	busy    atomic.Int32
	stopped atomic.Bool
}

// Random senders at one actor that is stopped at a random moment. What the senders were told was accepted is the oracle: exactly that
// is handled, in each sender's order, one at a time, and nothing after Done.
func TestRandomSendersAndStop(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		sys, _ := setup(t, actor.Config{})
		const senders = 4
		l := &ledger{handled: make([][]int, senders)}
		b := actor.NewBehavior[ledger]()
		actor.Handle(b, func(l *ledger, _ *actor.Context, m *numbered) (*numbered, error) {
			if l.busy.Add(1) != 1 || l.stopped.Load() {
				t.Error("two handlers at once, or one after the stop hook")
			}
			l.handled[m.sender] = append(l.handled[m.sender], m.n)
			l.busy.Add(-1)
			return m, nil
		})
		b.OnStop(func(l *ledger, _ *actor.Context) { l.stopped.Store(true) })
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, l, actor.Options{Mailbox: 1 + rng.IntN(40)}))

		accepted := make([][]int, senders)
		stopAt := rng.IntN(senders * 300)
		var sent atomic.Int64
		var wg sync.WaitGroup
		for s := range senders {
			rng := rand.New(rand.NewPCG(seed, uint64(s)+2))
			wg.Go(func() {
				for n := range 300 {
					if sent.Add(1) == int64(stopAt) {
						ref.Stop()
					}
					m := &numbered{sender: s, n: n}
					var err error
					switch rng.IntN(4) {
					case 0:
						err = ref.TellWait(context.Background(), m)
					case 1:
						var got *numbered
						if got, err = actor.Ask(context.Background(), ref, m); err == nil && got != m {
							t.Error("got another's answer")
						}
					default:
						err = ref.Tell(m)
					}
					switch {
					case err == nil:
						accepted[s] = append(accepted[s], n)
					case !errors.Is(err, actor.ErrStopped) && !errors.Is(err, actor.ErrMailboxFull):
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		ref.Stop()
		<-ref.Done()
		for s := range senders {
			if !slices.Equal(accepted[s], l.handled[s]) {
				t.Fatalf("seed %d: sender %d: accepted %v, handled %v", seed, s, accepted[s], l.handled[s])
			}
		}
		stop(t, sys)
	}
}

type bump struct{ actor.Returns[int] }

// A counter is a pool's actor; its value outlives it in the test's storage.
type counter struct {
	key   int
	value int
}

// Random operations at a pool whose actors come and go all the time. The oracle is a count of accepted messages a key: after all is over
// the stored value is that count, so no message was lost between two lives of a key, none handled twice, and no two lives
// overlapped (they would have overwritten each other).
func TestRandomPool(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		sys, log := setup(t, actor.Config{SlowHandler: -1})
		const keys, workers = 5, 4
		var stored [keys]int // written and read only by the key's one actor; -race sees an overlap
		var alive [keys]atomic.Int32
		pool := actor.NewPool(sys, func(_ *actor.Context, key int) (*counter, error) {
			if alive[key].Add(1) != 1 {
				t.Errorf("key %d has two actors", key)
			}
			return &counter{key, stored[key]}, nil
		}, actor.PoolConfig{Name: "counter", IdleAfter: time.Millisecond, Mailbox: 8})
		actor.Handle(pool.Behavior(), func(c *counter, ctx *actor.Context, _ *bump) (int, error) {
			if c.value++; c.value%50 == 0 {
				ctx.Stop()
			}
			return c.value, nil
		})
		pool.Behavior().OnStop(func(c *counter, _ *actor.Context) {
			stored[c.key] = c.value
			alive[c.key].Add(-1)
		})

		var accepted [keys]atomic.Int64
		var wg sync.WaitGroup
		for w := range workers {
			rng := rand.New(rand.NewPCG(seed, uint64(w)))
			wg.Go(func() {
				for range 400 {
					key := rng.IntN(keys)
					var err error
					switch rng.IntN(8) {
					case 0:
						pool.Remove(key)
						continue
					case 1:
						_, err = actor.AskPool(context.Background(), pool, key, &bump{})
					case 2:
						if ref, ok := pool.Get(key); ok {
							err = ref.TellWait(context.Background(), &bump{})
						} else {
							continue
						}
					case 3:
						var ref actor.Ref
						if ref, err = pool.Create(key); err == nil {
							err = ref.Tell(&bump{})
						}
					case 4:
						if err = pool.Deliver(key, false, &bump{}, nil, time.Time{}); errors.Is(err, actor.ErrNoActor) {
							continue
						}
					default:
						err = pool.Tell(key, &bump{})
					}
					switch code := fault.CodeOf(err); {
					case err == nil:
						accepted[key].Add(1)
					case code != fault.Overloaded && code != fault.Unavailable:
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := pool.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if text := log.String(); text != "" {
			t.Error(text)
		}
		if n := pool.Len(); n != 0 {
			t.Errorf("%d actors are left", n)
		}
		for key := range keys {
			if int64(stored[key]) != accepted[key].Load() {
				t.Fatalf("seed %d: key %d: accepted %d, stored %d", seed, key, accepted[key].Load(), stored[key])
			}
		}
		stop(t, sys)
	}
}
