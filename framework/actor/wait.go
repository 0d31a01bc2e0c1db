package actor

import (
	"context"

	"loumiao/framework/fault"
)

// A waiter is a TellWait in a full mailbox.
type waiter struct {
	envelope envelope
	next     *waiter
	queued   chan error // receives once
}

func (c *cell) pushWait(ctx context.Context, e envelope) error {
	c.mu.Lock()
	if c.phase != open {
		c.mu.Unlock()
		return ErrStopped
	}
	if c.depth < c.capacity {
		start := c.accept(e)
		c.mu.Unlock()
		if start {
			c.sys.crew(c).enqueue(c)
		}
		return nil
	}
	w := &waiter{envelope: e, queued: make(chan error, 1)}
	if m := c.more(); m.first == nil {
		m.first, m.end = w, w
	} else {
		m.end.next, m.end = w, w
	}
	c.mu.Unlock()

	select {
	case err := <-w.queued:
		return err
	case <-ctx.Done():
	}
	c.mu.Lock()
	waiting := c.abandon(w)
	c.mu.Unlock()
	if !waiting {
		return <-w.queued
	}
	c.kind.rejected.Add(1)
	return ended(ctx)
}

// abandon takes w out of the line and reports whether it was still in it.
func (c *cell) abandon(w *waiter) bool {
	var before *waiter
	for at := &c.rare.first; *at != nil; at = &(*at).next {
		if *at == w {
			*at = w.next
			if c.rare.end == w {
				c.rare.end = before
			}
			return true
		}
		before = *at
	}
	return false
}

// admit moves waiters into the room that a worker has made. The caller holds mu.
func (c *cell) admit() {
	for w := c.rare.first; w != nil && c.depth < c.capacity; w = c.rare.first {
		c.rare.first = w.next
		c.queue.push(w.envelope, &c.sys.chunks)
		c.depth++
		w.queued <- nil
	}
	if c.rare.first == nil {
		c.rare.end = nil
	}
}

// waiters takes all who wait for room. The caller holds mu, and refuses them after.
func (c *cell) waiters() *waiter {
	if c.rare == nil {
		return nil
	}
	w := c.rare.first
	c.rare.first, c.rare.end = nil, nil
	return w
}

func refuse(w *waiter) {
	for ; w != nil; w = w.next {
		w.queued <- ErrStopped
	}
}

// ended is what ended ctx, as a fault.
func ended(ctx context.Context) error {
	err := context.Cause(ctx)
	if ctx.Err() == context.DeadlineExceeded {
		return fault.Wrap(err, fault.Deadline, "no answer in time")
	}
	return fault.Wrap(err, fault.Cancelled, "the caller gave up")
}
