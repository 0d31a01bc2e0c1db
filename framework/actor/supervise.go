package actor

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"loumiao/framework/fault"
)

// Supervision says what happens to an actor whose handler panicked. In any case the panic is logged with its stack and
// counted, and whoever asked gets fault.Internal. Make one with [StopOnPanic], [Restart] or [Escalate]; the zero value is
// StopOnPanic.
type Supervision struct {
	state    reflect.Type        // the type of what fresh makes
	fresh    func() (any, error) // nil: the actor stops
	limits   RestartLimits
	escalate func(error)
}

// StopOnPanic stops the actor: after a panic its state may be anything. What is queued is answered with [ErrStopped], and the
// stop hook does not run.
func StopOnPanic() Supervision { return Supervision{} }

// Escalate is StopOnPanic that then calls fn, on a goroutine of the actor's, with the [PanicError].
func Escalate(fn func(error)) Supervision { return Supervision{escalate: fn} }

// Restart gives the actor a fresh state, after a pause. Its Ref, its queued messages and its timers stay; the message that
// panicked is not handled again. If fresh fails, that counts as another panic. An actor spawned with a nil state gets its first
// state from fresh too.
func Restart[S any](fresh func() (*S, error), limits RestartLimits) Supervision {
	return Supervision{
		state:  reflect.TypeFor[*S](),
		fresh:  func() (any, error) { return fresh() },
		limits: limits.withDefaults(),
	}
}

// RestartLimits bound how often an actor restarts.
type RestartLimits struct {
	MinBackoff time.Duration // pause before the first restart within a Window; 0 is 10 ms
	MaxBackoff time.Duration // the pause doubles with each up to this; 0 is 10 s
	Max        int           // restarts within a Window; one more panic stops the actor; 0 is 10
	Window     time.Duration // 0 is one minute
	GiveUp     func(error)   // called with the error that ended the actor: there were too many, or it was stopping already; nil does nothing beyond the log
}

func (l RestartLimits) withDefaults() RestartLimits {
	if l.MinBackoff <= 0 {
		l.MinBackoff = 10 * time.Millisecond
	}
	if l.MaxBackoff <= 0 {
		l.MaxBackoff = 10 * time.Second
	}
	l.MaxBackoff = max(l.MaxBackoff, l.MinBackoff)
	if l.Max <= 0 {
		l.Max = 10
	}
	if l.Window <= 0 {
		l.Window = time.Minute
	}
	return l
}

// check reports whether s fits actors whose state is a *S of the given type.
func (s Supervision) check(state reflect.Type) error {
	if s.state != nil && s.state != state {
		return fmt.Errorf("actor: the restart makes a %s, the actor's state is a %s", s.state, state)
	}
	return nil
}

// A recovery is how often a cell has crashed, and the pause before it restarts.
type recovery struct {
	alarm alarm
	cell  *cell
	Supervision
	count int   // restarts in the window
	since int64 // the window's start
	delay time.Duration
}

// again reports whether there may be another restart, and sets the delay before it.
func (r *recovery) again(now int64) bool {
	if r.count == 0 || now-r.since > int64(r.limits.Window) {
		r.count, r.since = 0, now
	}
	if r.count++; r.count > r.limits.Max {
		return false
	}
	r.delay = r.limits.MinBackoff
	for n := 1; n < r.count && r.delay < r.limits.MaxBackoff; n++ {
		r.delay *= 2
	}
	r.delay = min(r.delay, r.limits.MaxBackoff)
	return true
}

// pause has the cell released after the delay; at once if it is to stop. The caller holds the cell's mu; no worker runs.
func (r *recovery) pause() {
	c := r.cell
	if c.phase != open {
		r.delay = 0
	}
	c.sys.wheel(c).arm(&r.alarm, c.sys.clock.precise()+int64(r.delay), r)
}

func (r *recovery) expire() { r.cell.release(afterPause) }

// load makes a state: a pool's actor is loaded, a restarted one gets a fresh one.
func (c *cell) load(ctx *Context) (any, error) {
	if c.origin != nil {
		return c.origin.load(ctx)
	}
	return c.rare.recovery.fresh()
}

// crash deals with a handler, hook or load that panicked, or a load that failed.
func (t *turn) crash() {
	c := t.cell
	var panicked *PanicError
	broken := errors.As(t.failure, &panicked) || t.failure == errGoexit
	answer := t.failure
	if broken {
		c.kind.panics.Add(1)
		answer = fault.Wrap(t.failure, fault.Internal, "internal error")
	}
	if broken || c.origin == nil { // what a pool could not load is told to those who wanted it
		t.report(t.failure)
	}
	if t.inHand {
		t.inHand = false
		t.answerCrash(answer)
	}
	t.close()

	c.mu.Lock()
	if t.batch != nil && t.batch.len() > 0 {
		c.depth += int32(t.batch.len())
		c.queue.untake(t.batch, &c.sys.chunks)
		t.batch = nil
	}
	var policy Supervision
	if c.rare != nil && c.rare.recovery != nil {
		policy = c.rare.recovery.Supervision
	}
	switch {
	case c.hold == afterPause || c.phase == doomed: // another worker of a concurrent actor was faster
	case policy.fresh != nil && c.phase == open && c.rare.recovery.again(c.sys.clock.precise()):
		c.kind.restarts.Add(1)
		c.state, c.born, c.limit = nil, false, 1
		c.hold = afterPause
	default:
		m := c.more()
		if !c.born {
			m.cause = answer
		}
		if notify := policy.notify(); notify != nil {
			failure := t.failure
			m.after = func() { notify(failure) }
		}
		c.phase = doomed
	}
	if c.hold == afterPause {
		t.leave(left)
	} else {
		t.leave(dead)
	}
	if t.outcome == dead {
		c.bury()
	}
}

// notify is who is to be told of the actor's end; nil is nobody.
func (s Supervision) notify() func(error) {
	if s.fresh != nil {
		return s.limits.GiveUp
	}
	return s.escalate
}

// answerCrash answers the message in hand, unless a handler took the reply over.
func (t *turn) answerCrash(err error) {
	t.route.shards[t.shard].failed.Add(1)
	if to := t.ctx.reply; to != nil && !t.ctx.deferred {
		t.ctx.reply = nil
		to.Respond(nil, err)
	}
}

// report logs a failure.
func (t *turn) report(err error) {
	attrs := []slog.Attr{slog.String("actor", t.cell.label()), slog.Any("error", err)}
	text := "actor could not be restarted"
	var panicked *PanicError
	if errors.As(err, &panicked) {
		text = "actor panicked"
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	} else if err == errGoexit {
		text = "actor panicked"
	}
	t.cell.sys.report.log(aboutPanic, slog.LevelError, text, attrs...)
}
