// Package ours is the framework as a contender: through its public API, as it is shipped.
package ours

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"loumiao/framework/actor"
)

const answer = 42

type (
	note     struct{ n int64 }
	question struct{ actor.Returns[*note] }
	meet     struct{ other actor.Ref }
)

var errAnswer = errors.New("wrong answer")

// Actors is package actor.
type Actors struct{ sys *actor.System }

// NewActors is a system of actors that logs nothing.
func NewActors() *Actors {
	return &Actors{actor.NewSystem(actor.Config{Logger: slog.New(slog.DiscardHandler)})}
}

// A tally is shared by the actors that count together.
type tally struct {
	left atomic.Int64
	done chan struct{}
}

func (t *tally) count(*actor.Context, *note) error {
	if t.left.Add(-1) == 0 {
		close(t.done)
	}
	return nil
}

// Count is as in harness.Actors.
func (a *Actors) Count(actors, total int) (send func(actor int), done <-chan struct{}, stop func()) {
	kind := actor.NewBehavior[tally]()
	actor.HandleTell(kind, (*tally).count)
	t := &tally{done: make(chan struct{})}
	t.left.Store(int64(total))
	refs := spawn(a.sys, kind, actors, func() *tally { return t })
	msg := &note{}
	return func(i int) { tell(refs[i], msg) }, t.done, func() { stopAll(refs) }
}

// tell sends as a producer does that may outrun its consumer.
func tell(ref actor.Ref, msg any) {
	if ref.Tell(msg) != nil {
		_ = ref.TellWait(context.Background(), msg)
	}
}

type player struct {
	other actor.Ref
	left  *atomic.Int64
	done  chan struct{}
}

func (p *player) hit(_ *actor.Context, m *note) error {
	if p.left.Add(-1) == 0 {
		close(p.done)
		return nil
	}
	return p.other.Tell(m)
}

// PingPong is as in harness.Actors.
func (a *Actors) PingPong(total int) (start func(), done <-chan struct{}, stop func()) {
	kind := actor.NewBehavior[player]()
	actor.HandleTell(kind, (*player).hit)
	actor.HandleTell(kind, func(p *player, _ *actor.Context, m *meet) error { p.other = m.other; return nil })
	left, end := &atomic.Int64{}, make(chan struct{})
	left.Store(int64(total))
	refs := spawn(a.sys, kind, 2, func() *player { return &player{left: left, done: end} })
	tell(refs[0], &meet{refs[1]})
	tell(refs[1], &meet{refs[0]})
	return func() { tell(refs[0], &note{}) }, end, func() { stopAll(refs) }
}

type oracle struct{ note }

func (o *oracle) reply(*actor.Context, *question) (*note, error) { return &o.note, nil }

// Answer is as in harness.Actors.
func (a *Actors) Answer() (ask func() error, stop func()) {
	askOne, stop := a.Spawn(1)
	return func() error { return askOne(0) }, stop
}

// Spawn is as in harness.Actors.
func (a *Actors) Spawn(n int) (ask func(actor int) error, stop func()) {
	kind := actor.NewBehavior[oracle]()
	actor.Handle(kind, (*oracle).reply)
	refs := spawn(a.sys, kind, n, func() *oracle { return &oracle{note{answer}} })
	ctx, msg := context.Background(), &question{}
	return func(i int) error {
		m, err := actor.Ask(ctx, refs[i], msg)
		if err == nil && m.n != answer {
			err = errAnswer
		}
		return err
	}, func() { stopAll(refs) }
}

// spawn makes n actors. It cannot fail for anonymous actors of a running system.
func spawn[S any](sys *actor.System, kind *actor.Behavior[S], n int, state func() *S) []actor.Ref {
	refs := make([]actor.Ref, n)
	for i := range refs {
		ref, err := actor.Spawn(sys, "", kind, state(), actor.Options{})
		if err != nil {
			panic(err)
		}
		refs[i] = ref
	}
	return refs
}

func stopAll(refs []actor.Ref) {
	for _, r := range refs {
		r.Stop()
	}
	for _, r := range refs {
		<-r.Done()
	}
}

// Timers is the timers of an actor.
type Timers struct{ sys *actor.System }

// NewTimers is the timers of a system of actors.
func NewTimers() *Timers { return &Timers{NewActors().sys} }

type (
	clock    struct{}
	add      struct{ n int }
	addStop  struct{ n int }
	finished struct{}
)

func (t *Timers) actor() actor.Ref {
	kind := actor.NewBehavior[clock]()
	actor.Handle(kind, func(_ *clock, ctx *actor.Context, m *add) (*finished, error) {
		for i := range m.n {
			ctx.After(time.Minute+time.Duration(i)*time.Millisecond, m)
		}
		return &finished{}, nil
	})
	actor.Handle(kind, func(_ *clock, ctx *actor.Context, m *addStop) (*finished, error) {
		for range m.n {
			ctx.After(time.Minute, m).Stop()
		}
		return &finished{}, nil
	})
	return spawn(t.sys, kind, 1, func() *clock { return &clock{} })[0]
}

// Add is as in harness.Timers.
func (t *Timers) Add(n int) (stop func()) {
	ref := t.actor()
	if _, err := t.ask(ref, &add{n}); err != nil {
		panic(err)
	}
	return func() { stopAll([]actor.Ref{ref}) }
}

// AddStop is as in harness.Timers.
func (t *Timers) AddStop(n int) error {
	ref := t.actor()
	defer ref.Stop()
	_, err := t.ask(ref, &addStop{n})
	return err
}

func (t *Timers) ask(ref actor.Ref, msg any) (*finished, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return actor.AskAny[*finished](ctx, ref, msg)
}
