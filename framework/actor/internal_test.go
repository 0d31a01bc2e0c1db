package actor

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

type firing struct {
	alarm alarm
	id    int
	fired *[]int
}

func (f *firing) expire() { *f.fired = append(*f.fired, f.id) }

// The wheel against a sorted slice: random alarms near and far are armed and disarmed while time moves in random steps.
func TestWheelFiresLikeASortedList(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		w := newWheel(newClock(time.Millisecond, 0), func(func()) {})
		var fired []int
		var armed []*firing // the oracle
		for id := range 300 {
			switch rng.IntN(3) {
			case 0, 1:
				f := &firing{id: id, fired: &fired}
				at := (w.now + rng.Int64N(1<<rng.IntN(30)) + 1) * int64(wheelTick)
				if !w.arm(&f.alarm, at, f) {
					t.Fatal("refused")
				}
				armed = append(armed, f)
			case 2:
				if len(armed) == 0 {
					continue
				}
				n := rng.IntN(len(armed))
				if !w.disarm(&armed[n].alarm) {
					t.Fatal("an alarm that has not fired was not armed")
				}
				if w.disarm(&armed[n].alarm) {
					t.Fatal("disarmed twice")
				}
				armed = slices.Delete(armed, n, n+1)
			}
			step := rng.Int64N(1 << rng.IntN(26))
			now := w.now + step
			if next := w.next(); len(armed) > 0 && next > slices.MinFunc(armed, byDue).alarm.due {
				t.Fatalf("seed %d: would sleep until %d", seed, next)
			}
			fire(w.advance(now))
			var want []int
			armed = slices.DeleteFunc(armed, func(f *firing) bool {
				if f.alarm.due <= now {
					want = append(want, f.id)
					return true
				}
				return false
			})
			got := slices.Sorted(slices.Values(fired))
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: at %d fired %v, want %v", seed, now, got, want)
			}
			fired = fired[:0]
		}
		w.close()
		if len(fired) != len(armed) || w.arm(&alarm{}, 1, &firing{}) {
			t.Fatalf("seed %d: close fired %d of %d", seed, len(fired), len(armed))
		}
	}
}

func byDue(a, b *firing) int { return cmp.Compare(a.alarm.due, b.alarm.due) }

func TestWheelSleepsUntilSomethingIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		w := newWheel(newClock(time.Millisecond, 0), func(run func()) {
			go func() { run(); close(done) }()
		})
		start := time.Now()
		at := func(d time.Duration) int64 { return w.clock.precise() + int64(d) }
		for _, d := range []time.Duration{time.Hour, time.Millisecond, 70 * time.Millisecond, 5 * time.Second} {
			ring := make(ringer)
			due := at(d)
			var a alarm
			w.arm(&a, due, ring)
			<-ring
			if late := w.clock.precise() - due; late < 0 || late > int64(wheelTick) {
				t.Errorf("after %s: %d ns late", d, late)
			}
		}
		if took := time.Since(start); took > time.Hour+6*time.Second {
			t.Errorf("took %s", took)
		}
		w.close()
		<-done
	})
}

type ringer chan struct{}

func (r ringer) expire() { close(r) }

// The queue against a slice: random pushes, takes and returns of half-read chunks.
func TestQueueKeepsOrder(t *testing.T) {
	t.Parallel()
	var free chunkPool
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var q queue
		var want []int
		next := 0
		expect := func(e *envelope) {
			if len(want) == 0 || e.msg != want[0] {
				t.Fatalf("seed %d: got %v, want %v", seed, e.msg, want)
			}
			want = want[1:]
			*e = envelope{}
		}
		for range 2000 {
			switch rng.IntN(8) {
			case 0:
				var e envelope
				if q.pop(&e, &free) {
					expect(&e)
				} else if len(want) != 0 {
					t.Fatalf("seed %d: empty, want %v", seed, want)
				}
			case 1: // a turn, which may crash in its midst while others push
				var e envelope
				if q.takeOne(&e) {
					expect(&e)
				}
				b := q.take()
				if b == nil {
					continue
				}
				for b.read < b.write && rng.IntN(10) > 0 {
					b.read++
					expect(&b.envelopes[b.read-1])
				}
				for range rng.IntN(3) {
					q.push(envelope{msg: next}, &free)
					want = append(want, next)
					next++
				}
				if b.len() > 0 {
					q.untake(b, &free)
				} else {
					free.put(b)
				}
			default:
				q.push(envelope{msg: next}, &free)
				want = append(want, next)
				next++
			}
		}
		for e := (envelope{}); q.pop(&e, &free); {
			expect(&e)
		}
		if len(want) != 0 {
			t.Fatalf("seed %d: lost %v", seed, want)
		}
	}
}

func TestHistogramBuckets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ns     int64
		bucket int
	}{{-5, 0}, {0, 0}, {1023, 0}, {1024, 1}, {4095, 1}, {4096, 2}, {16383, 2}, {1 << 34, latencyBuckets}, {1 << 60, latencyBuckets}} {
		var h histogram
		h.observe(c.ns)
		if h.buckets[c.bucket].Load() != 1 {
			t.Errorf("%d ns is not in bucket %d", c.ns, c.bucket)
		}
		if c.bucket < latencyBuckets && c.ns >= int64(latencyBound(c.bucket)) {
			t.Errorf("%d ns is in the bucket below %s", c.ns, latencyBound(c.bucket))
		}
	}
}

func TestClockSleepsWhenNobodyReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock(10*time.Millisecond, 50*time.Millisecond)
		done := make(chan struct{})
		go func() { c.run(); close(done) }()
		if c.coarse() != c.precise() {
			t.Error("coarse lies while asleep")
		}
		synctest.Wait()
		time.Sleep(25 * time.Millisecond)
		if late := c.precise() - c.coarse(); !c.ticking.Load() || late <= 0 || late > int64(10*time.Millisecond) {
			t.Errorf("coarse is %d ns late", late)
		}
		time.Sleep(time.Second)
		if c.ticking.Load() {
			t.Error("it ticks for nobody")
		}
		beats := c.beats.Load()
		if time.Sleep(time.Hour); c.beats.Load() != beats {
			t.Error("it ticks in its sleep")
		}
		if c.at(time.Time{}) != 0 || !c.time(c.at(c.base.Add(time.Hour))).Equal(c.base.Add(time.Hour)) {
			t.Error("conversion of times")
		}
		c.close()
		<-done
	})
}

// Create makes a seat and then starts it; meanwhile the actor may have lived and died. It must not load again.
func TestBuriedActorDoesNotLoad(t *testing.T) {
	t.Parallel()
	sys := NewSystem(Config{})
	pool := NewPool(sys, func(*Context, int) (*int, error) {
		t.Error("loaded")
		return new(int), nil
	}, PoolConfig{})
	s, made, err := pool.make(1, nil)
	if !made || err != nil {
		t.Fatal(made, err)
	}
	s.stop()
	<-s.done()
	s.release(free)
	if err := sys.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// One who waits for room, and gives up, is told what becomes of his message: it may have been let in before he looks.
func TestGivingUpAsThereIsRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type message struct{ n int }
		sys := NewSystem(Config{SlowHandler: -1})
		open := make(chan struct{})
		var handled []int
		b := NewBehavior[struct{}]()
		HandleTell(b, func(_ *struct{}, _ *Context, m *message) error {
			<-open
			handled = append(handled, m.n)
			return nil
		})
		ref, err := Spawn(sys, "", b, &struct{}{}, Options{Mailbox: 1})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 2 { // one in the handler, one queued
			if err := ref.Tell(&message{n}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		ctx, giveUp := context.WithCancel(t.Context())
		defer giveUp()
		told := make(chan error, 1)
		go func() { told <- ref.TellWait(ctx, &message{2}) }()
		synctest.Wait()
		c := ref.cell
		c.mu.Lock() // so that it comes between his seeing the end of ctx and his leaving the line
		giveUp()
		c.capacity++
		c.admit()
		c.mu.Unlock()
		if err := <-told; err != nil {
			t.Errorf("told %v, and the message is queued", err)
		}
		close(open)
		if err := sys.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if !slices.Equal(handled, []int{0, 1, 2}) {
			t.Errorf("handled %v", handled)
		}
	})
}
