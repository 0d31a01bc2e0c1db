package cluster

import "loumiao/framework/id"

// A Static is a [View] that changes only when told to: membership for tests of whatever reads it. It is safe for concurrent use.
type Static struct{ board board }

// NewStatic is a view of the members.
func NewStatic(members ...Member) *Static { s := &Static{}; s.Set(members...); return s }

// Snapshot is the membership now.
func (s *Static) Snapshot() *Snapshot { return s.board.snapshot() }

// Watch is as in [View]. Watchers run inside Set and Remove, and must not call either.
func (s *Static) Watch(fn func(old, new *Snapshot)) (stop func()) { return s.board.watch(fn) }

// Set adds the members, each in place of what has its node id.
func (s *Static) Set(members ...Member) {}

// Remove takes a node out.
func (s *Static) Remove(n id.Node) {}
