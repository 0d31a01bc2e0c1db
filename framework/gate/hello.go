package gate

import (
	"context"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// displaceTimeout is how long another gate has to end a connection. A player does not wait for a gate that is paused.
const displaceTimeout = time.Second

// helloAside is hello on a goroutine of its own, for which the reader waits: a token's check calls deep, and the reader's stack would stay as large as it
// once was for the whole session.
func (s *session) helloAside(h wire.Header, body []byte) error {
	done := make(chan error)
	go func() {
		err := s.hello(h, body)
		s.flush()
		done <- err
	}()
	return <-done
}

// hello answers a client's first frame: its error is why the client is not let in.
func (s *session) hello(h wire.Header, body []byte) error {
	g := s.gate
	if h.Kind == wire.Hello {
		s.speak(h)
	}
	if h.Kind != wire.Hello || h.Stream != 0 || h.Call != 0 || h.Sequence != 0 {
		return errNotHello
	}
	again := s.welcomed
	if !again && !g.lobby.leave(s) {
		return errEnded
	}
	var hello wirepb.Hello
	if err := s.decode(body, &hello); err != nil {
		return err
	}
	if again && hello.GetToken() == "" {
		return errStillNobody
	}
	if err := g.mayEnter(&hello); err != nil {
		return err
	}
	if !again {
		if err := s.takeSlot(); err != nil {
			return err
		}
	}
	s.agree(&hello)

	ctx, cancel := context.WithTimeout(g.ctx, g.cfg.HandshakeTimeout)
	defer cancel()
	if hello.GetToken() != "" {
		if err := s.authenticate(ctx, hello.GetToken()); err != nil {
			return err
		}
	}
	if len(hello.GetResume()) > 0 {
		return s.resume(ctx, &hello)
	}
	if s.who.Player != 0 {
		if g.cfg.Admit != nil {
			if err := g.cfg.Admit(s.who); err != nil {
				return err
			}
		}
		sid := s.id
		if again {
			sid = id.Session(g.ids.Next()) // what backends still say to the one that was anonymous does not reach this one
		}
		if err := s.claim(ctx, sid, false); err != nil {
			return err
		}
	}
	return s.open()
}

// helloAgain is the Hello of a client that has come in as nobody and has got a token meanwhile. Its session begins anew on the connection that it has, by the
// same checks as on any other; what it had of streams as nobody is over.
func (s *session) helloAgain(h wire.Header, body []byte) error {
	if s.who.Player != 0 || (h.Flags&wire.JSON != 0) != s.json {
		return errDirection
	}
	s.mu.Lock()
	if s.phase == ended {
		s.mu.Unlock()
		return errEnded
	}
	s.detachAll(fault.OK)
	s.phase, s.streams = waiting, nil
	s.mu.Unlock()
	return s.helloAside(h, body)
}

// takeSlot makes the session one of those that the gate has room for.
func (s *session) takeSlot() error {
	g := s.gate
	if g.count.Add(1) > int64(g.cfg.MaxSessions) {
		g.count.Add(-1)
		g.stats.overloaded.Add(1)
		return fault.New(fault.Overloaded, "this gate is full; try another one")
	}
	s.slot = true
	return nil
}

// Announce notes what the client reads, so that it can be told why it is not let in although its Hello cannot be read.
func (s *session) Announce(h wire.Header) {
	if !s.welcomed {
		s.speak(h)
	}
}

// speak makes the session's bodies what the Hello asks for. The gate may be about to kick everybody.
func (s *session) speak(h wire.Header) {
	s.mu.Lock()
	s.json = h.Flags&wire.JSON != 0
	s.mu.Unlock()
}

// mayEnter says what is wrong with a Hello before anybody is asked about its token.
func (g *Gate) mayEnter(hello *wirepb.Hello) error {
	if g.draining.Load() {
		return fault.New(fault.ShuttingDown, "this gate is shutting down; try another one")
	}
	if v := hello.GetProtocol(); v != wire.Version {
		return fault.Errorf(fault.Version, "this gate speaks version %d of the protocol, and the client version %d", wire.Version, v)
	}
	if g.cfg.MinClient != "" {
		v, err := parseVersion(hello.GetClient())
		if err != nil {
			return fault.New(fault.Version, err.Error())
		}
		if v.less(g.minClient) {
			return fault.Errorf(fault.Version, "version %s of the client is too old; at least %s is needed", hello.GetClient(), g.cfg.MinClient)
		}
	}
	return nil
}

// authenticate finds out whose the session is.
func (s *session) authenticate(ctx context.Context, token string) error {
	g := s.gate
	who, err := g.cfg.Authenticate(ctx, token)
	if err == nil && who.Player == 0 {
		err = fault.New(fault.Unauthenticated, "the token is nobody's")
	}
	if err != nil {
		g.stats.unauthenticated.Add(1)
		code, message := fault.Outside(err)
		if code == fault.Internal {
			g.log.Error("token not checked", "error", err)
		}
		return fault.New(code, message)
	}
	s.who = who
	return nil
}

// claim makes this connection, of the given session, the player's only one. again: the session comes back.
func (s *session) claim(ctx context.Context, sid id.Session, again bool) error {
	if s.gate.cfg.Barred != nil { // so that he displaces nobody; and below again, because he may have been barred since
		if err := s.outside(s.gate.cfg.Barred(ctx, s.who)); err != nil {
			return err
		}
	}
	s.gate.claims.begin(sid)
	turn, err := s.takeTurn(ctx, sid, again)
	if why := s.gate.claims.end(sid, turn); err == nil && why != nil {
		return why
	}
	if err == nil && s.gate.cfg.Barred != nil {
		err = s.outside(s.gate.cfg.Barred(ctx, s.who))
	}
	return err
}

// outside is an error as the client may see it.
func (s *session) outside(err error) error {
	if err == nil {
		return nil
	}
	code, message := fault.Outside(err)
	if code == fault.Internal {
		s.gate.log.Error("player not let in", "player", s.who.Player, "error", err)
	}
	return fault.New(code, message)
}

func (s *session) takeTurn(ctx context.Context, sid id.Session, again bool) (turn uint64, err error) {
	g := s.gate
	turn, previous, err := g.sessions.Claim(ctx, s.who.Player, Holder{Node: g.cfg.Self.Node, Session: sid}, again)
	if fault.CodeOf(err) == fault.Replaced {
		return 0, err
	}
	if err != nil {
		g.log.Error("session not claimed", "player", s.who.Player, "error", err)
		return 0, fault.New(fault.Unavailable, "the player's session cannot be taken now")
	}
	switch {
	case previous == nil:
	case previous.Session == sid:
		g.displace(ctx, *previous, fault.Lost, "the session goes on over another connection")
	default:
		g.displace(ctx, *previous, fault.Replaced, "the player has come in again")
	}
	g.table.remove(s)
	s.mu.Lock()
	s.id, s.turn = sid, turn
	s.mu.Unlock()
	g.table.put(s)
	s.claimed = true
	return turn, nil
}

// displace ends the connection of a player who has come again, wherever it is. If its gate cannot be reached, that gate has lost it or is about to: backends
// refuse the older session, or connection, in any case.
func (g *Gate) displace(ctx context.Context, previous Holder, code fault.Code, reason string) {
	if previous.Node == g.cfg.Self.Node {
		g.Kick(previous.Session, previous.Turn, code, reason)
		return
	}
	if g.cfg.KickRemote == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, displaceTimeout)
	defer cancel()
	if err := g.cfg.KickRemote(ctx, previous, code); err != nil {
		g.log.Warn("earlier connection not ended", "gate", previous.Node, "session", previous.Session, "error", err)
	}
}

// open lets the client in.
func (s *session) open() error {
	body := s.bodyOf(s.welcome())
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openLocked(body)
}

// welcome is the answer to Hello.
func (s *session) welcome() *wirepb.Welcome {
	g := s.gate
	w := &wirepb.Welcome{
		Protocol:     wire.Version,
		Session:      uint64(s.id),
		HeartbeatMs:  uint32(s.heartbeat().Milliseconds()),
		MaxBody:      uint32(g.cfg.MaxBody),
		ServerTimeMs: time.Now().UnixMilli(),
		Streams:      g.streams,
	}
	if s.who.Player != 0 && g.cfg.Grace > 0 {
		w.GraceMs = uint32(g.cfg.Grace.Milliseconds())
		w.Resume = g.resumeToken(s.id, s.who.Player)
	}
	s.compression(w)
	return w
}

// heartbeat is after what silence the client should send a Ping. Nobody is told when the other end of UDP dies, so there it is asked sooner.
func (s *session) heartbeat() time.Duration {
	every := s.gate.cfg.Heartbeat
	if s.conn.RemoteAddr().Network() == "udp" {
		every /= 5
	}
	return every
}

func (s *session) openLocked(welcome []byte) error {
	if s.phase == ended {
		return errEnded
	}
	s.phase = open
	s.queueFrame(wire.Header{Kind: wire.Welcome}, welcome, false)
	s.welcomed = true
	s.gate.stats.opened.Add(1)
	return nil
}
