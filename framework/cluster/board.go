package cluster

import (
	"sync"
	"sync/atomic"
)

// board holds the newest snapshot and the watchers.
type board struct {
	current atomic.Pointer[Snapshot]

	mu       sync.Mutex
	watchers []*watcher
}

type watcher struct {
	fn      func(old, new *Snapshot)
	stopped atomic.Bool
}

var emptySnapshot Snapshot

func (b *board) snapshot() *Snapshot {
	if s := b.current.Load(); s != nil {
		return s
	}
	return &emptySnapshot
}

func (b *board) watch(fn func(old, new *Snapshot)) (stop func()) {
	w := &watcher{fn: fn}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers = append(b.watchers, w)
	return func() { w.stopped.Store(true) }
}
