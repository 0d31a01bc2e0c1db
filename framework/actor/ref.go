package actor

import (
	"context"
	"time"
)

// A Ref is where messages for one actor are sent. It is a small comparable value and safe for concurrent use. The zero Ref, and
// a Ref whose actor has stopped, refuse everything with [ErrStopped]: a Ref never comes to mean another actor.
type Ref struct{ cell *cell }

// A Responder takes the answer to a delivered message: the handler's reply, or its error. Respond is called exactly once,
// usually on the actor's goroutine, so it must not block.
type Responder interface{ Respond(msg any, err error) }

// Tell queues msg and does not wait for anything. It returns [ErrMailboxFull] or [ErrStopped] when msg was not queued. The
// actor owns what msg points to from now on.
func (r Ref) Tell(msg any) error {
	if r.cell == nil {
		return ErrStopped
	}
	return r.cell.push(envelope{msg: msg})
}

// TellWait is Tell that waits for room in a full mailbox, behind those who came before. It returns [ErrStopped], or what
// ended ctx as a fault (deadline, cancelled); then msg was not queued.
func (r Ref) TellWait(ctx context.Context, msg any) error {
	if r.cell == nil {
		return ErrStopped
	}
	return r.cell.pushWait(ctx, envelope{msg: msg})
}

// Deliver queues a message whose answer goes to reply, which is nil when nobody waits for one. A message that is still queued at its
// deadline is answered with fault.Deadline instead of being handled; the zero time is no deadline. After an error from
// Deliver reply is never called; without one, it is called once.
func (r Ref) Deliver(msg any, reply Responder, deadline time.Time) error {
	if r.cell == nil {
		return ErrStopped
	}
	return r.cell.push(envelope{msg: msg, reply: reply, deadline: r.cell.sys.clock.at(deadline)})
}

// Name is the actor's name: as given to [Spawn], "Pool/key" for a pool's, "State#number" for an anonymous one.
func (r Ref) Name() string {
	if r.cell == nil {
		return "none"
	}
	return r.cell.label()
}

// Stop asks the actor to stop: from now on it refuses messages, and it ends when those that are queued have been handled. Stop
// does not wait, see [Ref.Done]. More than once is no more.
func (r Ref) Stop() {
	if r.cell != nil {
		r.cell.stop()
	}
}

// Done is closed when the actor has stopped: its stop hook has run and its name is free.
func (r Ref) Done() <-chan struct{} {
	if r.cell == nil {
		done := make(chan struct{})
		close(done)
		return done
	}
	return r.cell.done()
}
