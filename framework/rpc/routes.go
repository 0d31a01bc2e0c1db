package rpc

import (
	"math/rand/v2"
	"slices"
	"strings"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// routes is a snapshot of membership as calls need it. It never changes.
type routes struct {
	snapshot *cluster.Snapshot
	byType   map[string]*group
	byNode   map[id.Node]*peer
}

// A group is the nodes of one type that this node may call, by id.
type group struct {
	ready    []*peer
	draining []*peer
}

// A foundGroup is what looking up a group in routes came to.
type foundGroup struct {
	in    *routes
	group *group
}

// groupOf is the nodes that serve the method; nil when there are none.
func (r *RPC) groupOf(rt *routes, m *method, stats *methodStats) *group {
	found := stats.group.Load()
	if found == nil || found.in != rt {
		found = &foundGroup{in: rt, group: rt.byType[m.typ]}
		stats.group.Store(found)
	}
	return found.group
}

// serving is the ready nodes, or the draining ones when there are no others.
func (g *group) serving() []*peer {
	if g == nil {
		return nil
	}
	if len(g.ready) > 0 {
		return g.ready
	}
	return g.draining
}

// current is the routes of membership now.
func (r *RPC) current() *routes {
	snapshot := r.cfg.View.Snapshot()
	if rt := r.routes.Load(); rt != nil && rt.snapshot == snapshot {
		return rt
	}
	return r.route(snapshot)
}

// route makes routes of a snapshot, and closes the links to nodes that are no longer in it: their calls end at once.
func (r *RPC) route(snapshot *cluster.Snapshot) *routes {
	rt, dropped := r.reroute(snapshot)
	for _, p := range dropped {
		p.drop()
	}
	return rt
}

func (r *RPC) reroute(snapshot *cluster.Snapshot) (rt *routes, dropped []*peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rt := r.routes.Load(); rt != nil && rt.snapshot.Version >= snapshot.Version {
		return rt, nil // made meanwhile, or of somebody who read an older one
	}
	rt = &routes{snapshot: snapshot, byType: map[string]*group{}, byNode: map[id.Node]*peer{}}
	kept := map[life]*peer{}
	for _, m := range snapshot.All() {
		p := r.peerOf(m, kept)
		if p == nil {
			continue
		}
		rt.byNode[m.Node] = p
		if r.cfg.Area != 0 && m.Area != 0 && m.Area != r.cfg.Area {
			continue
		}
		for typ := range strings.SplitSeq(m.Type, ",") {
			g := rt.byType[typ]
			if g == nil {
				g = &group{}
				rt.byType[typ] = g
			}
			switch m.State {
			case cluster.Ready:
				g.ready = append(g.ready, p)
			case cluster.Draining:
				g.draining = append(g.draining, p)
			}
		}
	}
	for l, p := range r.peers {
		if kept[l] == nil {
			dropped = append(dropped, p)
		}
	}
	if !r.stopped {
		r.peers = kept
	}
	r.routes.Store(rt)
	return rt, dropped
}

// peerOf is the peer for a member, the one there was if it is the same life; nil for members that serve no calls. With the lock held.
func (r *RPC) peerOf(m cluster.Member, kept map[life]*peer) *peer {
	if m.Node == 0 {
		return nil
	}
	if m.Node == r.cfg.Self.Node && m.Boot == r.cfg.Self.Boot {
		return r.own
	}
	if m.Addr == "" {
		return nil
	}
	l := life{m.Node, m.Boot, m.Addr}
	p := r.peers[l]
	if p == nil {
		p = newPeer(r, m)
	}
	kept[l] = p
	return p
}

func (r *RPC) everyone(m *method) ([]*peer, error) {
	if r.invalid != nil {
		return nil, r.invalid
	}
	peers := r.current().byType[m.typ].serving()
	if len(peers) == 0 {
		return nil, noNode(m.typ)
	}
	return peers, nil
}

func noNode(typ string) error {
	return fault.Errorf(fault.Unavailable, "no node of type %s is ready", typ)
}

// maxTries is how often a call is tried, if it may be tried again.
const maxTries = 3

// tries is the peers that a call was tried on in vain.
type tries struct {
	peers [maxTries]*peer
	n     int
}

func (t *tries) add(p *peer) { t.peers[t.n] = p; t.n++ }

func (t *tries) has(p *peer) bool { return slices.Contains(t.peers[:t.n], p) }

// pickAny takes the less busy of two random peers (Mitzenmacher, "The Power of Two Choices", 1996), leaving out those that were tried or are out of reach while there are
// others.
func pickAny(peers []*peer, tried *tries) *peer {
	switch n := len(peers); n {
	case 0:
		return nil
	case 1:
		return peers[0]
	default:
		i := rand.IntN(n)
		j := rand.IntN(n - 1)
		if j >= i {
			j++
		}
		a, b := peers[i], peers[j]
		badA, badB := a.down() || tried.has(a), b.down() || tried.has(b)
		switch {
		case !badA && !badB:
			if b.busy() < a.busy() {
				return b
			}
			return a
		case !badA:
			return a
		case !badB:
			return b
		}
		for k := range n { // neither is good: any that is
			if p := peers[(i+k)%n]; !p.down() && !tried.has(p) {
				return p
			}
		}
		for k := range n {
			if p := peers[(i+k)%n]; !tried.has(p) {
				return p
			}
		}
		return a
	}
}

// pickKey takes the peer that suits the key best, leaving out those that were tried or are out of reach while there are others.
func pickKey(peers []*peer, key uint64, tried *tries) *peer {
	var best *peer
	var bestRank uint64
	var bestGood bool
	for _, p := range peers {
		good, rank := !p.down() && !tried.has(p), rank(key, p.Node)
		if best == nil || good && !bestGood || good == bestGood && rank > bestRank {
			best, bestRank, bestGood = p, rank, good
		}
	}
	return best
}
