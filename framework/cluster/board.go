package cluster

import (
	"slices"
	"sync"
	"sync/atomic"
)

// board shows the newest snapshot and tells the watchers. One goroutine at a time publishes.
type board struct {
	current atomic.Pointer[Snapshot]

	mu       sync.Mutex
	watchers []*watcher // replaced, never changed
}

type watcher struct {
	fn      func(old, new *Snapshot)
	stopped atomic.Bool
}

func (b *board) snapshot() *Snapshot {
	if s := b.current.Load(); s != nil {
		return s
	}
	return &Snapshot{}
}

func (b *board) watch(fn func(old, new *Snapshot)) (stop func()) {
	w := &watcher{fn: fn}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers = append(slices.Clone(b.watchers), w)
	return func() {
		w.stopped.Store(true)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.watchers = slices.DeleteFunc(slices.Clone(b.watchers), func(other *watcher) bool { return other == w })
	}
}

// publish shows members as the newest snapshot and tells the watchers, unless nothing changed.
func (b *board) publish(members []Member) {
	old := b.snapshot()
	next := newSnapshot(old.Version+1, members)
	if slices.Equal(old.all, next.all) {
		return
	}
	b.current.Store(next)

	b.mu.Lock()
	watchers := b.watchers
	b.mu.Unlock()
	for _, w := range watchers {
		if !w.stopped.Load() {
			w.fn(old, next)
		}
	}
}
