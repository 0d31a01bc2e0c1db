package line

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/wire"
)

// Multicast sends m to the sessions, encoded once, and in one frame for each gate however many of them are there. Sessions that are
// gone are passed over. A message declared reliable is numbered for each session, so it takes a frame for each.
//
// The error is the first that a gate or a session had; the others still got the message.
func (s *Server) Multicast(sessions []*Session, m proto.Message) error {
	msg, err := s.outgoing(m)
	if err != nil {
		return err
	}
	buf := getBuffer()
	defer buf.put()
	if err := buf.marshal(m, s.cfg.MaxBody); err != nil {
		return err
	}
	if msg.Droppable() {
		return s.toGates(sessions, msg, buf.b)
	}
	var first error
	for _, session := range sessions {
		h := wire.Header{Kind: wire.Push, Stream: session.number, Message: msg.ID}
		if err := session.sendNumbered(h, buf.b); err != nil && err != ErrDetached && first == nil {
			first = err
		}
	}
	return first
}

// Broadcast sends m to every session of every gate that has a line here, whether attached here or not. m must be declared droppable:
// what many get alike cannot be numbered for each.
//
// The error is the first that a gate had; the others still got the message.
func (s *Server) Broadcast(m proto.Message) error {
	msg, err := s.outgoing(m)
	if err != nil {
		return err
	}
	if !msg.Droppable() {
		return fault.Errorf(fault.Invalid, "%s is broadcast and so must be declared DROPPABLE", msg.Name)
	}
	buf := getBuffer()
	defer buf.put()
	if err := buf.marshal(m, s.cfg.MaxBody); err != nil {
		return err
	}
	h := wire.Header{Kind: wire.Push, Message: msg.ID}
	var first error
	for _, l := range *s.lines.Load() {
		if err := s.count(l.conn.Write(func(b []byte) []byte { return appendBroadcast(b, h, buf.b) })); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// A group is the receivers of one frame: sessions of one gate that know this backend by one number.
type group struct {
	conn   *link.Conn
	stream uint8
	ids    []id.Session
}

// groups is kept for reuse: a zone makes one each tick for each room.
type groups struct{ list []group }

var groupsPool = sync.Pool{New: func() any { return new(groups) }}

// toGates sends a frame for each gate.
func (s *Server) toGates(sessions []*Session, msg *wire.Message, body []byte) error {
	g := groupsPool.Get().(*groups)
	defer g.put()
	for _, session := range sessions {
		if conn := session.conn.Load(); conn != nil {
			g.add(conn, session)
		}
	}
	var first error
	for i := range g.list {
		to := &g.list[i]
		h := wire.Header{Kind: wire.Push, Stream: to.stream, Message: msg.ID}
		for ids := to.ids; len(ids) > 0; {
			n := min(len(ids), maxTargets)
			part := ids[:n]
			if err := s.count(to.conn.Write(func(b []byte) []byte { return appendMulticast(b, h, part, body) })); err != nil && first == nil {
				first = err
			}
			ids = ids[n:]
		}
	}
	return first
}

func (g *groups) add(conn *link.Conn, session *Session) {
	for i := range g.list {
		if to := &g.list[i]; to.conn == conn && to.stream == session.number {
			to.ids = append(to.ids, session.ID)
			return
		}
	}
	if n := len(g.list); n < cap(g.list) {
		g.list = g.list[:n+1] // with the ids' memory of an earlier use
	} else {
		g.list = append(g.list, group{})
	}
	to := &g.list[len(g.list)-1]
	to.conn, to.stream, to.ids = conn, session.number, append(to.ids[:0], session.ID)
}

func (g *groups) put() {
	for i := range g.list {
		g.list[i].conn = nil
	}
	g.list = g.list[:0]
	groupsPool.Put(g)
}

// count counts a frame to a gate. A broken line is no error of a message to many: its sessions are gone.
func (s *Server) count(err error) error {
	if err == nil {
		s.stats.out.Add(1)
		return nil
	}
	s.stats.lost.Add(1)
	if fault.CodeOf(err) == fault.Lost {
		return nil
	}
	return err
}
