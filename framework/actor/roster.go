package actor

import (
	"sync"
	"sync/atomic"
)

// A roster lists a system's living actors, to find them by name and to stop them all. Listing and leaving happen for each
// actor of a pool too, so the list is in shards.
type roster struct {
	numbers atomic.Uint64
	living  atomic.Int64
	shards  [rosterShards]rosterShard

	empty  chan struct{} // closed when the roster is closed and nobody is left
	closed atomic.Bool
	once   sync.Once

	mu    sync.RWMutex
	names map[string]*cell
}

const rosterShards = 8

type rosterShard struct {
	mu     sync.Mutex
	closed bool
	first  *cell
	_      [40]byte // keeps neighbours off one cache line
}

func (r *roster) init() {
	r.empty = make(chan struct{})
	r.names = map[string]*cell{}
}

func (r *roster) shard(c *cell) *rosterShard { return &r.shards[c.number%rosterShards] }

// add lists c, and its name if it has one.
func (r *roster) add(c *cell) error {
	c.number = r.numbers.Add(1)
	if c.name != "" {
		r.mu.Lock()
		if r.names[c.name] != nil {
			r.mu.Unlock()
			return ErrNameTaken
		}
		r.names[c.name] = c
		r.mu.Unlock()
	}
	s := r.shard(c)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		r.unname(c)
		return ErrStopped
	}
	r.living.Add(1)
	if c.next = s.first; c.next != nil {
		c.next.prev = c
	}
	s.first = c
	s.mu.Unlock()
	return nil
}

// remove forgets c, which was added.
func (r *roster) remove(c *cell) {
	r.unname(c)
	s := r.shard(c)
	s.mu.Lock()
	if c.next != nil {
		c.next.prev = c.prev
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	c.next, c.prev = nil, nil
	s.mu.Unlock()
	if r.living.Add(-1) == 0 && r.closed.Load() {
		r.once.Do(func() { close(r.empty) })
	}
}

func (r *roster) unname(c *cell) {
	if c.name == "" {
		return
	}
	r.mu.Lock()
	delete(r.names, c.name)
	r.mu.Unlock()
}

func (r *roster) find(name string) (*cell, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c, ok := r.names[name]
	return c, ok
}

// close refuses newcomers from now on, and returns who is there.
func (r *roster) close() []*cell {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
	}
	r.closed.Store(true)
	if r.living.Load() == 0 {
		r.once.Do(func() { close(r.empty) })
	}
	return r.all()
}

func (r *roster) all() []*cell {
	var cells []*cell
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		for c := s.first; c != nil; c = c.next {
			cells = append(cells, c)
		}
		s.mu.Unlock()
	}
	return cells
}
