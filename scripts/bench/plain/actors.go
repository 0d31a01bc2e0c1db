// Package plain is the limit: the same work with nothing but Go and a socket, as nobody would want to write a game.
package plain

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	answer = 42
	inbox  = 1024 // messages that a channel holds: as many as a mailbox of ours by default
	small  = 16   // the same where there are many
)

type note struct{ n int64 }

var errAnswer = errors.New("wrong answer")

// Actors is a goroutine and a channel for each actor.
type Actors struct{}

// Count is as in harness.Actors.
func (Actors) Count(actors, total int) (send func(actor int), done <-chan struct{}, stop func()) {
	var left atomic.Int64
	left.Store(int64(total))
	end := make(chan struct{})
	inboxes := make([]chan any, actors)
	for i := range inboxes {
		in := make(chan any, inbox)
		inboxes[i] = in
		go func() {
			for range in {
				if left.Add(-1) == 0 {
					close(end)
				}
			}
		}()
	}
	msg := &note{}
	return func(i int) { inboxes[i] <- msg }, end, func() { closeAll(inboxes) }
}

func closeAll[T any](inboxes []chan T) {
	for _, in := range inboxes {
		close(in)
	}
}

// PingPong is as in harness.Actors.
func (Actors) PingPong(total int) (start func(), done <-chan struct{}, stop func()) {
	inboxes := []chan any{make(chan any, 1), make(chan any, 1)}
	left, end := total, make(chan struct{})
	for i := range inboxes {
		in, other := inboxes[i], inboxes[1-i]
		go func() {
			for msg := range in {
				if left--; left == 0 { // only whoever has the message looks
					close(end)
					return
				}
				other <- msg
			}
		}()
	}
	return func() { inboxes[0] <- &note{} }, end, func() { closeAll(inboxes) }
}

type question struct {
	msg   any
	reply chan any
}

// Answer is as in harness.Actors.
func (a Actors) Answer() (ask func() error, stop func()) {
	askOne, stop := spawn(1, inbox)
	return func() error { return askOne(0) }, stop
}

// Spawn is as in harness.Actors.
func (a Actors) Spawn(n int) (ask func(actor int) error, stop func()) { return spawn(n, small) }

func spawn(n, size int) (ask func(actor int) error, stop func()) {
	inboxes := make([]chan question, n)
	for i := range inboxes {
		in := make(chan question, size)
		inboxes[i] = in
		go func() {
			reply := &note{answer}
			for q := range in {
				q.reply <- reply
			}
		}()
	}
	replies := sync.Pool{New: func() any { return make(chan any, 1) }}
	msg := &note{}
	return func(i int) error {
		reply := replies.Get().(chan any)
		inboxes[i] <- question{msg, reply}
		m := <-reply
		replies.Put(reply)
		if m.(*note).n != answer {
			return errAnswer
		}
		return nil
	}, func() { closeAll(inboxes) }
}

// Timers is time.AfterFunc.
type Timers struct{}

// Add is as in harness.Timers.
func (Timers) Add(n int) (stop func()) {
	timers := make([]*time.Timer, n)
	for i := range timers {
		timers[i] = time.AfterFunc(time.Minute+time.Duration(i)*time.Millisecond, func() {})
	}
	return func() {
		for _, t := range timers {
			t.Stop()
		}
	}
}

// AddStop is as in harness.Timers.
func (Timers) AddStop(n int) error {
	for range n {
		time.AfterFunc(time.Minute, func() {}).Stop()
	}
	return nil
}
