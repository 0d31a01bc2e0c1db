package zone

import (
	"context"
	"sync"

	"loumiao/framework/fault"
)

// busy counts the rooms that have work to do. Safe for concurrent use.
type busy struct {
	most int

	mu     sync.Mutex
	rooms  int
	closed bool
	idle   chan struct{} // closed when closed and there are no rooms
}

func newBusy(most int) *busy {
	return &busy{most: most, idle: make(chan struct{})}
}

// enter takes a room's place.
func (b *busy) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return fault.New(fault.Unavailable, "the node is stopping")
	case b.rooms >= b.most:
		return fault.Errorf(fault.Overloaded, "the node has %d rooms already", b.rooms)
	}
	b.rooms++
	return nil
}

// leave gives it back.
func (b *busy) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rooms--
	if b.closed && b.rooms == 0 {
		close(b.idle)
	}
}

// close lets no more rooms in.
func (b *busy) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed && b.rooms == 0 {
		close(b.idle)
	}
	b.closed = true
}

// closing reports whether close was called.
func (b *busy) closing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// wait returns when the last room has left, or ctx ends.
func (b *busy) wait(ctx context.Context) error {
	select {
	case <-b.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *busy) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rooms
}
