package cluster

import (
	"cmp"
	"slices"

	"loumiao/framework/id"
)

// A View is what readers of membership need: [Cluster] is one, [Static] is one for tests.
type View interface {
	// Snapshot is the membership now. Never nil.
	Snapshot() *Snapshot
	// Watch calls fn after each change, with the snapshots before and after it, in order, one call at a time. fn must not block:
	// it holds up the other watchers, though never gossip itself. There is no first call for what is there already, so start with
	//
	//	stop := view.Watch(func(_, s *Snapshot) { reconcile(s) })
	//	reconcile(view.Snapshot())
	//
	// After stop no further call begins; one that runs at that moment may still be running.
	Watch(fn func(old, new *Snapshot)) (stop func())
}

// A Snapshot is the membership at one moment: nodes that are alive, at most one for each node id. It never changes; the slices that it
// returns are shared and must not be modified. The zero Snapshot is an empty cluster.
type Snapshot struct {
	// Version counts the snapshots of one view, from 1.
	Version uint64

	all    []Member // nodes by id, then members that are not nodes by name
	nodes  int      // how many of all are nodes
	byType map[string][]Member
}

// All is every member, sorted by node id; members that are not our nodes come last.
func (s *Snapshot) All() []Member { return s.all }

// ByType is the nodes of the type, in any state, sorted by node id.
func (s *Snapshot) ByType(typ string) []Member { return s.byType[typ] }

// Node is the node with the id, and whether it is there.
func (s *Snapshot) Node(n id.Node) (Member, bool) {
	i, ok := slices.BinarySearchFunc(s.all[:s.nodes], n, func(m Member, n id.Node) int { return cmp.Compare(m.Node, n) })
	if !ok {
		return Member{}, false
	}
	return s.all[i], true
}
