package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"loumiao/framework/fault"
)

// A Server accepts connections from other nodes: create it, say with Handle what it serves, Listen, Start, Stop. One listener serves every role.
type Server struct {
	cfg    Config
	accept map[Role]func(*Conn) Handler

	mu       sync.Mutex
	listener net.Listener
	started  bool
	stopped  bool
	halfOpen []net.Conn // in their handshake, the oldest first
	conns    map[*Conn]struct{}

	wg sync.WaitGroup // the accept loop, handshakes and connections
}

// NewServer is a server that does not listen yet. What is wrong with cfg is reported by Listen.
func NewServer(cfg Config) *Server {
	return &Server{cfg: cfg.withDefaults(), accept: map[Role]func(*Conn) Handler{}, conns: map[*Conn]struct{}{}}
}

// Handle says who serves connections of a role: accept is called for each that has proved itself, before anything else is read from it, and returns who
// takes its frames, or nil to refuse it. It may already write to the connection, and must not block. Handle is called before Start.
func (s *Server) Handle(role Role, accept func(*Conn) Handler) { s.accept[role] = accept }

// Listen takes the address, host:port; port 0 takes a free one. Nothing is accepted before Start.
func (s *Server) Listen(addr string) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for links on %s: %w", addr, err)
	}
	return s.ListenOn(l)
}

// ListenOn is [Server.Listen] with a listener made by the caller, which the server closes. For tests that inject faults.
func (s *Server) ListenOn(l net.Listener) error {
	if err := s.cfg.Validate(); err != nil {
		_ = l.Close()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil || s.stopped {
		_ = l.Close()
		return errors.New("link: the server listens already or was stopped")
	}
	s.listener = l
	return nil
}

// Addr is where the server listens, host:port; "" before Listen.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Start begins to accept. It does nothing unless the server listens, or when called again.
func (s *Server) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.stopped || s.listener == nil {
		return
	}
	s.started = true
	l := s.listener
	s.wg.Go(func() { s.acceptLoop(l) })
}

// Stop closes the listener and ends every connection, after what they have queued was sent; when ctx ends they are cut. It returns when no goroutine of the
// server is left. Calling it again waits as well.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	if s.listener != nil {
		_ = s.listener.Close()
	}
	for _, nc := range s.halfOpen {
		_ = nc.Close()
	}
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()

	for _, c := range conns {
		c.Close(nil)
	}
	release := context.AfterFunc(ctx, func() {
		for _, c := range conns {
			c.Close(errStopped)
		}
	})
	s.wg.Wait()
	if release() {
		return nil
	}
	return fmt.Errorf("links were cut before they had sent everything: %w", ctx.Err())
}

var errStopped = fault.New(fault.Lost, "the node is stopping")

func (s *Server) acceptLoop(l net.Listener) {
	for pause := time.Millisecond; ; {
		nc, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, or the peer went away: neither is the end of the listener
			s.cfg.Logger.Warn("accept of a link failed", "error", err)
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = time.Millisecond
		if !s.admit(nc) {
			_ = nc.Close()
			return
		}
		s.wg.Go(func() { s.serve(nc) })
	}
}

// serve takes a new connection through its handshake and starts it.
func (s *Server) serve(nc net.Conn) {
	c, h, err := s.shake(nc)
	if err != nil {
		_ = nc.Close()
		s.cfg.Logger.Warn("link refused", "remote", nc.RemoteAddr().String(), "error", err)
		return
	}
	c.onDone = func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		s.wg.Done()
	}
	s.wg.Add(1)
	s.mu.Lock()
	stopped := s.stopped
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	c.start(h)
	c.out.uncork()
	if stopped {
		c.Close(errStopped)
	}
}

func (s *Server) shake(nc net.Conn) (*Conn, Handler, error) {
	defer s.leave(nc)
	_ = nc.SetDeadline(time.Now().Add(s.cfg.HandshakeTimeout))
	h, err := shakeAsServer(nc, s.cfg, func(r Role) bool { return s.accept[r] != nil })
	if err != nil {
		return nil, nil, err
	}
	c := newConn(nc, s.cfg, h.role, h.peer)
	handler := s.accept[h.role](c)
	if handler == nil {
		_, _ = nc.Write([]byte{refusedNow})
		return nil, nil, fmt.Errorf("%v is not wanted", h.peer)
	}
	if _, err := nc.Write([]byte{goOn}); err == nil {
		_ = nc.SetDeadline(time.Time{})
	}
	// From here on a broken connection is the handler's to see: it was given the connection.
	return c, handler, nil
}

// admit counts nc among those in their handshake, and pushes out the oldest when there are too many: whoever only opens connections must not
// keep out those who can prove themselves.
func (s *Server) admit(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	if len(s.halfOpen) >= s.cfg.HalfOpen {
		_ = s.halfOpen[0].Close()
		s.halfOpen = s.halfOpen[1:]
	}
	s.halfOpen = append(s.halfOpen, nc)
	return true
}

func (s *Server) leave(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.halfOpen {
		if other == nc {
			s.halfOpen = append(s.halfOpen[:i:i], s.halfOpen[i+1:]...)
			return
		}
	}
}
