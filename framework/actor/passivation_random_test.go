package actor_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/actor"
)

// A dozer is a pool's actor that is often on the point of falling asleep.
type dozer struct {
	key    int
	value  int
	worked time.Time // when it last had something to do
}

type asking struct{ actor.Returns[int] }

// TestRandomPassivation has messages arrive just when actors have been idle for long enough, while their idle hook decides, while they stop, and
// while their successors load. Nothing is lost or handled twice, nobody falls asleep early, and in the end everybody sleeps.
func TestRandomPassivation(t *testing.T) {
	t.Parallel()
	slept := 0
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { slept += passivation(t, seed) })
	}
	if slept < 500 {
		t.Errorf("only %d actors fell asleep: the arrivals do not meet them", slept)
	}
}

func passivation(t *testing.T, seed uint64) (slept int) {
	const keys, senders, each = 3, 4, 60
	const idleAfter = 100 * time.Millisecond
	sys, log := setup(t, actor.Config{SlowHandler: -1})
	var mu sync.Mutex // guards what follows: several keys' actors use it
	rng := rand.New(rand.NewPCG(seed, 6))
	random := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return rng.IntN(n)
	}
	nap := func(ms int) { time.Sleep(time.Duration(random(ms)) * time.Millisecond) }
	var stored [keys]int
	var alive [keys]int
	pool := actor.NewPool(sys, func(_ *actor.Context, key int) (*dozer, error) {
		nap(5)
		mu.Lock()
		defer mu.Unlock()
		if alive[key]++; alive[key] != 1 {
			t.Errorf("seed %d: key %d has %d actors", seed, key, alive[key])
		}
		return &dozer{key, stored[key], time.Now()}, nil
	}, actor.PoolConfig{IdleAfter: idleAfter, Mailbox: 100})
	work := func(d *dozer) (int, error) {
		d.value++
		nap(3)
		d.worked = time.Now()
		return d.value, nil
	}
	actor.Handle(pool.Behavior(), func(d *dozer, _ *actor.Context, _ *bump) (int, error) { return work(d) })
	actor.Handle(pool.Behavior(), func(d *dozer, _ *actor.Context, _ *asking) (int, error) { return work(d) })
	pool.Behavior().OnIdle(func(d *dozer, _ *actor.Context) bool {
		if idle := time.Since(d.worked); idle < idleAfter-10*time.Millisecond {
			t.Errorf("seed %d: asked to sleep after %s", seed, idle)
		}
		nap(5) // messages may come meanwhile
		return random(4) > 0
	})
	pool.Behavior().OnStop(func(d *dozer, _ *actor.Context) {
		nap(5)
		mu.Lock()
		defer mu.Unlock()
		stored[d.key] = d.value
		alive[d.key]--
		slept++
	})

	var accepted [keys]int
	var wg sync.WaitGroup
	for s := range senders {
		rng := rand.New(rand.NewPCG(seed, uint64(s)+7))
		wg.Go(func() {
			for range each {
				key := rng.IntN(keys)
				var err error
				switch rng.IntN(3) {
				case 0:
					_, err = actor.AskPool(t.Context(), pool, key, &asking{})
				case 1:
					ref, ok := pool.Get(key)
					if !ok {
						continue
					}
					if err = ref.TellWait(t.Context(), &bump{}); errors.Is(err, actor.ErrStopped) {
						continue // it fell asleep in between, and says so
					}
				default:
					err = pool.Tell(key, &bump{})
				}
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
				} else {
					mu.Lock()
					accepted[key]++
					mu.Unlock()
				}
				// Around the moment at which the actor has been idle for long enough.
				time.Sleep(idleAfter + time.Duration(rng.IntN(30)-15)*time.Millisecond)
			}
		})
	}
	wg.Wait()
	time.Sleep(time.Hour)
	synctest.Wait()
	if left := pool.Len(); left != 0 {
		t.Errorf("seed %d: %d actors are awake after an hour", seed, left)
	}
	if stored != accepted {
		t.Errorf("seed %d: stored %v, accepted %v", seed, stored, accepted)
	}
	if text := log.String(); text != "" {
		t.Error(text)
	}
	stop(t, sys)
	return slept
}
