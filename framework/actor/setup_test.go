package actor_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/actor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A logBook keeps what a System logs.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// setup makes a System that is stopped, within a while, when the test ends.
func setup(t *testing.T, cfg actor.Config) (*actor.System, *logBook) {
	t.Helper()
	log := &logBook{}
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	sys := actor.NewSystem(cfg)
	t.Cleanup(func() { stop(t, sys) })
	return sys, log
}

func stop(t *testing.T, sys *actor.System) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := sys.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// An echo answers with what it was sent, in several ways.
type echo struct{ seen []int }

type (
	add  struct{ n int }                // tell: remembered
	get  struct{ actor.Returns[[]int] } // ask: what is remembered
	gate struct{ entered, open chan struct{} }
	boom struct{}
)

func newGate() *gate { return &gate{make(chan struct{}), make(chan struct{})} }

func echoes() *actor.Behavior[echo] {
	b := actor.NewBehavior[echo]()
	actor.HandleTell(b, func(e *echo, _ *actor.Context, m *add) error { e.seen = append(e.seen, m.n); return nil })
	actor.Handle(b, func(e *echo, _ *actor.Context, _ *get) ([]int, error) { return e.seen, nil })
	actor.HandleTell(b, func(_ *echo, _ *actor.Context, m *gate) error {
		close(m.entered)
		<-m.open
		return nil
	})
	actor.HandleTell(b, func(*echo, *actor.Context, *boom) error { panic("boom") })
	return b
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func tell(t *testing.T, to actor.Ref, msg any) {
	t.Helper()
	if err := to.Tell(msg); err != nil {
		t.Fatalf("tell %T: %v", msg, err)
	}
}

// block keeps the actor busy until the returned function is called.
func block(t *testing.T, ref actor.Ref) (release func()) {
	t.Helper()
	g := newGate()
	tell(t, ref, g)
	<-g.entered
	return func() { close(g.open) }
}

// quiet logs nothing.
var quiet = slog.New(slog.DiscardHandler)
