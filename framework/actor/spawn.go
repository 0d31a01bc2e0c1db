package actor

import "time"

// Options say how an actor runs. The zero value is a serial actor with the system's mailbox that stops when it panics.
type Options struct {
	Concurrent int         // handlers that may run at once, for actors whose state is safe for that; 0 and 1: serial
	Mailbox    int         // queued messages; 0: Config.Mailbox
	Supervise  Supervision // what happens after a panic; zero: StopOnPanic
}

// Spawn makes an actor. An empty name makes an anonymous one; a taken name is ErrNameTaken.
func Spawn[S any](sys *System, name string, b *Behavior[S], state *S, opts Options) (Ref, error) {
	panic("not built yet")
}

// Supervision says what happens to an actor whose handler panicked. The zero value is StopOnPanic.
type Supervision struct{}

// StopOnPanic stops the actor: its state may be corrupt.
func StopOnPanic() Supervision { return Supervision{} }

// Escalate stops the actor and then calls fn with what happened.
func Escalate(fn func(error)) Supervision { panic("not built yet") }

// Restart gives the actor a fresh state; its queued messages stay.
func Restart[S any](fresh func() (*S, error), limits RestartLimits) Supervision {
	panic("not built yet")
}

// RestartLimits bound how often an actor restarts.
type RestartLimits struct {
	MinBackoff time.Duration // pause before the first restart; 0: 10 ms
	MaxBackoff time.Duration // the pause doubles up to this; 0: 10 s
	Max        int           // restarts within Window before the actor is stopped; 0: 10
	Window     time.Duration // 0: 1 minute
	GiveUp     func(error)   // called when it is stopped after too many; nil: only the log
}
