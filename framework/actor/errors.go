package actor

import (
	"loumiao/framework/fault"
)

// Errors of sending. They have a code, so they may cross a wire as they are.
var (
	// ErrStopped: the actor, its pool or its system is stopping or has stopped. The message was not handled.
	ErrStopped error = fault.New(fault.Unavailable, "actor stopped")
	// ErrMailboxFull: the mailbox has no room. The message was not queued.
	ErrMailboxFull error = fault.New(fault.Overloaded, "mailbox full")
	// ErrNoActor: a pool that creates only on request has no actor for the key.
	ErrNoActor error = fault.New(fault.NotFound, "no such actor")
	// ErrNameTaken: another actor of the system has the name.
	ErrNameTaken error = fault.New(fault.AlreadyExists, "actor name taken")
)

// A CycleError is the answer to a call that would come back to an actor that is itself waiting in the chain of calls.
type CycleError struct {
	Chain []string // names of the actors from the first to the one that would have been called again
}

// Error names the whole chain.
func (e *CycleError) Error() string { return "call cycle" }
