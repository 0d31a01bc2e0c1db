package world

import (
	"context"
	"testing"
	"time"

	"loumiao/framework/actor"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// LeaseBy has holds say whether the node's lease is good, in the place of its clock. It is called before the first player comes.
func (w *World) LeaseBy(holds func() bool) { w.holds = holds }

// BindAgain is what the world does when Redis has come back empty.
func (w *World) BindAgain() { w.bindAgain(context.Background()) }

// pause keeps a player's actor busy until the end of done.
type pause struct{ begun, done chan struct{} }

func (p *Player) pause(_ *actor.Context, m *pause) error {
	close(m.begun)
	<-m.done
	return nil
}

// Pausable has players take Pause. It is called before the first player comes.
func (w *World) Pausable() { actor.HandleTell(w.players.Behavior(), (*Player).pause) }

// fall has a player's actor fail.
type fall struct{}

func (p *Player) fall(*actor.Context, *fall) error { panic("a test wants it") }

// Fallible has players take Fall. It is called before the first player comes.
func (w *World) Fallible() { actor.HandleTell(w.players.Behavior(), (*Player).fall) }

// Fall has the player's actor fail.
func (w *World) Fall(player int64) error { return w.players.Tell(api.PlayerID(player), &fall{}) }

// Pause keeps the player's actor busy until resume.
func (w *World) Pause(t *testing.T, player int64) (resume func()) {
	t.Helper()
	m, resume := w.pause(t, player)
	<-m.begun
	return resume
}

// Queue is Pause that begins when the actor is done with what is queued already; it does not wait for that.
func (w *World) Queue(t *testing.T, player int64) (resume func()) {
	t.Helper()
	_, resume = w.pause(t, player)
	return resume
}

func (w *World) pause(t *testing.T, player int64) (m *pause, resume func()) {
	t.Helper()
	m = &pause{make(chan struct{}), make(chan struct{})}
	if err := w.players.Tell(api.PlayerID(player), m); err != nil {
		t.Fatal(err)
	}
	return m, func() { close(m.done) }
}

// Save has the player saved now, if he is here, and returns when that was tried.
func (w *World) Save(t *testing.T, player int64) {
	t.Helper()
	ref, ok := w.players.Get(api.PlayerID(player))
	if !ok || ref.Tell(&saveNow{}) != nil {
		return
	}
	m := &pause{make(chan struct{}), make(chan struct{})}
	close(m.done)
	if ref.Tell(m) != nil {
		return
	}
	select {
	case <-m.begun:
	case <-ref.Done():
	}
}

// Release queues what another world asks, behind what is queued already. The result comes later.
func (w *World) Release(t *testing.T, player int64) <-chan error {
	t.Helper()
	done := make(responder, 1)
	if err := w.players.Deliver(api.PlayerID(player), false, &pb.ReleasePlayer{Player: player}, done, time.Time{}); err != nil {
		t.Fatal(err)
	}
	return done
}

type responder chan error

func (r responder) Respond(_ any, err error) { r <- err }
