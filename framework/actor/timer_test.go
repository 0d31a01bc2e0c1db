package actor_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/actor"
)

// A diary notes when messages come, in milliseconds since the test began.
type diary struct {
	start  time.Time
	notes  []string
	timers map[string]actor.Timer
}

type (
	note  struct{ text string }
	after struct {
		text string
		d    time.Duration
	}
	every after
	end   struct{ text string }
	sleep struct{ d time.Duration }
	read  struct{ actor.Returns[[]string] }
)

func setupDiary(t *testing.T) (*actor.System, actor.Ref) {
	sys, _ := setup(t, actor.Config{SlowHandler: -1})
	b := actor.NewBehavior[diary]()
	actor.HandleTell(b, func(d *diary, _ *actor.Context, m *note) error {
		d.notes = append(d.notes, fmt.Sprintf("%s@%d", m.text, time.Since(d.start).Milliseconds()))
		return nil
	})
	actor.HandleTell(b, func(d *diary, ctx *actor.Context, m *after) error {
		d.timers[m.text] = ctx.After(m.d, &note{m.text})
		return nil
	})
	actor.HandleTell(b, func(d *diary, ctx *actor.Context, m *every) error {
		d.timers[m.text] = ctx.Every(m.d, &note{m.text})
		return nil
	})
	actor.HandleTell(b, func(d *diary, _ *actor.Context, m *end) error {
		d.notes = append(d.notes, fmt.Sprint(m.text, " ", d.timers[m.text].Stop()))
		return nil
	})
	actor.HandleTell(b, func(_ *diary, _ *actor.Context, m *sleep) error { time.Sleep(m.d); return nil })
	actor.Handle(b, func(d *diary, _ *actor.Context, _ *read) ([]string, error) { return d.notes, nil })
	state := &diary{start: time.Now(), timers: map[string]actor.Timer{}}
	return sys, must[actor.Ref](t)(actor.Spawn(sys, "", b, state, actor.Options{Mailbox: 4}))
}

func TestTimers(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		do   func(t *testing.T, ref actor.Ref)
		want []string
	}{
		"once, in order of time": {func(t *testing.T, ref actor.Ref) {
			tell(t, ref, &after{"b", 20 * ms})
			tell(t, ref, &after{"a", 10 * ms})
			tell(t, ref, &after{"c", 5000 * ms})
			time.Sleep(6 * time.Second)
		}, []string{"a@10", "b@20", "c@5000"}},
		"at once": {func(t *testing.T, ref actor.Ref) {
			tell(t, ref, &after{"now", -time.Hour})
			time.Sleep(2 * ms)
		}, []string{"now@0"}},
		"again and again, until stopped": {func(t *testing.T, ref actor.Ref) {
			tell(t, ref, &every{"e", 50 * ms})
			time.Sleep(175 * ms)
			tell(t, ref, &end{"e"})
			tell(t, ref, &end{"e"})
			time.Sleep(time.Second)
		}, []string{"e@50", "e@100", "e@150", "e true", "e false"}},
		"no drift, no pile": {func(t *testing.T, ref actor.Ref) {
			tell(t, ref, &every{"e", 50 * ms})
			time.Sleep(75 * ms)
			tell(t, ref, &sleep{160 * ms}) // until 235: misses 100 to 200
			time.Sleep(200 * ms)
			tell(t, ref, &end{"e"})
		}, []string{"e@50", "e@235", "e@250", "e true"}},
		"stopped while queued": {func(t *testing.T, ref actor.Ref) {
			tell(t, ref, &after{"x", 10 * ms})
			tell(t, ref, &sleep{30 * ms})
			tell(t, ref, &end{"x"})
			time.Sleep(100 * ms)
		}, []string{"x true"}},
		"in a full mailbox": {func(t *testing.T, ref actor.Ref) {
			tell(t, ref, &after{"x", 10 * ms})
			synctest.Wait()
			tell(t, ref, &sleep{30 * ms})
			synctest.Wait()
			for range 4 {
				tell(t, ref, &note{"n"})
			}
			time.Sleep(50 * ms)
		}, []string{"n@30", "n@30", "n@30", "n@30", "x@30"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sys, ref := setupDiary(t)
				c.do(t, ref)
				if got := must[[]string](t)(actor.Ask(context.Background(), ref, &read{})); !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
				tell(t, ref, &after{"after the end", time.Hour})
				stop(t, sys) // the wheel does not wait for it
			})
		})
	}
}

func TestTimersDieWithTheActor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, log := setup(t, actor.Config{})
		b := echoes()
		type start struct{}
		actor.HandleTell(b, func(_ *echo, ctx *actor.Context, _ *start) error {
			ctx.After(time.Second, &boom{})
			ctx.Every(time.Second, &boom{})
			return nil
		})
		b.OnStop(func(_ *echo, ctx *actor.Context) {
			if ctx.After(0, &boom{}).Stop() {
				t.Error("a stopping actor got a timer")
			}
		})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
		tell(t, ref, &start{})
		ref.Stop()
		<-ref.Done()
		time.Sleep(time.Minute)
		if text := log.String(); text != "" {
			t.Error(text)
		}
		if (actor.Timer{}).Stop() {
			t.Error("the zero Timer was running")
		}
		stop(t, sys)
	})
}

// Timers are recycled; what stopped an old one must not stop the next.
func TestStaleTimerStopsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		b := echoes()
		type start struct{}
		actor.HandleTell(b, func(_ *echo, ctx *actor.Context, _ *start) error {
			var stale []actor.Timer
			for range 100 {
				old := ctx.After(time.Second, &boom{})
				if !old.Stop() {
					t.Error("a pending timer was not there")
				}
				stale = append(stale, old)
			}
			ctx.After(time.Second, &add{1})
			ctx.After(time.Second, &add{2})
			for _, old := range stale {
				if old.Stop() {
					t.Error("stopped twice")
				}
			}
			return nil
		})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
		tell(t, ref, &start{})
		time.Sleep(2 * time.Second)
		if got := must[[]int](t)(actor.Ask(context.Background(), ref, &get{})); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("handled %v", got)
		}
		stop(t, sys)
	})
}
