package gate

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/wire/wirepb"
)

// A session that comes back
//
//	client ── Hello {resume, received} ──► gate: his token, the same player; no newer session of his
//	                                       gate ── Find ──► every backend of the routes ── Found ──►
//	client ◄── Welcome {received} ──────── gate ── Resume ──► those that have it: what he has not received, then what is new
//
// What the backends keep is the truth about the session: a gate remembers nothing for others, so that any gate will do, and none is missed.

// searchTimeout is how long backends have to say what they have of a session. One that is paused, or a line that has broken and is not known to have, must not keep the
// client from the others.
const searchTimeout = 2 * time.Second

const (
	sessionSize = 8  // bytes of a resume token that name the session
	macSize     = 16 // bytes that prove that a gate has made it
)

// deriveResumeKey is a key that all gates have.
func deriveResumeKey(linkKey []byte) []byte {
	key, err := hkdf.Key(sha256.New, linkKey, nil, "gate resume token", sha256.Size)
	if err != nil {
		return nil // the size is too large, which it is not
	}
	return key
}

// resumeToken names a session and its player. It proves nothing about who shows it, which the login token does; it keeps clients from guessing sessions.
func (g *Gate) resumeToken(session id.Session, player int64) []byte {
	token := binary.BigEndian.AppendUint64(nil, uint64(session))
	mac := hmac.New(sha256.New, g.resumeKey)
	mac.Write(binary.BigEndian.AppendUint64(token, uint64(player)))
	return append(token, mac.Sum(nil)[:macSize]...)
}

// resumed is the session that a token names; 0 if it is not a token of the player's.
func (g *Gate) resumed(token []byte, player int64) id.Session {
	if len(token) != sessionSize+macSize || player == 0 {
		return 0
	}
	session := id.Session(binary.BigEndian.Uint64(token))
	if !hmac.Equal(token, g.resumeToken(session, player)) {
		return 0
	}
	return session
}

// A search is the question to the backends what they have of a session. It belongs to the session's lock; done is closed when all have answered.
type search struct {
	open  map[question]bool
	found map[int]finding // by route
	done  chan struct{}
}

type question struct {
	node  id.Node
	route int
}

type finding struct {
	line.Found
	node id.Node
}

// answer takes a node's answer. Of two nodes that both have a stream, it is the one with the newer epoch, or the one that got it later: the
// other has missed that it is over.
func (x *search) answer(node id.Node, route int, f line.Found) {
	if !x.open[question{node, route}] {
		return
	}
	if best, ok := x.found[route]; f.Found && (!ok || f.Epoch > best.Epoch || f.Epoch == best.Epoch && f.Since.After(best.Since)) {
		x.found[route] = finding{f, node}
	}
	x.close(question{node, route})
}

// lost takes a node's silence.
func (x *search) lost(node id.Node) {
	for q := range x.open {
		if q.node == node {
			x.close(q)
		}
	}
}

func (x *search) close(q question) {
	delete(x.open, q)
	if len(x.open) == 0 {
		close(x.done)
	}
}

var errStartOver = fault.New(fault.StartOver, "the session is gone; begin a new one")

// resume opens the session that the client was in before.
func (s *session) resume(ctx context.Context, hello *wirepb.Hello) error {
	g := s.gate
	sid := g.resumed(hello.GetResume(), s.who.Player)
	if sid == 0 || g.cfg.Grace == 0 {
		return errStartOver
	}
	received := map[int]*wirepb.Mark{}
	for _, m := range hello.GetReceived() {
		if m.GetStream() < uint32(len(g.routeOf)) && g.routeOf[m.GetStream()] >= 0 {
			received[g.routeOf[m.GetStream()]] = m
		}
	}
	if err := s.claim(ctx, sid, true); err != nil {
		return err
	}
	found := s.find(ctx, received)
	if len(found) == 0 && len(received) > 0 {
		return errStartOver
	}
	return s.reopen(received, found)
}

// find asks the backends.
func (s *session) find(ctx context.Context, received map[int]*wirepb.Mark) map[int]finding {
	g := s.gate
	x := &search{open: map[question]bool{}, found: map[int]finding{}, done: make(chan struct{})}
	s.mu.Lock()
	s.search = x
	s.streams = make([]stream, len(g.cfg.Routes))
	for route := range g.cfg.Routes {
		m := received[route]
		s.streams[route].number, s.streams[route].used = m.GetResets(), m != nil
		for _, node := range g.lines.Find(s.info(route), m.GetSequence()) {
			x.open[question{node, route}] = true
		}
	}
	waiting := len(x.open) > 0
	s.mu.Unlock()
	if waiting {
		ctx, cancel := context.WithTimeout(ctx, searchTimeout)
		defer cancel()
		select {
		case <-x.done:
		case <-ctx.Done():
			g.log.Warn("not every backend has said what it has of a session", "session", s.id)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.search = nil
	return x.found
}

// reopen lets the client in where it was. Streams that are not there any more start over.
func (s *session) reopen(received map[int]*wirepb.Mark, found map[int]finding) error {
	g := s.gate
	welcome := s.welcome()
	for _, f := range found {
		welcome.Received = append(welcome.Received, &wirepb.Mark{Stream: uint32(f.Stream), Sequence: f.Received})
	}
	body := s.bodyOf(welcome)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.openLocked(body); err != nil {
		return err
	}
	for route := range g.cfg.Routes {
		st := &s.streams[route]
		f, ok := found[route]
		if ok && g.lines.Resume(f.node, s.info(route), received[route].GetSequence()) == nil {
			st.node, st.used, st.epoch = f.node, true, f.Epoch
			g.loads.add(f.node, 1)
			continue
		}
		s.reset(route, "the node is gone")
	}
	g.stats.resumed.Add(1)
	return nil
}
