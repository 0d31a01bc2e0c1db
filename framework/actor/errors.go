package actor

import (
	"errors"
	"fmt"
	"strings"

	"loumiao/framework/fault"
)

// Errors of sending. They carry a code, so they may cross a wire as they are. None of the messages was handled.
var (
	// ErrStopped: the actor, its pool or its system is stopping or has stopped.
	ErrStopped error = fault.New(fault.Unavailable, "actor stopped")
	// ErrMailboxFull: the mailbox has no room now.
	ErrMailboxFull error = fault.New(fault.Overloaded, "mailbox full")
	// ErrNoActor: the pool makes actors only on request, and has none for the key.
	ErrNoActor error = fault.New(fault.NotFound, "no such actor")
	// ErrNameTaken: another actor of the system has the name.
	ErrNameTaken error = fault.New(fault.AlreadyExists, "actor name taken")
)

// errGoexit is the failure of a handler that ended its goroutine, as t.FailNow does.
var errGoexit = errors.New("the handler called runtime.Goexit")

// A CycleError is the answer to an Ask that would wait for an actor which, through a chain of calls, waits for the asker.
// It is a programmer's error, so it has no code of its own: to the outside it is "internal".
type CycleError struct {
	// Chain names the actors in the order of the calls. The last, which was not called, is also an earlier one.
	Chain []string
}

// Error names the whole chain.
func (e *CycleError) Error() string { return "call cycle: " + strings.Join(e.Chain, " -> ") }

// A PanicError is the cause of an actor's failure, for the log and for supervisors. Callers see only fault.Internal.
type PanicError struct {
	Actor   string // the actor's name
	Message string // the type of the message in hand, or what else the actor was doing
	Value   any    // what was passed to panic
	Stack   []byte // of the goroutine that panicked
}

// Error is one line, without the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("actor %s: panic in %s: %v", e.Actor, e.Message, e.Value)
}

// Unwrap is the value that was passed to panic, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
