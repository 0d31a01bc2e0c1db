package line

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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

// A Session is one client's session at this backend, from when a gate attaches it until it is gone: its client has left, plays elsewhere, or has lost
// its connection or its gate and not come back in time. Meanwhile it is kept: what is pushed waits for the client, who resumes it from any gate. It is
// safe for concurrent use. The exported fields never change.
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
	// Address is the client's own when it was attached. The zero value: not known.
	Address netip.Addr
	// Way is how the client has shown who it is, in the game's words. Empty: not known.
	Way string

	srv    *Server
	typ    string
	number uint8         // the stream's, on the wire
	resets uint32        // which of the session's streams with that number
	grace  time.Duration // how long it is kept without a gate
	since  time.Time     // when it was attached

	conn atomic.Pointer[link.Conn] // the line of the gate that has the client, nil while none has; set with mu held
	gone atomic.Bool               // for good; set with mu held

	calls atomic.Int32 // requests of the client that are not answered

	in sync.Mutex // held while a message is taken in: guards stream.received, and keeps the messages of two lines apart; taken before mu

	mu       sync.Mutex // guards what follows and the rest of stream; held while a number is given out, so that numbers leave in order
	stream   stream
	turn     uint64             // of the last connection that asked for it
	bound    map[string]id.Node // what Bind has said, for the next gate
	owner    own                // what Own has said, likewise
	hold     hold               // on its way to another node
	expiry   *time.Timer        // while no gate has the client
	stays    int                // how often that was so
	code     fault.Code         // why it has none, or is gone
	watchers []actor.Ref
}

// newSession is a session that a gate has just attached.
func newSession(srv *Server, conn *link.Conn, info SessionInfo) *Session {
	s := &Session{
		ID: info.ID, Player: info.Player, Account: info.Account, Area: info.Area, Address: info.Address, Way: info.Way,
		srv: srv, typ: info.Type, number: info.Stream, resets: info.Resets, turn: info.Turn, grace: info.Grace, since: time.Now(),
	}
	s.conn.Store(conn)
	return s
}

// key is what gates know the session by.
func (s *Session) key() attachment { return attachment{s.ID, s.number} }

// Detached is told, as *Detached, to the actors that watch a session when it is gone. Handle it with [actor.HandleTell].
type Detached struct {
	// Session is the session that is gone. Comparing it tells an old session of a player from his new one.
	Session *Session
	// Code is why: [fault.OK] when the client left or was bound elsewhere, [fault.Lost] when its connection or its gate broke and it has not come
	// back in time, [fault.Replaced] and others when the session was kicked.
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
// pushed later, so a client that is told to go there reaches it; if the gate has no line to the node yet, as soon as it has one: what the client
// sends waits for that a few seconds. It does nothing for a session that is gone.
func (s *Session) Bind(typ string, node id.Node) {
	if typ == "" || len(typ) > maxType || node == 0 {
		s.srv.log.Error("bind refused: it needs a type and a node", "session", s.ID, "type", typ, "node", node)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound == nil {
		s.bound = map[string]id.Node{}
	}
	s.bound[typ] = node
	s.control("bind", func(b []byte) []byte { return appendBind(b, s.ID, typ, node) })
}

// Unbind takes a binding back: the next message of the client to that type finds no node, or has the gate choose one, as it is declared.
func (s *Session) Unbind(typ string) {
	if typ == "" || len(typ) > maxType {
		s.srv.log.Error("unbind refused: it needs a type", "session", s.ID, "type", typ)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bound, typ)
	s.control("unbind", func(b []byte) []byte { return appendUnbind(b, s.ID, typ) })
}

// Own says under which epoch this node serves the session's stream: that of its player, say. Whatever this Session sends from now on, to the
// client or to have it bound, unbound or kicked, is refused by a gate that has seen a newer epoch of the stream; the session then ends here, with
// [fault.Fenced], and the client opens the stream again. A gate that is new to the session is told again.
//
// owned names what it is an epoch of, if not of this one stream: a singleton, whose newest epoch a gate knows for all its sessions. It has at most 64 bytes.
func (s *Session) Own(epoch uint64, owned string) {
	if epoch == 0 || len(owned) > maxType {
		s.srv.log.Error("own refused: it needs an epoch, and a name that is not too long", "session", s.ID, "epoch", epoch, "owned", owned)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner = own{s.ID, s.number, epoch, owned}
	s.control("own", func(b []byte) []byte { return appendOwn(b, s.owner) })
}

// Kick ends the client's session, after what was pushed before. The client is told code and reason (at most 512 bytes), which it may
// show. The session stays attached until its gate says that it is gone; one that no gate has is gone at once.
func (s *Session) Kick(code fault.Code, reason string) {
	if s.endKept(code) {
		return
	}
	s.control("kick", func(b []byte) []byte { return appendKick(b, s.ID, code, reason) })
}

// Watch has the actor told *[Detached] when the session is gone; at once if it is already. It is told even if its mailbox is full at
// the time: then as soon as there is room. Watching twice is watching once.
func (s *Session) Watch(ref actor.Ref) {
	s.mu.Lock()
	if !s.gone.Load() {
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

// Gone reports whether the session is gone for good.
func (s *Session) Gone() bool { return s.gone.Load() }

// control sends a frame that has no number. What cannot be sent is lost with the line, or is a line so full that its gate does not read.
func (s *Session) control(what string, fill func([]byte) []byte) {
	conn := s.conn.Load()
	if conn == nil {
		return
	}
	if err := conn.Write(fill); err != nil {
		s.srv.stats.lost.Add(1)
		s.srv.warn.log(s.srv.log, "control frame not sent", "frame", what, "session", s.ID, "gate", conn.Peer().Node, "error", err)
	}
}

// send sends a frame that may be lost.
func (s *Session) send(h wire.Header, body []byte) error {
	conn := s.conn.Load()
	if conn == nil {
		if s.Gone() {
			return ErrDetached
		}
		return nil // nobody is there to read it, and it may be lost
	}
	return s.sent(conn.Write(func(b []byte) []byte { return appendPacket(b, opDeliver, s.ID, h, body) }))
}

// sendNumbered sends a frame that the client must not miss: if it is not there, it gets the frame when it comes back.
func (s *Session) sendNumbered(h wire.Header, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone.Load() {
		return ErrDetached
	}
	h.Sequence = s.stream.sent + 1
	var err error
	if conn := s.conn.Load(); conn != nil {
		err = conn.Write(func(b []byte) []byte { return appendPacket(b, opDeliver, s.ID, h, body) })
		if s.grace > 0 && fault.CodeOf(err) == fault.Lost {
			err = nil // the line has just broken
		}
	}
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
		s.srv.warn.log(s.srv.log, "answer not sent", "session", s.ID, "error", err)
	}
}

func (s *Session) ack(sequence uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream.ack(sequence)
}

func stopped(ref actor.Ref) bool {
	select {
	case <-ref.Done():
		return true
	default:
		return false
	}
}
