package rpc

import (
	"context"
	"sync"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/link"
)

// A callContext is the context of one call to a function. It ends at the call's deadline, when the caller cancels, with the link, and when the handler returns. The
// standard context that does this is made when somebody first waits or looks: most handlers never do.
type callContext struct {
	from     *callee
	deadline time.Time // zero: none

	mu     sync.Mutex
	std    context.Context
	cancel context.CancelFunc
	over   bool // cut before std was made
}

// Deadline is when the caller stops waiting.
func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done is closed when nobody waits for the answer any more.
func (c *callContext) Done() <-chan struct{} { return c.standard().Done() }

// Err says why Done is closed.
func (c *callContext) Err() error { return c.standard().Err() }

// Value knows the caller.
func (c *callContext) Value(key any) any {
	if key == (callerKey{}) {
		return c.from.peer
	}
	c.mu.Lock()
	std := c.std
	c.mu.Unlock()
	if std != nil {
		return std.Value(key)
	}
	return c.from.ctx.Value(key)
}

func (c *callContext) standard() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.std == nil {
		if c.deadline.IsZero() {
			c.std, c.cancel = context.WithCancel(c.from.ctx)
		} else {
			c.std, c.cancel = context.WithDeadline(c.from.ctx, c.deadline)
		}
		if c.over {
			c.cancel()
		}
	}
	return c.std
}

// late reports whether the deadline is over.
func (c *callContext) late() bool { return !c.deadline.IsZero() && time.Until(c.deadline) <= 0 }

// cut ends the context.
func (c *callContext) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.cancel != nil {
		c.cancel()
	}
}

type callerKey struct{}

// Caller is the node whose call a handler works on; the zero Peer when ctx is not that of a handler registered here.
func Caller(ctx context.Context) link.Peer {
	if a, ok := ctx.(*actor.Context); ok {
		if in, ok := a.Responder().(*inbound); ok {
			return in.from.peer
		}
		return link.Peer{}
	}
	p, _ := ctx.Value(callerKey{}).(link.Peer)
	return p
}
