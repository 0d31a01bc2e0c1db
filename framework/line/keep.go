package line

import (
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/link"
)

// A session's end, and what may come before it:
//
//	attached ── its client, its gate or its line broke ──► kept ── nobody came back within the grace period ──► gone
//	   ▲  └───────────── it left, or was kicked ───────────┼─────────────────────────────────────────────────►──┘
//	   └───────────────── it came back, by any gate ───────┘

// mayReturn reports whether a client whose session ended like that connects again and resumes it.
func mayReturn(code fault.Code) bool {
	switch code {
	case fault.Lost, fault.ShuttingDown, fault.Overloaded, fault.Unavailable, fault.Slow, fault.Deadline:
		return true
	}
	return false
}

// left is told that the line does not have the client any more. The session may be on another one by now.
func (s *Session) left(conn *link.Conn, code fault.Code) {
	s.mu.Lock()
	if s.conn.Load() != conn || s.gone.Load() {
		s.mu.Unlock()
		return
	}
	if s.grace > 0 && mayReturn(code) {
		s.keep(code)
		s.heldLocked() // nothing of the client's comes until it is back
		s.mu.Unlock()
		return
	}
	s.finish(code)
}

// keep takes the session from its line, and waits for its client from now on. It is called with mu.
func (s *Session) keep(code fault.Code) {
	s.unkeep()
	s.conn.Store(nil)
	s.code = code
	s.keepFor(s.grace)
}

// keepFor waits so long for the client. It is called with mu.
func (s *Session) keepFor(d time.Duration) {
	s.stays++
	stay := s.stays
	s.expiry = time.AfterFunc(d, func() { s.expire(stay) })
	s.srv.stats.kept.Add(1)
}

// expire is the end of the grace period of one stay.
func (s *Session) expire(stay int) {
	s.mu.Lock()
	if s.expiry == nil || s.stays != stay {
		s.mu.Unlock()
		return
	}
	s.finish(s.code)
}

// end ends the session, wherever it is.
func (s *Session) end(code fault.Code) {
	s.mu.Lock()
	if s.gone.Load() {
		s.mu.Unlock()
		return
	}
	s.finish(code)
}

// endKept ends the session if no gate has its client, and reports whether that is so.
func (s *Session) endKept(code fault.Code) bool {
	s.mu.Lock()
	if s.conn.Load() != nil {
		s.mu.Unlock()
		return false
	}
	if s.gone.Load() {
		s.mu.Unlock()
		return true
	}
	s.finish(code)
	return true
}

// finish is the end. It is called with mu, which it unlocks, so that those who watch are told without it.
func (s *Session) finish(code fault.Code) {
	s.unkeep()
	s.conn.Store(nil)
	s.gone.Store(true)
	s.code = code
	watchers := s.watchers
	s.watchers = nil
	s.stream.replay.clear()
	s.mu.Unlock()

	s.srv.book.remove(s)
	s.srv.stats.sessions.Add(-1)
	s.tell(watchers, code)
}

func (s *Session) tell(watchers []actor.Ref, code fault.Code) {
	if len(watchers) == 0 {
		return
	}
	gone := &Detached{Session: s, Code: code}
	for _, ref := range watchers {
		s.srv.notify.tell(ref, gone)
	}
}

// unkeep ends the waiting for the client, if that is what the session does. It is called with mu.
func (s *Session) unkeep() {
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
		s.srv.stats.kept.Add(-1)
	}
}

// laterThan reports whether the session is a later connection's than the one with that turn.
func (s *Session) laterThan(turn uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return turn < s.turn
}

// find says how the stream could go on, and keeps it for the connection that asks: the one before has nothing to say any more, and is told nothing. A stream
// that cannot go on, since the client lacks what is not there any more, is over: nobody else will come for it.
func (s *Session) find(f find) (found Found) {
	found = Found{Stream: f.stream, Since: s.since}
	s.in.Lock()
	defer s.in.Unlock()
	s.mu.Lock()
	if s.gone.Load() || s.grace == 0 || s.Player != f.player || s.resets != f.resets || f.turn < s.turn {
		s.mu.Unlock()
		return found
	}
	s.turn = f.turn
	if !s.stream.covers(f.received) {
		s.finish(fault.Lost)
		return found
	}
	s.keep(fault.Lost)
	s.hold.held = false // it is about to come back
	found.Found, found.Received, found.Epoch = true, s.stream.received, s.owner.epoch
	s.mu.Unlock()
	return found
}

// moveTo gives the session to the line of the gate to which its client has come back, or that goes on with it here, and sends there what the client has
// not received. It reports false if that cannot be done: the session is over, or another connection's by now.
func (s *Session) moveTo(conn *link.Conn, r resume) bool {
	s.in.Lock()
	defer s.in.Unlock()
	s.mu.Lock()
	if s.gone.Load() || r.turn < s.turn { // an earlier connection's gate may be read late
		s.mu.Unlock()
		return false
	}
	s.unkeep()
	s.turn = r.turn
	s.conn.Store(conn)
	if s.owner.epoch != 0 {
		s.control("own", func(b []byte) []byte { return appendOwn(b, s.owner) })
	}
	for typ, node := range s.bound {
		s.control("bind", func(b []byte) []byte { return appendBind(b, s.ID, typ, node) })
	}
	if !r.live {
		s.stream.ack(r.received)
	}
	var failed bool
	whole := s.stream.since(r.received, func(head, body []byte) {
		err := conn.Write(func(b []byte) []byte { return appendReplay(b, s.ID, head, body) })
		failed = failed || err != nil && fault.CodeOf(err) != fault.Lost // when the line has broken, the client will come again
	})
	if !whole || failed {
		s.finish(fault.Lost)
		return false
	}
	s.holdAgain()
	s.mu.Unlock()
	s.srv.stats.resumed.Add(1)
	return true
}
