package line

import (
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// ErrDetached says that a session is not attached here any more: its client is gone, or plays elsewhere. Nothing was sent.
var ErrDetached error = fault.New(fault.Unavailable, "the session is gone")

// A Session is one client's session at this backend, from when a gate attaches it until it detaches it or its line breaks. It is safe for
// concurrent use. The exported fields never change.
//
// A client that is attached to two types of node has two Sessions with one ID, also when one process serves both.
type Session struct {
	// ID is the same on every backend and gate.
	ID id.Session
	// Player is whose session it is. 0: it has shown no token.
	Player int64
	// Account is the player's account. 0 as above.
	Account int64
	// Area is the player's area. 0: none.
	Area uint16
	// Gate is where the client is connected.
	Gate link.Peer

	srv    *Server
	typ    string
	number uint8                     // the stream's, on the wire
	conn   atomic.Pointer[link.Conn] // nil once detached; set to nil with mu held

	mu       sync.Mutex // held while a number is given out, so that numbers leave in order
	stream   stream
	code     fault.Code // why it was detached
	watchers []actor.Ref
}

// Detached is told, as *Detached, to the actors that watch a session when it is gone. Handle it with [actor.HandleTell].
type Detached struct {
	// Session is the session that is gone. Comparing it tells an old session of a player from his new one.
	Session *Session
	// Code is why: [fault.OK] when the client left or was bound elsewhere, [fault.Lost] when its connection or its gate broke,
	// [fault.Replaced] and others when the session was kicked.
	Code fault.Code
}

// Push sends m to the client. It is queued behind what was sent to this session before, replies included, and Push does not wait for
// it to arrive. If m is declared reliable, it is numbered, and kept until the client acknowledges it; if droppable, it may be lost
// when the client is slow.
//
// Errors mean that nothing was sent: [ErrDetached], [fault.Overloaded] when the line to the gate is full, [fault.TooLarge], or
// [fault.Internal] for a message that is not declared for clients. Push does not keep m.
func (s *Session) Push(m proto.Message) error {
	msg, err := s.srv.outgoing(m)
	if err != nil {
		return err
	}
	buf := getBuffer()
	defer buf.put()
	if err := buf.marshal(m, s.srv.cfg.MaxBody); err != nil {
		return err
	}
	h := wire.Header{Kind: wire.Push, Stream: s.number, Message: msg.ID}
	if msg.Droppable() {
		return s.send(h, buf.b)
	}
	return s.sendNumbered(h, buf.b)
}

// Bind has the client's messages to nodes of type typ go to the given node from now on. The gate learns of it before anything that is
// pushed later, so a client that is told to go there reaches it. It does nothing for a session that is gone.
func (s *Session) Bind(typ string, node id.Node) {
	if typ == "" || len(typ) > maxType || node == 0 {
		s.srv.log.Error("bind refused: it needs a type and a node", "session", s.ID, "type", typ, "node", node)
		return
	}
	s.control("bind", func(b []byte) []byte { return appendBind(b, s.ID, typ, node) })
}

// Unbind takes a binding back: the next message of the client to that type finds no node, or has the gate choose one, as it is declared.
func (s *Session) Unbind(typ string) {
	if typ == "" || len(typ) > maxType {
		s.srv.log.Error("unbind refused: it needs a type", "session", s.ID, "type", typ)
		return
	}
	s.control("unbind", func(b []byte) []byte { return appendUnbind(b, s.ID, typ) })
}

// Kick ends the client's session, after what was pushed before. The client is told code and reason (at most 512 bytes), which it may
// show. The session stays attached until its gate says that it is gone.
func (s *Session) Kick(code fault.Code, reason string) {
	s.control("kick", func(b []byte) []byte { return appendKick(b, s.ID, code, reason) })
}

// Watch has the actor told *[Detached] when the session is gone; at once if it is already. It is told even if its mailbox is full at
// the time: then as soon as there is room. Watching twice is watching once.
func (s *Session) Watch(ref actor.Ref) {
	s.mu.Lock()
	if s.conn.Load() != nil {
		// A session may outlive many who watched it, such as the rooms of a long evening.
		s.watchers = slices.DeleteFunc(s.watchers, func(w actor.Ref) bool { return w == ref || stopped(w) })
		s.watchers = append(s.watchers, ref)
		s.mu.Unlock()
		return
	}
	code := s.code
	s.mu.Unlock()
	s.srv.notify.tell(ref, &Detached{Session: s, Code: code})
}

// Gone reports whether the session is not attached any more.
func (s *Session) Gone() bool { return s.conn.Load() == nil }

// control sends a frame that has no number. What cannot be sent is lost with the line, or is a line so full that its gate does not read.
func (s *Session) control(what string, fill func([]byte) []byte) {
	conn := s.conn.Load()
	if conn == nil {
		return
	}
	if err := conn.Write(fill); err != nil {
		s.srv.stats.lost.Add(1)
		s.srv.warn.log(s.srv.log, "control frame not sent", "frame", what, "session", s.ID, "gate", s.Gate.Node, "error", err)
	}
}

// send sends a frame that may be lost.
func (s *Session) send(h wire.Header, body []byte) error {
	conn := s.conn.Load()
	if conn == nil {
		return ErrDetached
	}
	return s.sent(conn.Write(func(b []byte) []byte { return appendPacket(b, opDeliver, s.ID, h, body) }))
}

// sendNumbered sends a frame that the client must not miss.
func (s *Session) sendNumbered(h wire.Header, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	conn := s.conn.Load()
	if conn == nil {
		return ErrDetached
	}
	h.Sequence = s.stream.sent + 1
	err := conn.Write(func(b []byte) []byte { return appendPacket(b, opDeliver, s.ID, h, body) })
	if err == nil {
		var head [headSize]byte
		putHead(&head, h)
		s.stream.keep(head[:], body, s.srv.replay)
	}
	return s.sent(err)
}

// sent counts, and says of a broken line what its sessions are about to learn.
func (s *Session) sent(err error) error {
	if err == nil {
		s.srv.stats.out.Add(1)
		return nil
	}
	s.srv.stats.lost.Add(1)
	if fault.CodeOf(err) == fault.Lost {
		return ErrDetached
	}
	return err
}

// answer ends a request with err.
func (s *Session) answer(call uint32, err error) {
	buf := getBuffer()
	defer buf.put()
	if buf.marshal(wire.ErrorBody(err), s.srv.cfg.MaxBody) != nil {
		// Only the text can be at fault: too long, or not UTF-8.
		_ = buf.marshal(&wirepb.Error{Code: uint32(fault.CodeOf(err))}, s.srv.cfg.MaxBody)
	}
	s.unanswered(s.sendNumbered(wire.Header{Kind: wire.Error, Stream: s.number, Call: call}, buf.b))
}

// unanswered notes that an answer could not be sent. The client learns of it when the line breaks or its own deadline passes.
func (s *Session) unanswered(err error) {
	if err != nil && err != ErrDetached {
		s.srv.warn.log(s.srv.log, "answer not sent", "session", s.ID, "gate", s.Gate.Node, "error", err)
	}
}

func (s *Session) ack(sequence uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream.ack(sequence)
}

// detach ends the session and tells who watches it.
func (s *Session) detach(code fault.Code) {
	s.mu.Lock()
	s.conn.Store(nil)
	s.code = code
	watchers := s.watchers
	s.watchers = nil
	s.stream.replay.clear()
	s.mu.Unlock()
	if len(watchers) == 0 {
		return
	}
	gone := &Detached{Session: s, Code: code}
	for _, ref := range watchers {
		s.srv.notify.tell(ref, gone)
	}
}

func stopped(ref actor.Ref) bool {
	select {
	case <-ref.Done():
		return true
	default:
		return false
	}
}
