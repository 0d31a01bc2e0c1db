package line

import (
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

// A gateLine is one gate's line, at the backend. Everything but conn and closed belongs to the link's reader.
type gateLine struct {
	srv      *Server
	conn     *link.Conn
	sessions map[attachment]*Session
	now      time.Time // of this batch of frames; zero between batches
	broken   bool      // nothing that comes after what cannot be read means anything
	closed   chan struct{}
}

// An attachment names a Session among those of one gate.
type attachment struct {
	session id.Session
	stream  uint8
}

func newGateLine(srv *Server, conn *link.Conn) *gateLine {
	return &gateLine{srv: srv, conn: conn, sessions: map[attachment]*Session{}, closed: make(chan struct{})}
}

// Frame takes one frame from the gate.
func (l *gateLine) Frame(c *link.Conn, frame []byte) {
	if l.broken {
		return
	}
	if err := l.take(op(frame[0]), frame[1:]); err != nil {
		l.broken = true
		l.srv.log.Error("a gate sent what cannot be read; its line is closed", "gate", c.Peer().Node, "op", frame[0], "bytes", len(frame))
		c.Close(err)
	}
}

// Flush ends a batch.
func (l *gateLine) Flush(*link.Conn) { l.now = time.Time{} }

// Closed keeps the sessions of the gate for a while: their clients will come back by another one. When the server stops, they are gone.
func (l *gateLine) Closed(c *link.Conn, err error) {
	stops := l.srv.remove(l, err)
	for _, s := range l.sessions {
		if stops {
			s.end(fault.ShuttingDown)
		} else {
			s.left(c, fault.Lost)
		}
	}
	clear(l.sessions)
	close(l.closed)
}

func (l *gateLine) take(o op, b []byte) error {
	switch o {
	case opForward:
		p, err := parsePacket(b, true)
		if err != nil {
			return err
		}
		l.forward(p, trace.Ref{})
	case opTraced:
		ref, p, err := parseTraced(b)
		if err != nil {
			return err
		}
		l.forward(p, ref)
	case opAck:
		a, err := parseAck(b)
		if err != nil {
			return err
		}
		if s := l.sessions[attachment{a.session, a.stream}]; s != nil {
			s.ack(a.sequence)
		}
	case opAttach:
		info, err := parseAttach(b)
		if err != nil {
			return err
		}
		l.attach(info)
	case opDetach:
		d, err := parseDetach(b)
		if err != nil {
			return err
		}
		l.detach(attachment{d.session, d.stream}, d.code)
	case opFind:
		f, err := parseFind(b)
		if err != nil {
			return err
		}
		l.find(f)
	case opHeld:
		p, err := parsePlace(b)
		if err != nil {
			return err
		}
		if s := l.sessions[attachment(p)]; s != nil {
			s.gateHolds(l.conn)
		}
	case opResume:
		r, err := parseResume(b)
		if err != nil {
			return err
		}
		l.resume(r)
	default:
		return errFrame
	}
	return nil
}

// attach opens a session. A gate that attaches one again has lost track of the old one.
func (l *gateLine) attach(info SessionInfo) {
	s := newSession(l.srv, l.conn, info)
	old, ok := l.srv.book.put(s)
	if !ok {
		return // a later connection has the session by now
	}
	l.sessions[s.key()] = s
	l.srv.stats.sessions.Add(1)
	if old != nil {
		old.end(fault.Replaced)
	}
}

func (l *gateLine) detach(key attachment, code fault.Code) {
	s := l.sessions[key]
	if s == nil {
		return
	}
	delete(l.sessions, key)
	s.left(l.conn, code)
}

// find answers a gate that looks for the session of a client who has come back.
func (l *gateLine) find(f find) {
	found := Found{Stream: f.stream}
	if s := l.srv.book.get(attachment{f.session, f.stream}); s != nil {
		found = s.find(f)
	}
	// If that cannot be sent, the gate's waiting ends by itself.
	_ = l.conn.Write(func(b []byte) []byte { return appendFound(b, f.session, found) })
}

// resume takes the session over from the line that has, or had, it.
func (l *gateLine) resume(r resume) {
	key := attachment{r.session, r.stream}
	if s := l.srv.book.get(key); s != nil && s.moveTo(l.conn, r) {
		l.sessions[key] = s
		return
	}
	_ = l.conn.Write(func(b []byte) []byte { return appendUnbind(b, r.session, r.typ) })
}

// forward takes one message of a client to its handler.
func (l *gateLine) forward(p packet, ref trace.Ref) {
	s := l.sessions[attachment{p.session, p.head.Stream}]
	if s == nil {
		l.stray(p)
		return
	}
	s.in.Lock()
	defer s.in.Unlock()
	if s.conn.Load() != l.conn {
		l.stray(p) // it has moved to another line, or is gone
		return
	}
	if !s.stream.accept(p.head.Sequence) {
		l.srv.stats.repeated.Add(1)
		return
	}
	l.srv.stats.in.Add(1)
	if err := l.dispatch(s, p, ref); err != nil {
		l.refused(s, p.head, err)
	}
}

func (l *gateLine) dispatch(s *Session, p packet, ref trace.Ref) error {
	rt := l.srv.route(p.head.Message)
	switch {
	case rt == nil:
		return errUnhandled
	case rt.msg.To != s.typ:
		return errElsewhere
	case rt.reply == nil && p.head.Kind == wire.Request:
		return errNoReply
	}
	m := rt.fresh()
	if err := wire.Unmarshal(p.body, m); err != nil {
		return err
	}
	span := trace.Continue(l.srv.cfg.Tracer, ref, trace.Server, rt.msg.Name)
	err := l.deliver(s, rt, m, p.head, span)
	if err != nil {
		span.End(err)
	}
	return err
}

func (l *gateLine) deliver(s *Session, rt *route, m proto.Message, h wire.Header, span trace.Span) error {
	if h.Kind == wire.Send {
		if span.IsZero() {
			return rt.deliver(s, m, (*sender)(s), time.Time{})
		}
		return rt.deliver(s, m, &tracedSender{s, span}, time.Time{})
	}
	if l.now.IsZero() {
		l.now = time.Now()
	}
	s.calls.Add(1)
	err := rt.deliver(s, m, &request{session: s, route: rt, call: h.Call, span: span}, l.now.Add(l.srv.cfg.RequestTimeout))
	if err != nil {
		s.calls.Add(-1)
	}
	return err
}

// refused tells the client about a request that no handler got, and only the log about anything else.
func (l *gateLine) refused(s *Session, h wire.Header, err error) {
	l.srv.stats.refused.Add(1)
	if h.Kind == wire.Request {
		s.answer(h.Call, err)
	}
	l.srv.warn.log(l.srv.log, "a client's message was not handled", "kind", h.Kind, "message", l.srv.name(h.Message),
		"session", s.ID, "player", s.Player, "error", err)
}

// stray answers a request of a session that is not attached: its gate and this end disagree for a moment, as when a session was kicked.
func (l *gateLine) stray(p packet) {
	l.srv.stats.refused.Add(1)
	if p.head.Kind != wire.Request {
		return
	}
	buf := getBuffer()
	defer buf.put()
	if buf.marshal(wire.ErrorBody(errNotAttached), l.srv.cfg.MaxBody) != nil {
		return
	}
	h := wire.Header{Kind: wire.Error, Stream: p.head.Stream, Call: p.head.Call}
	_ = l.conn.Write(func(b []byte) []byte { return appendPacket(b, opDeliver, p.session, h, buf.b) })
}

var (
	errNotAttached = fault.New(fault.Unavailable, "the session is not attached here")
	errUnhandled   = fault.New(fault.Unimplemented, "no handler for this message")
	errElsewhere   = fault.New(fault.Forbidden, "this message goes to another type of node")
	errNoReply     = fault.New(fault.Invalid, "this message has no reply; it is sent, not requested")
)
