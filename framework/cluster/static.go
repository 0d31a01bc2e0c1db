package cluster

import (
	"slices"
	"sync"

	"loumiao/framework/id"
)

// A Static is a [View] that changes only when told to: membership for tests of whatever reads it. It is safe for concurrent use.
type Static struct {
	mu    sync.Mutex // held while watchers run, which keeps them in order
	board board
}

// NewStatic is a view of the members.
func NewStatic(members ...Member) *Static {
	s := &Static{}
	s.Set(members...)
	return s
}

// Snapshot is the membership now.
func (s *Static) Snapshot() *Snapshot { return s.board.snapshot() }

// Watch is as in [View]. Watchers run inside Set and Remove, and must not call either.
func (s *Static) Watch(fn func(old, new *Snapshot)) (stop func()) { return s.board.watch(fn) }

// Set adds the members, each in place of what has its node id, whichever boot is newer.
func (s *Static) Set(members ...Member) {
	s.change(func(all []Member) []Member {
		for _, m := range members {
			all = slices.DeleteFunc(all, func(old Member) bool { return m.Node != 0 && old.Node == m.Node })
			all = append(all, m)
		}
		return all
	})
}

// Remove takes a node out.
func (s *Static) Remove(n id.Node) {
	s.change(func(all []Member) []Member {
		return slices.DeleteFunc(all, func(m Member) bool { return m.Node == n })
	})
}

func (s *Static) change(edit func([]Member) []Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.board.publish(edit(slices.Clone(s.Snapshot().All())))
}
