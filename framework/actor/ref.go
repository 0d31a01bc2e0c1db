package actor

import (
	"context"
	"time"
)

// A Ref is where messages for one actor are sent. It is a small comparable value; the zero Ref refuses everything with
// ErrStopped. Safe for concurrent use.
type Ref struct{ cell *cell }

type cell struct{}

// A Responder takes the answer to a message. Respond is called exactly once, on the actor's goroutine; it must not block.
type Responder interface{ Respond(msg any, err error) }

// Tell queues msg. It returns ErrMailboxFull or ErrStopped at once when it cannot.
func (r Ref) Tell(msg any) error { panic("not built yet") }

// TellWait is Tell that waits for room until ctx ends.
func (r Ref) TellWait(ctx context.Context, msg any) error { panic("not built yet") }

// Deliver queues msg whose answer goes to reply (nil: nobody). After an error reply is not called. A zero deadline is none.
func (r Ref) Deliver(msg any, reply Responder, deadline time.Time) error { panic("not built yet") }

// Name is the actor's name.
func (r Ref) Name() string { panic("not built yet") }

// Stop asks the actor to stop after its queued work. It does not wait. Idempotent.
func (r Ref) Stop() { panic("not built yet") }

// Done is closed when the actor has stopped.
func (r Ref) Done() <-chan struct{} { panic("not built yet") }
