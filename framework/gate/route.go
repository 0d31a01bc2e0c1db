package gate

import (
	"context"
	"math/rand/v2"
	"sync"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// An entry is a message that clients may send, and where it goes.
type entry struct {
	msg   *wire.Message
	route int // index in Config.Routes; -1: nowhere from here
}

// entry is the client's message with that number; nil for every other.
func (g *Gate) entry(number uint16) *entry {
	if int(number) >= len(g.entries) {
		return nil
	}
	return g.entries[number]
}

// entriesOf lists what clients may send by number. Nothing else can be looked up, so nothing else gets in.
func entriesOf(registry *wire.Registry, routes []Route) []*entry {
	byType := map[string]int{}
	for i, r := range routes {
		byType[r.Type] = i
	}
	var entries []*entry
	for _, m := range registry.Messages() {
		if m.From != wirepb.From_CLIENT {
			continue
		}
		route, ok := byType[m.To]
		if !ok {
			route = -1
		}
		for len(entries) <= int(m.ID) {
			entries = append(entries, nil)
		}
		entries[m.ID] = &entry{msg: m, route: route}
	}
	return entries
}

// pick attaches the session to a node for the route. It is called by the reader, which may wait.
func (s *session) pick(route int) error {
	g := s.gate
	r := g.cfg.Routes[route]
	if r.Pick == PickNone {
		return errUnbound
	}
	candidates := g.candidates(r.Type, s.who.Area)
	if r.Pick == PickOwner && s.who.Player != 0 {
		owner, err := g.owner(s.who.Player)
		if err != nil {
			g.log.Warn("owner not found", "player", s.who.Player, "error", err)
			return fault.Errorf(fault.Unavailable, "it is not known which %s has the player", r.Type)
		}
		if m, ok := g.cfg.View.Snapshot().Node(owner); ok && owner != 0 && m.State.Serves() {
			return s.attachFirst(route, owner)
		}
	}
	for len(candidates) > 0 {
		i := g.choose(candidates)
		err := s.attachFirst(route, candidates[i])
		if fault.CodeOf(err) != fault.Unavailable {
			return err
		}
		candidates = append(candidates[:i], candidates[i+1:]...)
	}
	return fault.Errorf(fault.Unavailable, "no %s is there now", r.Type)
}

// attachFirst attaches the session to the node, unless somebody has bound it meanwhile.
func (s *session) attachFirst(route int, node id.Node) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == ended || s.streams != nil && s.streams[route].node != 0 {
		return nil
	}
	return s.attach(route, node)
}

// candidates are the nodes that take new sessions of an area.
func (g *Gate) candidates(typ string, area uint16) []id.Node {
	members := g.cfg.View.Snapshot().ByType(typ)
	nodes := make([]id.Node, 0, len(members))
	for _, m := range members {
		if m.State == cluster.Ready && (m.Area == 0 || m.Area == area) {
			nodes = append(nodes, m.Node)
		}
	}
	return nodes
}

// choose takes two at random and then the one with fewer of this gate's sessions: nearly as even as the least loaded of all, and no node is overrun by
// every gate at once when it has just come (Mitzenmacher, "The Power of Two Choices").
func (g *Gate) choose(nodes []id.Node) int {
	a := rand.IntN(len(nodes))
	if len(nodes) == 1 {
		return a
	}
	b := rand.IntN(len(nodes) - 1)
	if b >= a {
		b++
	}
	if g.loads.of(nodes[b]) < g.loads.of(nodes[a]) {
		return b
	}
	return a
}

func (g *Gate) owner(player int64) (id.Node, error) {
	ctx, cancel := context.WithTimeout(g.ctx, g.cfg.HandshakeTimeout)
	defer cancel()
	return g.cfg.Owner(ctx, player)
}

// info is what a backend is told of the session. It is called with the lock.
func (s *session) info(route int) line.SessionInfo {
	r := s.gate.cfg.Routes[route]
	info := line.SessionInfo{
		ID: s.id, Stream: r.Stream, Type: r.Type, Player: s.who.Player, Account: s.who.Account, Area: s.who.Area, Turn: s.turn, Resets: s.streams[route].number,
		Way: s.who.Way,
	}
	if s.conn != nil {
		info.Address = hostOf(s.conn.RemoteAddr())
	}
	if s.who.Player != 0 {
		info.Grace = s.gate.cfg.Grace
	}
	return info
}

// loads counts this gate's streams by node.
type loads struct {
	mu     sync.Mutex
	byNode map[id.Node]int
}

func (l *loads) add(node id.Node, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byNode == nil {
		l.byNode = map[id.Node]int{}
	}
	l.byNode[node] += n
	if l.byNode[node] <= 0 {
		delete(l.byNode, node)
	}
}

func (l *loads) of(node id.Node) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byNode[node]
}
