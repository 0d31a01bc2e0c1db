package actor

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/trace"
)

// A Context is what a handler knows of the message in hand. It is a context.Context: its deadline is the call's, and it carries the
// chain of calls, so hand it on to [Ask], to rpc and to the store. It is valid only until the handler returns: what is
// derived from it is cancelled then, and the Context itself may already mean another message. A goroutine that outlives the
// handler needs a context of its own.
type Context struct {
	cell     *cell
	reply    Responder
	deadline int64 // on the system's clock; 0 is none
	deferred bool
	span     trace.Span // of the handler, if the message belongs to a trace

	lent   atomic.Bool // Done was asked for: somebody may hold on to this Context, so it is never used again
	mu     sync.Mutex
	std    context.Context // behind Done; nil until asked for
	cancel context.CancelFunc
	over   bool
}

// Self is the actor's own Ref.
func (c *Context) Self() Ref { return Ref{c.cell} }

// Logger is the system's logger with the actor's name.
func (c *Context) Logger() *slog.Logger {
	log := c.cell.sys.report.logger.With(slog.String("actor", c.cell.label()))
	if ref := c.span.Ref(); !ref.IsZero() {
		log = log.With(slog.String("trace", ref.String()))
	}
	return log
}

// Stop has the actor stop after this message and what is queued. See [Ref.Stop].
func (c *Context) Stop() { c.cell.stop() }

// Responder is where the answer to the current message goes; nil if nobody waits for one. It tells who asks, to those who know
// its type; to answer later, use [Context.Defer].
func (c *Context) Responder() Responder { return c.reply }

// Defer takes the reply over: what the handler returns is ignored, except that an error is still counted. The Responder that
// it returns may be called later, on any goroutine; a second call does nothing. If it is never called, an Ask ends at its
// deadline. Defer returns a Responder that does nothing when nobody waits.
func (c *Context) Defer() Responder {
	c.deferred = true
	return &deferred{to: c.reply}
}

// A deferred passes one answer on. It keeps a second one from reaching whoever has the recycled Responder by then.
type deferred struct {
	to   Responder
	used atomic.Bool
}

func (d *deferred) Respond(msg any, err error) {
	if d.used.CompareAndSwap(false, true) && d.to != nil {
		d.to.Respond(msg, err)
	}
}

// Deadline is when whoever asked stops waiting.
func (c *Context) Deadline() (time.Time, bool) {
	if c.deadline == 0 {
		return time.Time{}, false
	}
	return c.cell.sys.clock.time(c.deadline), true
}

// Done is closed at the deadline, when the handler has returned, and when the system gives up waiting for it at a stop.
func (c *Context) Done() <-chan struct{} { return c.standard().Done() }

// Err is nil until Done is closed, and then says why.
func (c *Context) Err() error {
	c.mu.Lock()
	std := c.std
	c.mu.Unlock()
	switch {
	case std != nil:
		return std.Err()
	case c.deadline != 0 && c.cell.sys.clock.precise() >= c.deadline:
		return context.DeadlineExceeded
	}
	return c.cell.sys.ctx.Err()
}

// contextKey finds the Context that a context.Context was derived from.
type contextKey struct{}

// Value has the trace that the message belongs to, and nothing else for the outside; it is also how Ask finds the chain of calls.
func (c *Context) Value(key any) any {
	switch key.(type) {
	case contextKey:
		return c
	case trace.Key:
		if !c.span.IsZero() {
			return c.span
		}
	}
	return nil
}

// standard is the ordinary context that does the work once somebody wants to wait.
func (c *Context) standard() context.Context {
	c.lent.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.std == nil {
		if deadline, ok := c.Deadline(); ok {
			c.std, c.cancel = context.WithDeadline(c.cell.sys.ctx, deadline)
		} else {
			c.std, c.cancel = context.WithCancel(c.cell.sys.ctx)
		}
		if c.over {
			c.cancel()
		}
	}
	return c.std
}

// release ends a lent Context.
func (c *Context) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.cancel != nil {
		c.cancel()
	}
}
