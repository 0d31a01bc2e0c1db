package main

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

const (
	answer  = 42
	timeout = 10 * time.Second
)

var errAnswer = errors.New("wrong answer")

type (
	note     struct{ n int64 }
	question struct{}
)

// actors is protoactor-go within one process.
type actors struct{ root *actor.RootContext }

func newActors() *actors { return &actors{actor.NewActorSystem().Root} }

// Count is as in harness.Actors. Mailboxes have no bound.
func (a *actors) Count(n, total int) (send func(actor int), done <-chan struct{}, stop func()) {
	var left atomic.Int64
	left.Store(int64(total))
	end := make(chan struct{})
	pids := a.spawn(n, func(c actor.Context) {
		if _, ok := c.Message().(*note); ok && left.Add(-1) == 0 {
			close(end)
		}
	})
	msg := &note{}
	return func(i int) { a.root.Send(pids[i], msg) }, end, func() { a.stop(pids) }
}

// PingPong is as in harness.Actors.
func (a *actors) PingPong(total int) (start func(), done <-chan struct{}, stop func()) {
	var left atomic.Int64
	left.Store(int64(total))
	end := make(chan struct{})
	pids := a.spawn(2, func(c actor.Context) {
		m, ok := c.Message().(*note)
		switch {
		case !ok:
		case left.Add(-1) == 0:
			close(end)
		default:
			c.Request(c.Sender(), m)
		}
	})
	return func() { a.root.RequestWithCustomSender(pids[0], &note{}, pids[1]) }, end, func() { a.stop(pids) }
}

// Answer is as in harness.Actors.
func (a *actors) Answer() (ask func() error, stop func()) {
	askOne, stop := a.Spawn(1)
	return func() error { return askOne(0) }, stop
}

// Spawn is as in harness.Actors.
func (a *actors) Spawn(n int) (ask func(actor int) error, stop func()) {
	pids := a.spawn(n, func(c actor.Context) {
		if _, ok := c.Message().(*question); ok {
			c.Respond(&note{answer})
		}
	})
	msg := &question{}
	return func(i int) error {
		m, err := a.root.RequestFuture(pids[i], msg, timeout).Result()
		if err != nil {
			return err
		}
		if reply, ok := m.(*note); !ok || reply.n != answer {
			return errAnswer
		}
		return nil
	}, func() { a.stop(pids) }
}

func (a *actors) spawn(n int, receive actor.ReceiveFunc) []*actor.PID {
	props := actor.PropsFromFunc(receive)
	pids := make([]*actor.PID, n)
	for i := range pids {
		pids[i] = a.root.Spawn(props)
	}
	return pids
}

func (a *actors) stop(pids []*actor.PID) {
	for _, pid := range pids {
		_ = a.root.StopFuture(pid).Wait()
	}
}
