package rpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/link"
	"loumiao/framework/trace"
)

// A callContext is the context of one call to a function. It ends at the call's deadline, when the caller cancels, with the link, and when the handler returns. The
// standard context that does this is made when somebody first waits or looks: most handlers never do.
type callContext struct {
	from     *callee
	call     uint64        // 0: a send
	deadline time.Duration // by the RPC's clock; 0: none
	span     trace.Span

	mu   sync.Mutex
	std  *standardContext
	over bool // cut before std was made
}

type standardContext struct {
	context.Context
	cancel context.CancelFunc
}

// Deadline is when the caller stops waiting.
func (c *callContext) Deadline() (time.Time, bool) {
	return c.from.rpc.time(c.deadline), c.deadline != 0
}

// Done is closed when nobody waits for the answer any more.
func (c *callContext) Done() <-chan struct{} { return c.standard().Done() }

// Err says why Done is closed.
func (c *callContext) Err() error { return c.standard().Err() }

// Value knows the caller, and the trace that the call belongs to.
func (c *callContext) Value(key any) any {
	switch key.(type) {
	case callerKey:
		return c.from.peer
	case trace.Key:
		if c.span.IsZero() {
			return nil
		}
		return c.span
	}
	c.mu.Lock()
	std := c.std
	c.mu.Unlock()
	if std != nil {
		return std.Value(key)
	}
	return c.from.ctx.Value(key)
}

func (c *callContext) standard() *standardContext {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.std == nil {
		c.std = &standardContext{}
		if deadline, ok := c.Deadline(); ok {
			c.std.Context, c.std.cancel = context.WithDeadline(c.from.ctx, deadline)
		} else {
			c.std.Context, c.std.cancel = context.WithCancel(c.from.ctx)
		}
		if c.over {
			c.std.cancel()
		}
	}
	return c.std
}

// late reports whether the deadline is over.
func (c *callContext) late() bool { return c.deadline != 0 && c.from.rpc.clock() >= c.deadline }

// cut ends the context.
func (c *callContext) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.std != nil {
		c.std.cancel()
	}
}

// cancelSlots finds the contexts of calls by their numbers. Calls come and go without a lock, for few are ever cancelled.
type cancelSlots struct {
	blocks [maxSlots / cancelBlock]atomic.Pointer[[cancelBlock]atomic.Pointer[callContext]]
}

const cancelBlock = 1024

func (s *cancelSlots) of(call uint64) *atomic.Pointer[callContext] {
	i := call & (maxSlots - 1)
	block := &s.blocks[i/cancelBlock]
	if block.Load() == nil {
		block.CompareAndSwap(nil, new([cancelBlock]atomic.Pointer[callContext]))
	}
	return &block.Load()[i%cancelBlock]
}

func (s *cancelSlots) add(c *callContext) { s.of(c.call).Store(c) }

// remove leaves alone the slot's next call, whose caller may have given up this one.
func (s *cancelSlots) remove(c *callContext) { s.of(c.call).CompareAndSwap(c, nil) }

// cut ends the context of the call's handler, if there is one. A handler on an actor is not cut: its caller has left, and its turn goes on.
func (s *cancelSlots) cut(call uint64) {
	if c := s.of(call).Load(); c != nil && c.call == call {
		c.cut()
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
