package gate

import (
	"strings"
	"sync"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/wire"
)

// downstream is the gate as its lines see it: what backends say to clients. A node is heard only about sessions that are attached to it. The
// methods are called by the lines' readers, and so never wait.
type downstream struct{ gate *Gate }

// Deliver takes a frame to one client.
func (d downstream) Deliver(from link.Peer, sid id.Session, h wire.Header, body []byte) {
	t := translation{gate: d.gate, h: h, body: body}
	d.deliver(from, sid, h, &t)
	t.release()
}

// Multicast takes a frame to many.
func (d downstream) Multicast(from link.Peer, sessions []id.Session, h wire.Header, body []byte) {
	t := &translation{gate: d.gate, h: h, body: body}
	defer t.release()
	for _, sid := range sessions {
		d.deliver(from, sid, h, t)
	}
}

// Broadcast takes a frame to every client. It is of the stream by which clients know the sender's type; of 0 if they know none.
func (d downstream) Broadcast(from link.Peer, h wire.Header, body []byte) {
	for typ := range strings.SplitSeq(from.Type, ",") {
		if route, ok := d.gate.routeByType[typ]; ok {
			h.Stream = d.gate.cfg.Routes[route].Stream
			break
		}
	}
	t := &translation{gate: d.gate, h: h, body: body}
	defer t.release()
	d.gate.table.each(nil, func(s *session) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.phase == open {
			d.queue(s, h, t)
		}
	})
}

func (d downstream) deliver(from link.Peer, sid id.Session, h wire.Header, t *translation) {
	s := d.gate.table.get(sid)
	if s == nil {
		d.gate.stats.stray.Add(1)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stream(h.Stream)
	if s.phase != open || st == nil || st.node != from.Node {
		d.gate.stats.stray.Add(1)
		return
	}
	st.used = true
	d.queue(s, h, t)
}

// queue appends the frame to the session's queue, and the session to those that the next Flush is for. It is called with the session's lock.
func (d downstream) queue(s *session, h wire.Header, t *translation) {
	body, ok := t.body, true
	if s.json {
		body, ok = t.json()
		if !ok {
			return
		}
	}
	d.gate.stats.framesOut.Add(1)
	h.Flags = 0
	if s.packs && len(body) >= d.gate.cfg.CompressFrom && h.Kind.Carries() {
		if packed, ok := t.packed(s.json, body); ok {
			h.Flags, body = wire.Compressed, packed
		}
	}
	s.queueFrame(h, body, h.Kind == wire.Push && h.Sequence == 0)
	if !s.dirty {
		s.dirty = true
		d.gate.dirty.add(s)
	}
}

// Bind has the session's messages to a type of node go to the given node from now on.
func (d downstream) Bind(from link.Peer, sid id.Session, typ string, node id.Node) {
	d.rebind(from, sid, typ, func(s *session, route int) {
		before := id.Node(0)
		if s.streams != nil {
			before = s.streams[route].node
		}
		if before == node {
			return
		}
		if before != 0 {
			s.detach(route, fault.OK)
			s.reset(route, "the session moves to another node")
		}
		s.bind(route, node)
	})
}

// Unbind undoes a binding.
func (d downstream) Unbind(from link.Peer, sid id.Session, typ string) {
	d.rebind(from, sid, typ, func(s *session, route int) {
		if s.streams[route].node == 0 {
			return
		}
		s.detach(route, fault.OK)
		s.reset(route, "the session is not bound any more")
	})
}

func (d downstream) rebind(from link.Peer, sid id.Session, typ string, change func(s *session, route int)) {
	route, known := d.gate.routeByType[typ]
	s := d.gate.table.get(sid)
	if !known || s == nil {
		d.gate.stats.stray.Add(1)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != open || !s.attachedTo(from.Node) {
		d.gate.stats.stray.Add(1)
		return
	}
	change(s, route)
	if !s.dirty {
		s.dirty = true
		d.gate.dirty.add(s)
	}
}

// Kick ends a session.
func (d downstream) Kick(from link.Peer, sid id.Session, code fault.Code, reason string) {
	s := d.gate.table.get(sid)
	if s == nil {
		return
	}
	s.mu.Lock()
	attached := s.attachedTo(from.Node)
	s.mu.Unlock()
	if attached {
		s.kick(code, reason)
	}
}

// Found is a backend's answer to a search.
func (d downstream) Found(from link.Peer, sid id.Session, f line.Found) {
	s := d.gate.table.get(sid)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if route := d.gate.routeOf[f.Stream]; route >= 0 && s.search != nil {
		s.search.answer(from.Node, route, f)
	}
}

// Lost tells every session that leads to the node that its stream starts over, if its client has noticed that it led there.
func (d downstream) Lost(peer link.Peer, err error) {
	g := d.gate
	affected := 0
	g.table.each(nil, func(s *session) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.search != nil {
			s.search.lost(peer.Node)
		}
		hit := false
		for route := range s.streams {
			st := &s.streams[route]
			if st.node != peer.Node || st.waitsForLine() {
				continue
			}
			st.node, st.held = 0, nil
			g.loads.add(peer.Node, -1)
			if !st.used && g.cfg.Routes[route].Pick == PickNone {
				s.bind(route, peer.Node) // the client knows of the binding and has nothing there yet: a Reset would tell it nothing
				continue
			}
			s.reset(route, "the node is gone")
			hit = true
		}
		if hit {
			affected++
			s.flushLocked()
		}
	})
	if affected > 0 {
		g.log.Warn("backend lost", "node", peer.Node, "boot", peer.Boot, "sessions", affected, "error", err)
	}
}

// Flush writes to every client that was queued something.
func (d downstream) Flush() {
	list := d.gate.dirty.take()
	for _, s := range list {
		s.mu.Lock()
		s.dirty = false
		s.flushLocked()
		s.mu.Unlock()
	}
	d.gate.dirty.giveBack(list)
}

// A translation is a frame's body in all forms that clients have agreed on; each is made when the first session needs it.
type translation struct {
	gate *Gate
	h    wire.Header
	body []byte
	text []byte
	done bool
	pack [2]packing // of the body and of the text
}

// packed is the compressed form of a body, which is this translation's body or text; false if it would not be shorter.
func (t *translation) packed(json bool, body []byte) ([]byte, bool) {
	if json {
		return t.pack[1].of(t.gate, body)
	}
	return t.pack[0].of(t.gate, body)
}

// release gives back memory, when every session has what it needs.
func (t *translation) release() {
	t.pack[0].release()
	t.pack[1].release()
}

func (t *translation) json() ([]byte, bool) {
	if !t.done {
		t.done = true
		text, err := t.gate.toJSON(t.h, t.body)
		if err != nil {
			t.gate.log.Error("message not translated to JSON", "message", t.h.Message, "error", err)
		}
		t.text = text
	}
	return t.text, t.text != nil
}

// A dirtyList is the sessions that wait for the next Flush. Several lines share it, so a flush may take along what another line has queued.
type dirtyList struct {
	mu    sync.Mutex
	list  []*session
	spare []*session
}

func (l *dirtyList) add(s *session) {
	l.mu.Lock()
	l.list = append(l.list, s)
	l.mu.Unlock()
}

func (l *dirtyList) take() []*session {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list, l.spare = l.spare, nil
	return list
}

func (l *dirtyList) giveBack(list []*session) {
	clear(list)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spare == nil {
		l.spare = list[:0]
	}
}
