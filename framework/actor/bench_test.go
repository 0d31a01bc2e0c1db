package actor_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/actor"
)

// The benchmarks of one table, each beside a plain channel and goroutine doing the same:
//
//	go test ./framework/actor -run '^$' -bench . -benchtime 1s -count 5
//
// Ours run as they are shipped: typed handlers, bounds, supervision, deadlines and counts all on.

type ping struct{ n int64 }

type question struct{ actor.Returns[*ping] }

// A sink counts down to the last message of a benchmark.
type sink struct {
	left int64
	done chan struct{}
}

func (s *sink) count(*actor.Context, *ping) error {
	if s.left--; s.left == 0 {
		close(s.done)
	}
	return nil
}

func newSystem(b *testing.B) *actor.System {
	sys := actor.NewSystem(actor.Config{Logger: slog.New(slog.DiscardHandler)})
	b.Cleanup(func() {
		if err := sys.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return sys
}

func spawn[S any](tb testing.TB, sys *actor.System, b *actor.Behavior[S], state *S, opts actor.Options) actor.Ref {
	tb.Helper()
	ref, err := actor.Spawn(sys, "", b, state, opts)
	if err != nil {
		tb.Fatal(err)
	}
	return ref
}

// mustTell sends as a producer does that outruns its consumer: it waits when the mailbox is full.
func mustTell(ref actor.Ref, msg any) {
	if ref.Tell(msg) != nil {
		_ = ref.TellWait(context.Background(), msg)
	}
}

func BenchmarkTell(b *testing.B) {
	for _, producers := range []int{1, 2} {
		b.Run(fmt.Sprintf("%dto1/actor", producers), func(b *testing.B) {
			sys := newSystem(b)
			kind := actor.NewBehavior[sink]()
			actor.HandleTell(kind, (*sink).count)
			s := &sink{left: int64(b.N), done: make(chan struct{})}
			ref := spawn(b, sys, kind, s, actor.Options{})
			msg := &ping{}
			b.ReportAllocs()
			b.ResetTimer()
			produce(producers, b.N, func() { mustTell(ref, msg) })
			<-s.done
		})
		b.Run(fmt.Sprintf("%dto1/channel", producers), func(b *testing.B) {
			inbox := make(chan any, 1024)
			done := make(chan struct{})
			go func() {
				for left := b.N; left > 0; left-- {
					<-inbox
				}
				close(done)
			}()
			msg := &ping{}
			b.ReportAllocs()
			b.ResetTimer()
			produce(producers, b.N, func() { inbox <- msg })
			<-done
		})
	}
}

// produce calls send n times in all.
func produce(producers, n int, send func()) {
	var wg sync.WaitGroup
	for p := range producers {
		share := n / producers
		if p == 0 {
			share += n % producers
		}
		wg.Go(func() {
			for range share {
				send()
			}
		})
	}
	wg.Wait()
}

type member struct {
	left *atomic.Int64
	done chan struct{}
}

func BenchmarkTellMany(b *testing.B) {
	const actors = 1000
	b.Run("1to1000/actor", func(b *testing.B) {
		sys := newSystem(b)
		left := &atomic.Int64{}
		left.Store(int64(b.N))
		m := &member{left, make(chan struct{})}
		kind := actor.NewBehavior[member]()
		actor.HandleTell(kind, func(m *member, _ *actor.Context, _ *ping) error {
			if m.left.Add(-1) == 0 {
				close(m.done)
			}
			return nil
		})
		refs := make([]actor.Ref, actors)
		for i := range refs {
			refs[i] = spawn(b, sys, kind, m, actor.Options{Mailbox: 64})
		}
		msg := &ping{}
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			mustTell(refs[i%actors], msg)
		}
		<-m.done
	})
	b.Run("1to1000/channel", func(b *testing.B) {
		left := &atomic.Int64{}
		left.Store(int64(b.N))
		done := make(chan struct{})
		inboxes := make([]chan any, actors)
		for i := range inboxes {
			inboxes[i] = make(chan any, 64)
			go func() {
				for range inboxes[i] {
					if left.Add(-1) == 0 {
						close(done)
					}
				}
			}()
		}
		msg := &ping{}
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			inboxes[i%actors] <- msg
		}
		<-done
		for _, inbox := range inboxes {
			close(inbox)
		}
	})
}

type player struct {
	other actor.Ref
	left  int
	done  chan struct{}
}

func (p *player) hit(_ *actor.Context, m *ping) error {
	if p.left--; p.left <= 0 {
		close(p.done)
		return nil
	}
	return p.other.Tell(m)
}

type serve struct{ to actor.Ref }

func BenchmarkPingPong(b *testing.B) {
	b.Run("actor", func(b *testing.B) {
		sys := newSystem(b)
		kind := actor.NewBehavior[player]()
		actor.HandleTell(kind, (*player).hit)
		actor.HandleTell(kind, func(p *player, _ *actor.Context, m *serve) error { p.other = m.to; return nil })
		done := make(chan struct{})
		x := spawn(b, sys, kind, &player{left: b.N/2 + 1, done: done}, actor.Options{})
		y := spawn(b, sys, kind, &player{left: b.N, other: x}, actor.Options{})
		mustTell(x, &serve{y})
		b.ReportAllocs()
		b.ResetTimer()
		mustTell(x, &ping{})
		<-done
	})
	b.Run("channel", func(b *testing.B) {
		x, y := make(chan any, 1), make(chan any, 1)
		go func() {
			for m := range x {
				y <- m
			}
			close(y)
		}()
		msg := any(&ping{})
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N/2 + 1 {
			x <- msg
			msg = <-y
		}
		close(x)
	})
}

type oracle struct{ answer ping }

func (o *oracle) reply(*actor.Context, *question) (*ping, error) { return &o.answer, nil }

func BenchmarkAsk(b *testing.B) {
	for _, askers := range []int{1, 64} {
		b.Run(fmt.Sprintf("x%d/actor", askers), func(b *testing.B) {
			sys := newSystem(b)
			kind := actor.NewBehavior[oracle]()
			actor.Handle(kind, (*oracle).reply)
			ref := spawn(b, sys, kind, &oracle{}, actor.Options{})
			ctx := b.Context()
			b.ReportAllocs()
			b.ResetTimer()
			produce(askers, b.N, func() {
				if _, err := actor.Ask(ctx, ref, ask); err != nil {
					b.Error(err)
				}
			})
		})
		b.Run(fmt.Sprintf("x%d/channel", askers), func(b *testing.B) {
			type request struct {
				msg   any
				reply chan any
			}
			inbox := make(chan request, 1024)
			go func() {
				answer := &ping{}
				for r := range inbox {
					r.reply <- answer
				}
			}()
			defer close(inbox)
			replies := sync.Pool{New: func() any { return make(chan any, 1) }}
			b.ReportAllocs()
			b.ResetTimer()
			produce(askers, b.N, func() {
				reply := replies.Get().(chan any)
				inbox <- request{ask, reply}
				<-reply
				replies.Put(reply)
			})
		})
	}
}

var ask = &question{}

func BenchmarkSpawn(b *testing.B) {
	sys := newSystem(b)
	kind := actor.NewBehavior[oracle]()
	actor.Handle(kind, (*oracle).reply)
	state := &oracle{}
	b.ReportAllocs()
	for b.Loop() {
		spawn(b, sys, kind, state, actor.Options{})
	}
}

// BenchmarkIdle reports what an actor costs that has handled messages and has none now.
func BenchmarkIdle(b *testing.B) {
	const actors = 100_000
	b.Run("actor", func(b *testing.B) {
		sys := newSystem(b)
		kind := actor.NewBehavior[oracle]()
		actor.Handle(kind, (*oracle).reply)
		for b.Loop() {
			refs := make([]actor.Ref, actors)
			before := inUse()
			for i := range refs {
				refs[i] = spawn(b, sys, kind, &oracle{}, actor.Options{})
				_, _ = actor.Ask(b.Context(), refs[i], ask)
			}
			b.ReportMetric(float64(inUse()-before)/actors, "B/actor")
			runtime.KeepAlive(refs)
			for _, r := range refs {
				r.Stop()
			}
		}
	})
	b.Run("pool", func(b *testing.B) {
		sys := newSystem(b)
		for b.Loop() {
			pool := actor.NewPool(sys, func(*actor.Context, int64) (*oracle, error) { return &oracle{}, nil },
				actor.PoolConfig{IdleAfter: time.Hour})
			actor.Handle(pool.Behavior(), (*oracle).reply)
			before := inUse()
			for i := range int64(actors) {
				_, _ = actor.AskPool(b.Context(), pool, i, ask)
			}
			b.ReportMetric(float64(inUse()-before)/actors, "B/actor")
			_ = pool.Drain(b.Context())
		}
	})
	b.Run("channel", func(b *testing.B) {
		for b.Loop() {
			inboxes := make([]chan any, actors)
			before := inUse()
			for i := range inboxes {
				inboxes[i] = make(chan any, 16)
				go func() {
					for range inboxes[i] {
					}
				}()
				inboxes[i] <- ask
			}
			b.ReportMetric(float64(inUse()-before)/actors, "B/actor")
			for _, inbox := range inboxes {
				close(inbox)
			}
		}
	})
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

type clockwork struct{}
type arm struct {
	actor.Returns[*ping]
	n int
}

// BenchmarkTimer adds and stops timers while 100,000 others are pending.
func BenchmarkTimer(b *testing.B) {
	b.Run("actor", func(b *testing.B) {
		sys := newSystem(b)
		kind := actor.NewBehavior[clockwork]()
		actor.Handle(kind, func(_ *clockwork, ctx *actor.Context, m *arm) (*ping, error) {
			for range m.n {
				ctx.After(time.Minute, m).Stop()
			}
			return nil, nil
		})
		actor.HandleTell(kind, func(_ *clockwork, ctx *actor.Context, m *ping) error {
			for i := range m.n {
				ctx.After(time.Minute+time.Duration(i)*time.Millisecond, m)
			}
			return nil
		})
		ref := spawn(b, sys, kind, &clockwork{}, actor.Options{})
		mustTell(ref, &ping{100_000})
		ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
		defer cancel()
		_, _ = actor.Ask(ctx, ref, &arm{})
		b.ReportAllocs()
		b.ResetTimer()
		_, _ = actor.Ask(ctx, ref, &arm{n: b.N})
	})
	b.Run("AfterFunc", func(b *testing.B) {
		var pending []*time.Timer
		for i := range 100_000 {
			pending = append(pending, time.AfterFunc(time.Minute+time.Duration(i)*time.Millisecond, func() {}))
		}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			time.AfterFunc(time.Minute, func() {}).Stop()
		}
		b.StopTimer()
		for _, t := range pending {
			t.Stop()
		}
	})
}
