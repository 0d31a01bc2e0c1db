package line

import (
	"slices"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
)

// A stream that moves to another node, while its client notices nothing:
//
//	node A                          gate                            node B
//	Hold ─────────────────────────► the client's messages wait
//	       ◄──────────────── Held ─ behind those that have gone before
//	Export: numbers, what is not acknowledged ───── the game's RPC ──► Adopt
//	Handover.Move ────────────────► Resume ─────────────────────────► goes on after A's last number
//	                                what has waited ────────────────► is taken, in order
//
// If anything breaks in between, the stream starts over, and the client is told.

// Held is told, as *Held, to the actor that asked with [Session.Hold]: it has been given everything that the client has sent and that has come
// to this node, and no more comes.
type Held struct{ Session *Session }

// A hold is who waits for Held, and whether it was told.
type hold struct {
	to   actor.Ref // the zero Ref: nobody
	held bool
}

// ErrNotHeld says that the client's messages are not held, or not any more since it has come back by another gate: Held is told again.
var ErrNotHeld error = fault.New(fault.FailedPrecondition, "line: the session's messages are not held")

// ErrUnanswered says that requests of the client are not answered yet: it is worth another attempt when they are.
var ErrUnanswered error = fault.New(fault.FailedPrecondition, "line: requests of the session are not answered yet")

// Hold has the gate keep what the client sends on this stream from now on, until [Handover.Move] or the end of the stream. The actor, which must
// be the one that handles all of the stream's messages, is told *[Held] behind the last of them. It may be told again, when the client has come back by
// another gate in between; and never, when the session is gone, so watch it.
func (s *Session) Hold(ref actor.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone.Load() {
		return
	}
	s.hold = hold{to: ref}
	if s.conn.Load() == nil {
		s.heldLocked()
		return
	}
	s.control("hold", s.appendHold)
}

func (s *Session) appendHold(b []byte) []byte {
	return appendPlace(b, opHold, place{s.ID, s.number})
}

// gateHolds is told when the gate of that line holds the client's messages.
func (s *Session) gateHolds(conn *link.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Load() == conn {
		s.heldLocked()
	}
}

// heldLocked tells who has asked for it that the client's messages wait elsewhere. It is called with mu.
func (s *Session) heldLocked() {
	if s.hold.to != (actor.Ref{}) && !s.gone.Load() {
		s.hold.held = true
		s.srv.notify.tell(s.hold.to, &Held{Session: s})
	}
}

// holdAgain asks the gate that has the client now. It is called with mu.
func (s *Session) holdAgain() {
	if s.hold.to != (actor.Ref{}) {
		s.hold.held = false
		s.control("hold", s.appendHold)
	}
}

// A Handover is a stream that has left its session and is still nobody else's. It ends with Move or Abandon.
type Handover struct {
	// State is the stream, for [Server.Adopt].
	State []byte

	session *Session
	conn    *link.Conn // of the gate that has the client; nil: none has
	sent    uint32
}

// Export ends the session here, without telling anybody, and returns what another node needs to go on with it. It is for the actor that was told
// [Held]. It fails, and changes nothing, with [ErrNotHeld], with [ErrUnanswered], or when the session is gone.
func (s *Session) Export() (*Handover, error) {
	s.in.Lock()
	defer s.in.Unlock()
	s.mu.Lock()
	switch {
	case s.gone.Load():
		s.mu.Unlock()
		return nil, ErrDetached
	case !s.hold.held:
		s.mu.Unlock()
		return nil, ErrNotHeld
	case s.calls.Load() > 0:
		s.mu.Unlock()
		return nil, ErrUnanswered
	}
	h := &Handover{State: s.appendState(nil), session: s, conn: s.conn.Load(), sent: s.stream.sent}
	s.watchers = nil
	s.finish(fault.OK)
	return h, nil
}

// Move has the gate go on with the stream at the node that has adopted it.
func (h *Handover) Move(node id.Node) {
	h.write(func(b []byte) []byte {
		return appendMove(b, move{place{h.session.ID, h.session.number}, node, h.sent})
	})
}

// Abandon has the stream start over.
func (h *Handover) Abandon() {
	h.write(func(b []byte) []byte { return appendUnbind(b, h.session.ID, h.session.typ) })
}

// write tells the gate. One that cannot be told has lost this node, and so the client starts over.
func (h *Handover) write(fill func([]byte) []byte) {
	if h.conn == nil {
		return
	}
	if err := h.conn.Write(fill); err != nil {
		h.session.srv.warn.log(h.session.srv.log, "the gate is not told of a handover", "session", h.session.ID, "error", err)
	}
}

// Adopt goes on with a stream that another node has exported. Its client's gate is about to bring it here; until then it is as if the client were
// away. Errors are [fault.Invalid], for a state that cannot be read, and [fault.Unavailable], when this node does not serve the stream, or a later connection has it.
func (s *Server) Adopt(state []byte) (*Session, error) {
	session, err := s.readState(state)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serving || !slices.Contains(s.cfg.Types, session.typ) {
		return nil, fault.New(fault.Unavailable, "this node does not serve the stream")
	}
	session.keepFor(max(session.grace, adoptFor)) // before anybody can find it
	old, ok := s.book.put(session)
	if !ok {
		session.unkeep()
		return nil, fault.New(fault.Unavailable, "the session is another connection's by now")
	}
	s.stats.sessions.Add(1)
	if old != nil {
		old.end(fault.Replaced)
	}
	return session, nil
}
