package gate

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/wire"
)

// linger is how long a client that was told that its session is over may take to close its side.
const linger = time.Second

var (
	errEnded = errors.New("gate: the session has ended") // for another reason
	errLeft  = errors.New("gate: the client has left")
)

// A phase is how far a session is. It only goes forward, but for an anonymous session that says Hello again, with a token.
type phase uint8

const (
	waiting phase = iota // for Hello, and its answer
	open
	ended // the client may still be sent its Kick
)

// A session is one client's connection from its acceptance to its end. It is the connection's [Visit] and [Receiver]: one goroutine, the reader,
// takes frames and may wait; lines, timeouts and kicks come from other goroutines and never do.
type session struct {
	gate *Gate
	net  net.Conn
	id   id.Session // a new one, unless the session was resumed: set by the reader, with mu held, before the phase is open
	turn uint64     // of this connection, among those of its player; 0: nobody's. Set like id

	// Set by the reader before the phase is open, and constant from then on.
	who   Identity
	json  bool // set with mu held, too: a Kick may come at any time
	packs bool // messages may be compressed

	lobby lobbyPlace   // guarded by the lobby
	heard atomic.Int64 // when something last came, by the gate's clock

	// The reader's own.
	welcomed bool
	early    uint8 // what the transport has had of its own before that
	slot     bool  // counts as one of the gate's sessions
	claimed  bool  // is the player's session in the registry
	wrote    bool  // has queued something in this batch
	sent     bool  // has forwarded something in this batch
	now      int64 // when this batch came, by the gate's clock; 0: between batches
	excess   excess

	mu      sync.Mutex
	phase   phase
	dirty   bool // waits in the gate's list of sessions to flush
	conn    Conn // nil until the transport's own handshake is done
	streams []stream
	out     outbound
	search  *search // while backends are asked for the session
}

// A stream is what joins a session to one type of node. It belongs to the session's lock.
type stream struct {
	node   id.Node      // 0: to none
	used   bool         // something went over it since it began or was reset
	resets int          // Resets that the client has not acknowledged: until then its numbered frames are stale
	number uint32       // Resets that the client was sent in all, which tells this stream from those before it
	epoch  uint64       // the newest under which a node has served it
	held   *waitingList // what the client has sent since it has to wait; nil: it has not
}

// Serve reads the connection until the session is over.
func (s *session) Serve(c Conn) {
	from := clientOf(c.RemoteAddr())
	within := s.gate.crowd.enter(from)
	s.mu.Lock()
	s.conn = c
	over := s.phase == ended
	s.mu.Unlock()
	switch {
	case over:
	case within:
		s.over(c, c.Receive(s))
	default:
		s.gate.stats.crowded.Add(1)
		s.over(c, errCrowded)
	}
	s.release()
	if within {
		s.gate.crowd.leave(from)
	}
}

// over ends the session for the reason that ended its reading, and sees its last frames off.
func (s *session) over(c Conn, err error) {
	var violation *fault.Error
	switch {
	case errors.Is(err, errEnded):
	case errors.As(err, &violation):
		s.gate.stats.violations.Add(1)
		s.gate.log.Debug("client refused", "session", s.id, "client", c.RemoteAddr(), "code", violation.Code, "reason", violation.Message)
		s.kick(violation.Code, violation.Message)
	case errors.Is(err, errLeft):
		s.drop(fault.OK)
		return
	default: // the end of the connection too: clients that are killed close theirs

		s.drop(fault.Lost)
		return
	}
	s.release()
	c.Discard(linger)
}

// Leave is the end of the visit.
func (s *session) Leave() {
	s.gate.lobby.leave(s)
	s.drop(fault.Lost)
	s.gate.table.remove(s)
}

// kick ends the session and tells the client why. What was queued for it before is still sent.
func (s *session) kick(code fault.Code, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == ended {
		return
	}
	s.detachAll(code)
	s.phase = ended
	if s.conn == nil {
		_ = s.net.Close()
		return
	}
	s.gate.stats.kicks.Add(1)
	s.queueLast(code, reason)
	s.flushLocked()
}

// drop ends the session at once: the client is gone, or takes nothing.
func (s *session) drop(code fault.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(code)
}

func (s *session) dropLocked(code fault.Code) {
	if s.phase != ended {
		s.detachAll(code)
		s.phase = ended
	}
	s.out.forget()
	_ = s.net.Close()
}

// release gives back what the reader took for the session.
func (s *session) release() {
	g := s.gate
	if s.claimed {
		s.claimed = false
		g.releaseClaim(s)
	}
	if s.slot {
		s.slot = false
		g.count.Add(-1)
	}
}

// holder is what the registry knows the session's connection by.
func (s *session) holder() Holder {
	return Holder{Node: s.gate.cfg.Self.Node, Session: s.id, Turn: s.turn}
}

func (s *session) turnNow() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turn
}

// attach tells the node of the session. It is called with the lock.
func (s *session) attach(route int, node id.Node) error {
	if s.streams == nil {
		s.streams = make([]stream, len(s.gate.cfg.Routes))
	}
	if err := s.gate.lines.Attach(node, s.info(route)); err != nil {
		return err
	}
	s.streams[route].node = node
	s.gate.loads.add(node, 1)
	return nil
}

// detach tells the stream's node, if it has one, that the session is gone. It is called with the lock.
func (s *session) detach(route int, code fault.Code) {
	st := &s.streams[route]
	if st.node == 0 {
		return
	}
	// An error means that there is no line, and then the node knows.
	_ = s.gate.lines.Detach(st.node, s.id, s.gate.cfg.Routes[route].Stream, code)
	s.gate.loads.add(st.node, -1)
	st.node, st.held = 0, nil
}

func (s *session) detachAll(code fault.Code) {
	if s.phase != open {
		return
	}
	for route := range s.streams {
		s.detach(route, code)
	}
}

// reset tells the client that a stream has lost its node, if it ever noticed that it had one. It is called with the lock.
func (s *session) reset(route int, reason string) {
	st := &s.streams[route]
	if !st.used {
		return
	}
	st.used = false
	st.resets++
	st.number++
	s.queueReset(s.gate.cfg.Routes[route].Stream, reason)
}

// attachedTo reports whether any stream leads to the node. It is called with the lock.
func (s *session) attachedTo(node id.Node) bool {
	for i := range s.streams {
		if s.streams[i].node == node {
			return true
		}
	}
	return false
}

// stream is the session's stream with that number, or nil while it leads nowhere. It is called with the lock.
func (s *session) stream(number uint8) *stream {
	route := s.gate.routeOf[number]
	if route < 0 || s.streams == nil {
		return nil
	}
	return &s.streams[route]
}

// bodyOf is a control frame's body, as this session's bodies are.
func (s *session) bodyOf(m wireMessage) []byte {
	var body []byte
	var err error
	if s.json {
		body, err = wire.MarshalJSON(nil, m)
	} else {
		body, err = wire.MarshalAppend(nil, m)
	}
	if err != nil {
		// Only text that is not UTF-8 cannot be encoded, and that is somebody's error message.
		s.gate.log.Error("control frame not encoded", "error", err)
	}
	return body
}
