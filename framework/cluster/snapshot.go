package cluster

import (
	"cmp"
	"slices"
	"strings"

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

// newSnapshot sorts the members, and of those with one node id keeps the newest.
func newSnapshot(version uint64, members []Member) *Snapshot {
	s := &Snapshot{Version: version, byType: map[string][]Member{}}
	var strangers []Member
	newest := make(map[id.Node]Member, len(members))
	for _, m := range members {
		if m.Type == "" || m.Node == 0 {
			strangers = append(strangers, m)
		} else if other, ok := newest[m.Node]; !ok || m.replaces(other) {
			newest[m.Node] = m
		}
	}
	s.all = make([]Member, 0, len(newest)+len(strangers))
	for _, m := range newest {
		s.all = append(s.all, m)
	}
	slices.SortFunc(s.all, func(a, b Member) int { return cmp.Compare(a.Node, b.Node) })
	slices.SortFunc(strangers, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })

	s.nodes = len(s.all)
	for _, m := range s.all {
		for typ := range strings.SplitSeq(m.Type, ",") {
			s.byType[typ] = append(s.byType[typ], m)
		}
	}
	s.all = append(s.all, strangers...)
	return s
}

// replaces reports whether m takes the place of other, which has the same node id: the newer boot does. Equal boots do not happen by
// themselves; the names then decide, so that everybody decides alike.
func (m Member) replaces(other Member) bool {
	return m.Node == other.Node && (m.Boot > other.Boot || m.Boot == other.Boot && m.Name > other.Name)
}
