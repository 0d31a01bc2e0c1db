package actor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
)

func TestTellIsInOrder(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	ref := must[actor.Ref](t)(actor.Spawn(sys, "echo", echoes(), &echo{}, actor.Options{}))
	var want []int
	for n := range 500 {
		tell(t, ref, &add{n})
		want = append(want, n)
	}
	got := must[[]int](t)(actor.Ask(t.Context(), ref, &get{}))
	if !slices.Equal(got, want) {
		t.Errorf("handled %v", got)
	}
}

func TestZeroRefRefuses(t *testing.T) {
	t.Parallel()
	var ref actor.Ref
	_, asked := actor.Ask(t.Context(), ref, &get{})
	for name, err := range map[string]error{
		"Tell":     ref.Tell(&add{}),
		"TellWait": ref.TellWait(t.Context(), &add{}),
		"Deliver":  ref.Deliver(&add{}, nil, time.Time{}),
		"Ask":      asked,
	} {
		if !errors.Is(err, actor.ErrStopped) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ref.Stop()
	<-ref.Done()
	if ref.Name() != "none" {
		t.Error(ref.Name())
	}
}

func TestMailboxIsBounded(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	ref := must[actor.Ref](t)(actor.Spawn(sys, "", echoes(), &echo{}, actor.Options{Mailbox: 2}))
	release := block(t, ref)
	tell(t, ref, &add{1})
	tell(t, ref, &add{2})
	if err := ref.Tell(&add{3}); !errors.Is(err, actor.ErrMailboxFull) || fault.CodeOf(err) != fault.Overloaded {
		t.Errorf("a third message: %v", err)
	}
	if _, err := actor.Ask(t.Context(), ref, &get{}); !errors.Is(err, actor.ErrMailboxFull) {
		t.Errorf("an ask: %v", err)
	}
	release()
}

func TestTellWaitWaitsForRoomInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", echoes(), &echo{}, actor.Options{Mailbox: 1}))
		release := block(t, ref)
		tell(t, ref, &add{0})
		for n := 1; n <= 3; n++ {
			go func() {
				if err := ref.TellWait(context.Background(), &add{n}); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := ref.TellWait(ctx, &add{99}); fault.CodeOf(err) != fault.Deadline {
			t.Errorf("waiting without success: %v", err)
		}
		release()
		synctest.Wait()
		if got := must[[]int](t)(actor.Ask(t.Context(), ref, &get{})); !slices.Equal(got, []int{0, 1, 2, 3}) {
			t.Errorf("handled %v", got)
		}
		stop(t, sys)
	})
}

func TestTellWaitEndsWithTheActor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", echoes(), &echo{}, actor.Options{Mailbox: 1}))
		release := block(t, ref)
		tell(t, ref, &add{0})
		result := make(chan error, 1)
		go func() { result <- ref.TellWait(context.Background(), &add{1}) }()
		synctest.Wait()
		ref.Stop()
		if err := <-result; !errors.Is(err, actor.ErrStopped) {
			t.Error(err)
		}
		release()
		stop(t, sys)
	})
}

// Askable behaviours for the errors of Ask.
type (
	fail    struct{ actor.Returns[int] }
	wrong   struct{ actor.Returns[int] }
	unknown struct{ actor.Returns[int] }
	slow    struct {
		actor.Returns[int]
		d time.Duration
	}
	relay struct {
		actor.Returns[int]
		to []actor.Ref // asked in turn, the rest of the list handed on
	}
	panics struct{ actor.Returns[int] }
)

var errOwn = errors.New("the handler's own error")

type node struct{}

func nodes() *actor.Behavior[node] {
	b := actor.NewBehavior[node]()
	actor.Handle(b, func(*node, *actor.Context, *fail) (int, error) { return 7, errOwn })
	actor.Handle(b, func(*node, *actor.Context, *wrong) (string, error) { return "seven", nil })
	actor.Handle(b, func(*node, *actor.Context, *panics) (int, error) { panic("secret") })
	actor.Handle(b, func(_ *node, ctx *actor.Context, m *slow) (int, error) {
		select {
		case <-time.After(m.d):
			return 1, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
	actor.Handle(b, func(_ *node, ctx *actor.Context, m *relay) (int, error) {
		if len(m.to) == 0 {
			return 42, nil
		}
		return actor.Ask(ctx, m.to[0], &relay{to: m.to[1:]})
	})
	return b
}

func TestAskErrors(t *testing.T) {
	t.Parallel()
	sys, log := setup(t, actor.Config{})
	// Concurrent, so that a panic in one case does not end the others: each case has an actor of its own anyway.
	b := nodes()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		msg  actor.Request[int]
		code fault.Code
		is   error
		says string
	}{
		"the handler's":   {t.Context(), &fail{}, fault.Internal, errOwn, "own error"},
		"wrong reply":     {t.Context(), &wrong{}, fault.Internal, nil, "answered with string, not with int"},
		"no handler":      {t.Context(), &unknown{}, fault.Unimplemented, nil, "no handler for actor_test.unknown"},
		"panic":           {t.Context(), &panics{}, fault.Internal, nil, "internal error"},
		"cancelled ahead": {cancelled, &fail{}, fault.Cancelled, context.Canceled, ""},
	} {
		ref := must[actor.Ref](t)(actor.Spawn(sys, name, b, &node{}, actor.Options{}))
		n, err := actor.Ask(c.ctx, ref, c.msg)
		if err == nil || n != 0 || fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	if text := log.String(); !strings.Contains(text, "secret") || !strings.Contains(text, "send_test.go") {
		t.Errorf("the log lacks the panic and its stack: %s", text)
	}
}

func TestAskAnyOfATell(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	ref := must[actor.Ref](t)(actor.Spawn(sys, "", echoes(), &echo{}, actor.Options{}))
	if _, err := actor.AskAny[struct{}](t.Context(), ref, &add{1}); err != nil {
		t.Errorf("waiting for a tell to be handled: %v", err)
	}
	if _, err := actor.AskAny[int](t.Context(), ref, &add{1}); err == nil {
		t.Error("a tell's handler answered with an int")
	}
}

func TestAskDeadlines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		timeout, want time.Duration
		cancel        bool
		code          fault.Code
	}{
		"default":            {0, 5 * time.Second, false, fault.Deadline},
		"of the context":     {300 * time.Millisecond, 300 * time.Millisecond, false, fault.Deadline},
		"very short":         {2 * time.Millisecond, 2 * time.Millisecond, false, fault.Deadline},
		"longer than usual":  {time.Hour, time.Hour, false, fault.Deadline},
		"cancelled half-way": {time.Second, 200 * time.Millisecond, true, fault.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sys, _ := setup(t, actor.Config{})
				ref := must[actor.Ref](t)(actor.Spawn(sys, "", nodes(), &node{}, actor.Options{}))
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if c.timeout > 0 {
					var stop func()
					ctx, stop = context.WithTimeout(ctx, c.timeout)
					defer stop()
				}
				if c.cancel {
					time.AfterFunc(c.want, cancel)
				}
				start := time.Now()
				_, err := actor.Ask(ctx, ref, &slow{d: 2 * time.Hour})
				took := time.Since(start)
				if fault.CodeOf(err) != c.code || took < c.want || took > c.want+20*time.Millisecond {
					t.Errorf("%v after %s", err, took)
				}
				if !c.cancel { // the handler's context ended with the call
					if _, err := actor.Ask(context.Background(), ref, &relay{}); err != nil {
						t.Errorf("the actor is still busy: %v", err)
					}
				} else {
					ctx, stop := context.WithTimeout(context.Background(), 0)
					defer stop()
					_, _ = actor.Ask(ctx, ref, &relay{})
				}
				stop(t, sys)
			})
		})
	}
}

// through has an actor ask another one.
type through struct{ actor.Returns[struct{}] }

// TestAskEndsWithoutTheHandler asks one that neither answers nor looks at its context.
func TestAskEndsWithoutTheHandler(t *testing.T) {
	t.Parallel()
	const own = 300 * time.Millisecond
	for name, c := range map[string]struct {
		ctx    func() (context.Context, context.CancelFunc)
		within bool // a handler
		want   time.Duration
		code   fault.Code
	}{
		"no deadline": {func() (context.Context, context.CancelFunc) {
			return context.Background(), func() {}
		}, false, 5 * time.Second, fault.Deadline},
		"no deadline, could be cancelled": {func() (context.Context, context.CancelFunc) {
			return context.WithCancel(context.Background())
		}, false, 5 * time.Second, fault.Deadline},
		"a deadline": {func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), own)
		}, false, own, fault.Deadline},
		"a deadline, in a handler": {func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), own)
		}, true, own, fault.Deadline},
		"cancelled": {func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(own, cancel)
			return ctx, cancel
		}, false, own, fault.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sys, _ := setup(t, actor.Config{SlowHandler: -1})
				deaf := must[actor.Ref](t)(actor.Spawn(sys, "", echoes(), &echo{}, actor.Options{}))
				asks := func(ctx context.Context) {
					start := time.Now()
					_, err := actor.Ask(ctx, deaf, &get{})
					if took := time.Since(start); fault.CodeOf(err) != c.code || took < c.want || took > c.want+20*time.Millisecond {
						t.Errorf("%v after %s", err, took)
					}
				}
				b := actor.NewBehavior[struct{}]()
				actor.Handle(b, func(_ *struct{}, ctx *actor.Context, _ *through) (struct{}, error) {
					asks(ctx)
					return struct{}{}, nil
				})
				asker := must[actor.Ref](t)(actor.Spawn(sys, "", b, &struct{}{}, actor.Options{}))
				release := block(t, deaf)
				ctx, cancel := c.ctx()
				defer cancel()
				if c.within {
					_, _ = actor.Ask(ctx, asker, &through{}) // it may be answered at the last moment
					synctest.Wait()
				} else {
					asks(ctx)
				}
				release()
				stop(t, sys)
			})
		})
	}
}

func TestQueuedPastDeadlineIsNotHandled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		ref := must[actor.Ref](t)(actor.Spawn(sys, "", echoes(), &echo{}, actor.Options{}))
		release := block(t, ref)
		reply := make(chan error, 1)
		if err := ref.Deliver(&add{1}, answerTo(func(_ any, err error) { reply <- err }), time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		release()
		if err := <-reply; fault.CodeOf(err) != fault.Deadline {
			t.Errorf("answered with %v", err)
		}
		if got := must[[]int](t)(actor.Ask(t.Context(), ref, &get{})); len(got) != 0 {
			t.Errorf("handled %v", got)
		}
		stop(t, sys)
	})
}

type answerTo func(any, error)

func (f answerTo) Respond(msg any, err error) { f(msg, err) }

func TestChainOfCalls(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	b := nodes()
	ref := func(name string, concurrent int) actor.Ref {
		return must[actor.Ref](t)(actor.Spawn(sys, name, b, &node{}, actor.Options{Concurrent: concurrent}))
	}
	x, y, z, many := ref("x", 0), ref("y", 0), ref("z", 0), ref("many", 3)
	for name, c := range map[string]struct {
		to   []actor.Ref
		want string // the chain of the cycle; empty: it is none
	}{
		"a straight line":         {[]actor.Ref{x, y, z}, ""},
		"itself":                  {[]actor.Ref{x, x}, "x -> x"},
		"there and back":          {[]actor.Ref{x, y, x}, "x -> y -> x"},
		"a tail before the cycle": {[]actor.Ref{z, x, y, x}, "z -> x -> y -> x"},
		"concurrent, with room":   {[]actor.Ref{many, many, x, many}, ""},
		"concurrent, used up":     {[]actor.Ref{many, many, many, many}, "many -> many -> many -> many"},
	} {
		n, err := actor.Ask(t.Context(), c.to[0], &relay{to: c.to[1:]})
		var cycle *actor.CycleError
		switch {
		case c.want == "" && (n != 42 || err != nil):
			t.Errorf("%s: %d, %v", name, n, err)
		case c.want != "" && (!errors.As(err, &cycle) || strings.Join(cycle.Chain, " -> ") != c.want):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was given up leaves its message behind with a link to a chain whose calls are over; nothing may reuse those.
func TestAbandonedCallKeepsItsChain(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	b := nodes()
	type hop struct {
		actor.Returns[int]
		next actor.Ref
	}
	actor.Handle(b, func(_ *node, ctx *actor.Context, m *hop) (int, error) {
		if m.next == (actor.Ref{}) {
			return actor.Ask(context.WithValue(ctx, t, t), ctx.Self(), &relay{})
		}
		short, cancel := context.WithCancel(ctx)
		defer time.AfterFunc(time.Millisecond, cancel).Stop()
		_, _ = actor.Ask(short, m.next, &hop{})
		return 1, nil
	})
	front := must[actor.Ref](t)(actor.Spawn(sys, "front", b, &node{}, actor.Options{}))
	back := must[actor.Ref](t)(actor.Spawn(sys, "back", b, &node{}, actor.Options{}))
	for range 50 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = actor.Ask(context.Background(), back, &slow{d: 3 * time.Millisecond})
		}()
		if _, err := actor.Ask(context.Background(), front, &hop{next: back}); err != nil {
			t.Fatal(err)
		}
		for range 3 { // would run on recycled calls
			_ = must[int](t)(actor.Ask(context.Background(), front, &relay{}))
		}
		<-done
	}
}

func TestDefer(t *testing.T) {
	t.Parallel()
	sys, _ := setup(t, actor.Config{})
	b := actor.NewBehavior[[]actor.Responder]()
	type later struct{ actor.Returns[string] }
	type now struct{}
	actor.Handle(b, func(s *[]actor.Responder, ctx *actor.Context, m *later) (string, error) {
		if ctx.Responder() == nil {
			t.Error("an ask has no responder")
		}
		*s = append(*s, ctx.Defer())
		return "ignored", errors.New("ignored")
	})
	actor.HandleTell(b, func(s *[]actor.Responder, ctx *actor.Context, _ *now) error {
		ctx.Defer().Respond(nil, nil)
		for i, r := range *s {
			r.Respond(fmt.Sprint("answer ", i), nil)
			r.Respond("again", nil)
		}
		return nil
	})
	ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &[]actor.Responder{}, actor.Options{}))
	var answers []any
	if err := ref.Deliver(&later{}, answerTo(func(msg any, _ error) { answers = append(answers, msg) }), time.Time{}); err != nil {
		t.Fatal(err)
	}
	_ = must[struct{}](t)(actor.AskAny[struct{}](t.Context(), ref, &now{}))
	_ = must[struct{}](t)(actor.AskAny[struct{}](t.Context(), ref, &now{}))
	if len(answers) != 1 || answers[0] != "answer 0" {
		t.Errorf("answered %v", answers)
	}
	got := make(chan string)
	go func() {
		s, err := actor.Ask(context.Background(), ref, &later{})
		got <- fmt.Sprint(s, err)
	}()
	for {
		if n, _ := actor.AskAny[struct{}](t.Context(), ref, &now{}); n != (struct{}{}) {
			t.Fatal(n)
		}
		select {
		case s := <-got:
			if s != "answer 1<nil>" {
				t.Error(s)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}
