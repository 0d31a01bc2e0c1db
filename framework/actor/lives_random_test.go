package actor_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
)

// A mortal is the state of an actor that crashes and is restarted. What it notes outlives it.
type mortal struct {
	notes *notes
	life  int
}

// notes is what the test and all lives of the actor share. Handlers run one at a time.
type notes struct {
	t         *testing.T
	seed      uint64
	limits    actor.RestartLimits
	life      int
	crashes   []time.Time // of the window that is open
	total     int
	notBefore time.Time // nothing is handled earlier
	stopping  bool      // somebody has asked for it: the rest of a pause is not waited for
	handled   []int
	ticks     map[int]int // of each timer
	last      bool        // a crash that no life follows
	over      bool
}

type (
	work     struct{ n int }
	crash    struct{ n int }
	setTimer struct{ n int } // a timer that ticks once, in n ms
	rang     struct{ n int }
	rest     struct{ d time.Duration }
	watched  interface{ number() int }
)

func (w *work) number() int  { return w.n }
func (w *crash) number() int { return w.n }

func (n *notes) see(m *mortal) {
	now := time.Now()
	switch {
	case n.over:
		n.t.Errorf("seed %d: something is handled after the end", n.seed)
	case m.life != n.life:
		n.t.Errorf("seed %d: life %d handles a message in life %d", n.seed, m.life, n.life)
	case now.Before(n.notBefore) && !n.stopping:
		n.t.Errorf("seed %d: something is handled %s before the pause is over", n.seed, n.notBefore.Sub(now))
	}
}

// crashed reckons the pause before the next life, if there is one, as [actor.RestartLimits] says.
func (n *notes) crashed() {
	now := time.Now()
	n.total++
	if len(n.crashes) > 0 && now.Sub(n.crashes[0]) > n.limits.Window {
		n.crashes = nil
	}
	n.crashes = append(n.crashes, now)
	pause := n.limits.MinBackoff << (len(n.crashes) - 1)
	n.notBefore = now.Add(min(pause, n.limits.MaxBackoff))
	n.last = n.stopping || len(n.crashes) > n.limits.Max
}

// TestRandomLives has senders at an actor that crashes, is restarted after pauses that grow, gets timers, and is stopped or gives up in the end.
// The oracle is what the senders were told, and plain arithmetic for the pauses.
func TestRandomLives(t *testing.T) {
	t.Parallel()
	gaveUp, stopped := 0, 0
	for seed := range uint64(80) {
		synctest.Test(t, func(t *testing.T) {
			if lives(t, seed) {
				gaveUp++
			} else {
				stopped++
			}
		})
	}
	if gaveUp == 0 || stopped == 0 {
		t.Errorf("%d actors gave up and %d were stopped; the seeds should give both", gaveUp, stopped)
	}
}

func lives(t *testing.T, seed uint64) (gaveUp bool) {
	rng := rand.New(rand.NewPCG(seed, 4))
	sys, _ := setup(t, actor.Config{SlowHandler: -1})
	n := &notes{
		t: t, seed: seed, ticks: map[int]int{},
		limits: actor.RestartLimits{
			MinBackoff: time.Duration(1+rng.IntN(50)) * time.Millisecond, MaxBackoff: 200 * time.Millisecond,
			Max: 2 + rng.IntN(6), Window: time.Duration(500+rng.IntN(4000)) * time.Millisecond,
		},
	}
	limits := n.limits
	var surrendered atomic.Bool
	limits.GiveUp = func(error) { surrendered.Store(true) }
	b := actor.NewBehavior[mortal]()
	actor.HandleTell(b, func(m *mortal, _ *actor.Context, w *work) error {
		m.notes.see(m)
		m.notes.handled = append(m.notes.handled, w.n)
		return nil
	})
	actor.HandleTell(b, func(m *mortal, _ *actor.Context, c *crash) error {
		m.notes.see(m)
		m.notes.handled = append(m.notes.handled, c.n)
		m.notes.crashed()
		panic("crash")
	})
	actor.HandleTell(b, func(m *mortal, ctx *actor.Context, a *setTimer) error {
		m.notes.see(m)
		ctx.After(time.Duration(a.n)*time.Millisecond, &rang{a.n})
		return nil
	})
	actor.HandleTell(b, func(m *mortal, _ *actor.Context, a *rang) error {
		m.notes.see(m)
		m.notes.ticks[a.n]++
		return nil
	})
	actor.HandleTell(b, func(m *mortal, _ *actor.Context, w *rest) error {
		m.notes.see(m)
		time.Sleep(w.d)
		return nil
	})
	farewells := 0
	b.OnStop(func(m *mortal, _ *actor.Context) { farewells++; m.notes.see(m) })
	ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, nil, actor.Options{
		Mailbox: 1 + rng.IntN(20),
		Supervise: actor.Restart(func() (*mortal, error) {
			n.life++
			return &mortal{n, n.life}, nil
		}, limits),
	}))

	const senders, each = 3, 60
	accepted := make([][]int, senders)
	arms := make([][]int, senders)
	var wg sync.WaitGroup
	for s := range senders {
		rng := rand.New(rand.NewPCG(seed, uint64(s)+5))
		wg.Go(func() {
			for i := range each {
				number := s*1000 + i
				var msg any
				switch rng.IntN(10) {
				case 0:
					msg = &crash{number}
				case 1:
					msg = &setTimer{number}
				case 2:
					msg = &rest{time.Duration(rng.IntN(30)) * time.Millisecond}
				default:
					msg = &work{number}
				}
				var err error
				if rng.IntN(3) == 0 {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+rng.IntN(100))*time.Millisecond)
					err = ref.TellWait(ctx, msg)
					cancel()
				} else {
					err = ref.Tell(msg)
				}
				switch _, ordered := msg.(watched); {
				case err == nil && ordered:
					accepted[s] = append(accepted[s], number)
				case err == nil:
					if a, ok := msg.(*setTimer); ok {
						arms[s] = append(arms[s], a.n)
					}
				case !errors.Is(err, actor.ErrStopped) && !errors.Is(err, actor.ErrMailboxFull) && fault.CodeOf(err) != fault.Deadline:
					t.Error(err)
				}
				time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
			}
		})
	}
	wg.Wait()
	if rng.IntN(2) == 0 && !surrendered.Load() {
		time.Sleep(10 * time.Second) // all timers have gone off, all pauses are over
		synctest.Wait()
		for s := range senders {
			for _, a := range arms[s] {
				if n.ticks[a] != 1 && !surrendered.Load() {
					t.Errorf("seed %d: timer %d went off %d times", seed, a, n.ticks[a])
				}
			}
		}
	}
	synctest.Wait()
	n.stopping = true
	ref.Stop()
	<-ref.Done()
	n.over = true
	time.Sleep(time.Minute)
	synctest.Wait()
	gaveUp = surrendered.Load()

	for s := range senders {
		var got []int
		for _, h := range n.handled {
			if h/1000 == s {
				got = append(got, h)
			}
		}
		// Who gave up has left the rest unhandled; what was handled is the beginning of what was accepted, in order.
		want := accepted[s]
		if gaveUp {
			want = want[:min(len(want), len(got))]
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: of sender %d's messages %v were accepted and %v handled", seed, s, accepted[s], got)
		}
	}
	restarts := n.total // each but the last crash is followed by one
	if n.last {
		restarts--
	}
	switch got := gather(t, sys); {
	case gaveUp != n.last || gaveUp && farewells != 0 || farewells > 1:
		t.Errorf("seed %d: gave up %v after %d crashes in the window, of which %d are allowed; the stop hook ran %d times",
			seed, gaveUp, len(n.crashes), n.limits.Max, farewells)
	case got["panics_total{actor_test.mortal}"] != float64(n.total) || got["restarts_total{actor_test.mortal}"] != float64(restarts):
		t.Errorf("seed %d: %d crashes and %d restarts; the metrics say %v", seed, n.total, restarts, fmt.Sprint(got))
	}
	stop(t, sys)
	return gaveUp
}
