package actor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
)

func TestNames(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	b := echoes()
	mail := must[actor.Ref](t)(actor.Spawn(sys, "mail", b, &echo{}, actor.Options{}))
	if got, ok := sys.Lookup("mail"); !ok || got != mail || got.Name() != "mail" {
		t.Errorf("found %v, %v", got, ok)
	}
	if _, ok := sys.Lookup("nobody"); ok {
		t.Error("found an actor that does not exist")
	}
	if _, err := actor.Spawn(sys, "mail", b, &echo{}, actor.Options{}); !errors.Is(err, actor.ErrNameTaken) {
		t.Errorf("a second mail: %v", err)
	}
	mail.Stop()
	<-mail.Done()
	again := must[actor.Ref](t)(actor.Spawn(sys, "mail", b, &echo{}, actor.Options{}))
	if again == mail || !errors.Is(mail.Tell(&add{}), actor.ErrStopped) {
		t.Error("the old Ref means the new actor")
	}
	x := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
	y := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
	if x.Name() == y.Name() || !strings.HasPrefix(x.Name(), "actor_test.echo#") {
		t.Errorf("anonymous actors are named %q and %q", x.Name(), y.Name())
	}
}

func TestBehaviorMisuse(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	frozen := echoes()
	must[actor.Ref](t)(actor.Spawn(sys, "", frozen, &echo{}, actor.Options{}))
	for name, misuse := range map[string]func(){
		"two handlers for a type": func() {
			actor.HandleTell(echoes(), func(*echo, *actor.Context, *add) error { return nil })
		},
		"an interface": func() {
			actor.HandleTell(echoes(), func(*echo, *actor.Context, fmt.Stringer) error { return nil })
		},
		"after the first actor": func() { frozen.OnStop(func(*echo, *actor.Context) {}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			misuse()
		}()
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	_, err := actor.Spawn(sys, "", echoes(), &echo{}, actor.Options{
		Concurrent: -1,
		Mailbox:    -1,
		Supervise:  actor.Restart(func() (*node, error) { return nil, nil }, actor.RestartLimits{}),
	})
	for _, field := range []string{"Concurrent", "Mailbox", "restart makes a *actor_test.node"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not reported: %v", field, err)
		}
	}
	if err := (actor.Config{Mailbox: -1, AskTimeout: -1}).Validate(); err == nil || !strings.Contains(err.Error(), "Mailbox") || !strings.Contains(err.Error(), "AskTimeout") {
		t.Errorf("Config: %v", err)
	}
}

func TestStopFinishesQueuedWork(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	b := echoes()
	var last []int
	b.OnStop(func(e *echo, ctx *actor.Context) {
		last = slices.Clone(e.seen)
		if err := ctx.Self().Tell(&add{9}); !errors.Is(err, actor.ErrStopped) {
			t.Errorf("a message after the queue was closed: %v", err)
		}
	})
	ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
	release := block(t, ref)
	for n := range 100 {
		tell(t, ref, &add{n})
	}
	ref.Stop()
	if err := ref.Tell(&add{100}); !errors.Is(err, actor.ErrStopped) {
		t.Errorf("a message after Stop: %v", err)
	}
	release()
	<-ref.Done()
	if len(last) != 100 || last[99] != 99 {
		t.Errorf("handled %v before the stop hook", last)
	}
}

func TestSystemStop(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	b := echoes()
	var order []string
	b.OnStop(func(*echo, *actor.Context) { order = append(order, "service") })
	service := must[actor.Ref](t)(actor.Spawn(sys, "service", b, &echo{}, actor.Options{}))
	pool := actor.NewPool(sys, func(*actor.Context, int) (*echo, error) { return &echo{}, nil }, actor.PoolConfig{})
	pool.Behavior().OnStop(func(_ *echo, ctx *actor.Context) {
		if _, err := actor.AskAny[struct{}](ctx, service, &add{1}); err != nil {
			t.Errorf("a service is gone before the pools: %v", err)
		}
		order = append(order, "pool")
	})
	actor.HandleTell(pool.Behavior(), func(*echo, *actor.Context, *add) error { return nil })
	if err := pool.Tell(1, &add{1}); err != nil {
		t.Fatal(err)
	}
	stop(t, sys)
	stop(t, sys)
	if !slices.Equal(order, []string{"pool", "service"}) {
		t.Errorf("stopped in the order %v", order)
	}
	if _, err := actor.Spawn(sys, "", b, &echo{}, actor.Options{}); !errors.Is(err, actor.ErrStopped) {
		t.Errorf("spawned on a stopped system: %v", err)
	}
	if _, err := pool.Create(2); !errors.Is(err, actor.ErrStopped) {
		t.Errorf("created on a stopped system: %v", err)
	}
	if _, err := actor.Ask(t.Context(), service, &get{}); !errors.Is(err, actor.ErrStopped) {
		t.Errorf("asked on a stopped system: %v", err)
	}
}

func TestSystemStopGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		b := nodes()
		type stuck struct{ actor.Returns[int] }
		ended := make(chan error, 1)
		actor.Handle(b, func(_ *node, ctx *actor.Context, _ *stuck) (int, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return 0, nil
		})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "slowpoke", b, &node{}, actor.Options{}))
		tell(t, ref, &stuck{})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := sys.Stop(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "slowpoke") {
			t.Errorf("stop: %v", err)
		}
		if err := <-ended; err == nil {
			t.Error("the handler's context was not cancelled")
		}
	})
}

func TestPanicStops(t *testing.T) {
	t.Parallel()
	sys, log := setup(t, actor.Config{})
	b := echoes()
	b.OnStop(func(*echo, *actor.Context) { t.Error("the stop hook ran after a panic") })
	told := make(chan error, 1)
	ref := must[actor.Ref](t)(actor.Spawn(sys, "bomb", b, &echo{}, actor.Options{
		Supervise: actor.Escalate(func(err error) { told <- err }),
	}))
	release := block(t, ref)
	tell(t, ref, &boom{})
	tell(t, ref, &add{1})
	reply := make(chan error, 1)
	if err := ref.Deliver(&get{}, answerTo(func(_ any, err error) { reply <- err }), time.Time{}); err != nil {
		t.Fatal(err)
	}
	release()
	if err := <-reply; !errors.Is(err, actor.ErrStopped) {
		t.Errorf("what was queued behind it got %v", err)
	}
	var panicked *actor.PanicError
	if err := <-told; !errors.As(err, &panicked) || panicked.Actor != "bomb" || panicked.Value != "boom" || len(panicked.Stack) == 0 {
		t.Errorf("escalated %v", err)
	}
	<-ref.Done()
	if text := log.String(); !strings.Contains(text, "messages=1") {
		t.Errorf("the lost tell is not in the log: %s", text)
	}
}

func TestGoexitIsACrash(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	b := echoes()
	type leave struct{ actor.Returns[int] }
	actor.Handle(b, func(*echo, *actor.Context, *leave) (int, error) { runtime.Goexit(); return 0, nil })
	ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
	if _, err := actor.Ask(t.Context(), ref, &leave{}); fault.CodeOf(err) != fault.Internal {
		t.Errorf("the asker got %v", err)
	}
	<-ref.Done()
	other := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
	if _, err := actor.Ask(t.Context(), other, &get{}); err != nil {
		t.Errorf("nobody serves others any more: %v", err)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		births, broken := 0, false
		gaveUp := make(chan error, 1)
		fresh := func() (*echo, error) {
			if births++; broken {
				return nil, errOwn
			}
			return &echo{seen: []int{-births}}, nil
		}
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", echoes(), nil, actor.Options{
			Supervise: actor.Restart(fresh, actor.RestartLimits{
				MinBackoff: 100 * time.Millisecond, MaxBackoff: 300 * time.Millisecond, Max: 3, Window: time.Minute,
				GiveUp: func(err error) { gaveUp <- err },
			}),
		}))
		for crash, pause := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond} {
			release := block(t, ref)
			tell(t, ref, &boom{})
			tell(t, ref, &add{crash})
			start := time.Now()
			release()
			got := must[[]int](t)(actor.Ask(context.Background(), ref, &get{}))
			if want := []int{-births, crash}; births != crash+2 || !slices.Equal(got, want) {
				t.Errorf("crash %d: state %v, want %v", crash, got, want)
			}
			if took := time.Since(start); took < pause || took > pause+2*time.Millisecond {
				t.Errorf("crash %d: back after %s, want %s", crash, took, pause)
			}
		}
		time.Sleep(2 * time.Minute) // a new window
		broken = true
		tell(t, ref, &boom{})
		if err := <-gaveUp; !errors.Is(err, errOwn) {
			t.Errorf("gave up with %v", err)
		}
		<-ref.Done()
		if births != 4+3 {
			t.Errorf("%d births", births)
		}
		stop(t, sys)
	})
}

func TestStopDuringPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		b := echoes()
		var last []int
		b.OnStop(func(e *echo, _ *actor.Context) { last = e.seen })
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{
			Supervise: actor.Restart(func() (*echo, error) { return &echo{}, nil }, actor.RestartLimits{MinBackoff: time.Hour}),
		}))
		tell(t, ref, &boom{})
		synctest.Wait()
		tell(t, ref, &add{1})
		start := time.Now()
		stop(t, sys)
		if !slices.Equal(last, []int{1}) || time.Since(start) > time.Second {
			t.Errorf("finished %v after %s", last, time.Since(start))
		}
	})
}

func TestConcurrentActor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		b := actor.NewBehavior[atomic.Int32]()
		var most atomic.Int32
		type work struct{}
		actor.HandleTell(b, func(n *atomic.Int32, _ *actor.Context, _ *work) error {
			now := n.Add(1)
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
			time.Sleep(time.Second)
			n.Add(-1)
			return nil
		})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &atomic.Int32{}, actor.Options{Concurrent: 3}))
		for range 9 {
			tell(t, ref, &work{})
		}
		start := time.Now()
		stop(t, sys)
		if took := time.Since(start); most.Load() != 3 || took != 3*time.Second {
			t.Errorf("%d at once, done in %s", most.Load(), took)
		}
	})
}

func TestConcurrentActorCrashes(t *testing.T) {
	t.Parallel()
	for range 30 {
		sys, _ := setup(t, actor.Config{SlowHandler: -1})
		var births atomic.Int32
		b := actor.NewBehavior[atomic.Int32]()
		type work struct {
			actor.Returns[int]
			crash bool
		}
		actor.Handle(b, func(n *atomic.Int32, _ *actor.Context, w *work) (int, error) {
			if w.crash {
				panic("crash")
			}
			return int(n.Add(1)), nil
		})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, nil, actor.Options{
			Concurrent: 4,
			Supervise: actor.Restart(func() (*atomic.Int32, error) { births.Add(1); return &atomic.Int32{}, nil },
				actor.RestartLimits{MinBackoff: time.Nanosecond, MaxBackoff: time.Nanosecond, Max: 1000}),
		}))
		answers := make(chan error, 200)
		for n := range cap(answers) {
			if err := ref.Deliver(&work{crash: n%20 == 7}, answerTo(func(_ any, err error) { answers <- err }), time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		ok, internal := 0, 0
		for range cap(answers) {
			switch err := <-answers; fault.CodeOf(err) {
			case fault.OK:
				ok++
			case fault.Internal:
				internal++
			default:
				t.Error(err)
			}
		}
		if ok != 190 || internal != 10 || births.Load() < 2 {
			t.Errorf("%d answered, %d crashed, %d births", ok, internal, births.Load())
		}
		stop(t, sys)
	}
}

// A handler that blocks must hold up nobody: more blocked actors than there are cores, and one more still works.
func TestBlockedHandlersDoNotStallOthers(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	b := echoes()
	var releases []func()
	for range 50 * runtime.GOMAXPROCS(0) {
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
		releases = append(releases, block(t, ref))
	}
	free := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
	if _, err := actor.Ask(t.Context(), free, &get{}); err != nil {
		t.Error(err)
	}
	for _, release := range releases {
		release()
	}
}

// TestActorsInLineBehindOneThatBlocks has many be told before a worker looks at the first: each that blocks leaves those in line behind it to another worker.
func TestActorsInLineBehindOneThatBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // one that nobody serves is a deadlock at once
		sys, _ := setup(t, actor.Config{SlowHandler: -1})
		b := echoes()
		for range 50 {
			var gates []*gate
			var refs []actor.Ref
			for range 10 {
				gates = append(gates, newGate())
				refs = append(refs, must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{})))
			}
			for i, ref := range refs {
				tell(t, ref, gates[i])
			}
			for _, g := range gates {
				<-g.entered
			}
			for _, g := range gates {
				close(g.open)
			}
		}
		stop(t, sys)
	})
}

func TestIdleActorsHoldNoGoroutine(t *testing.T) {
	sys, _ := setup(t, actor.Config{})
	b := echoes()
	before := runtime.NumGoroutine()
	for range 1000 {
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &echo{}, actor.Options{}))
		must[[]int](t)(actor.Ask(t.Context(), ref, &get{}))
	}
	if after := runtime.NumGoroutine(); after > before+100 {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	sys, log := setup(t, actor.Config{})
	b := actor.NewBehavior[node]()
	type look struct{ actor.Returns[context.Context] }
	deadline := time.Now().Add(time.Hour)
	actor.Handle(b, func(_ *node, ctx *actor.Context, _ *look) (context.Context, error) {
		if got, ok := ctx.Deadline(); !ok || got.Sub(deadline).Abs() > time.Millisecond {
			t.Errorf("deadline %s", got)
		}
		if ctx.Err() != nil || ctx.Value("key") != nil || ctx.Self().Name() != "me" {
			t.Error("something is off")
		}
		ctx.Logger().Info("hello")
		derived, cancel := context.WithCancel(ctx)
		context.AfterFunc(derived, cancel)
		return derived, nil
	})
	ref := must[actor.Ref](t)(actor.Spawn(sys, "me", b, &node{}, actor.Options{}))
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	for range 3 {
		derived, err := actor.Ask(ctx, ref, &look{})
		if err != nil {
			t.Fatal(err)
		}
		<-derived.Done() // ends with the handler
	}
	if !strings.Contains(log.String(), "actor=me") {
		t.Error("the logger does not name the actor")
	}
}

func TestSlowHandlerIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, log := setup(t, actor.Config{SlowHandler: 50 * time.Millisecond})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "snail", nodes(), &node{}, actor.Options{}))
		for _, d := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond} {
			must[int](t)(actor.Ask(context.Background(), ref, &slow{d: d}))
		}
		stop(t, sys)
		text := log.String()
		if strings.Count(text, "slow handler") != 1 || !strings.Contains(text, "actor=snail") || !strings.Contains(text, "message=actor_test.slow") {
			t.Errorf("reported: %s", text)
		}
	})
}

func TestFloodOfErrorsIsNotAFloodOfLogLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, log := setup(t, actor.Config{})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", nodes(), &node{}, actor.Options{}))
		flood := func(n int) {
			for range n {
				tell(t, ref, &fail{})
			}
			synctest.Wait()
		}
		flood(500)
		if n := strings.Count(log.String(), "message failed"); n != 10 {
			t.Errorf("%d lines", n)
		}
		time.Sleep(2 * time.Second)
		flood(1)
		if !strings.Contains(log.String(), "omitted=490") {
			t.Error("the next line does not say what was left out")
		}
		stop(t, sys)
	})
}
