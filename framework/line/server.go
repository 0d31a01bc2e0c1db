package line

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// A Server is the backend's end of its lines: it takes clients' messages from gates to the handlers registered with [Handle] and its
// like, and sends to clients. Make it, register every handler, Start, Stop. It is safe for concurrent use, except that registering
// comes before Start.
type Server struct {
	cfg    Config
	log    *slog.Logger
	replay replayLimits
	notify *notifier
	stats  stats
	warn   limiter

	// Written until Start, read by the lines afterwards.
	routes   []*route // by message number
	problems []error

	mu    sync.Mutex
	state serverState
	book  book
	lines atomic.Pointer[[]*gateLine] // replaced, with mu held, never changed
}

type serverState uint8

const (
	registering serverState = iota
	serving
	stopping
)

// A Host has a Server: a node, for those who register handlers on it.
type Host interface{ Line() *Server }

// NewServer is a server without handlers. It has cfg.Links give it the gates' lines, which it refuses until it is started; so it is
// made before those are. What is wrong with cfg, [Server.Start] says.
func NewServer(cfg Config) *Server {
	s := &Server{cfg: cfg.withDefaults(), notify: newNotifier()}
	s.log = s.cfg.Logger
	s.replay = replayLimits{frames: s.cfg.ReplayFrames, bytes: s.cfg.ReplayBytes}
	s.lines.Store(&[]*gateLine{})
	if err := cfg.Validate(); err != nil {
		s.problems = append(s.problems, err)
		return s
	}
	cfg.Links.Handle(link.Line, func(c *link.Conn) link.Handler {
		if l := s.accept(c); l != nil {
			return l
		}
		return nil
	})
	return s
}

// Line is the server itself, which makes it a [Host].
func (s *Server) Line() *Server { return s }

// Start lets gates in. It says everything that is wrong with the configuration and the registrations, in one error.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != registering {
		return errors.New("line: the server was started already")
	}
	if err := errors.Join(s.problems...); err != nil {
		return err
	}
	s.state = serving
	for _, m := range s.cfg.Registry.Messages() {
		if m.From == wirepb.From_CLIENT && slices.Contains(s.cfg.Types, m.To) && s.route(m.ID) == nil {
			s.log.Warn("a message is declared for this type of node but has no handler", "type", m.To, "message", m.Name)
		}
	}
	return nil
}

// Stop ends every line after what is queued on it was sent, has the sessions on it detached with [fault.ShuttingDown], and joins the
// server's goroutines. When ctx ends, lines are cut. It is idempotent.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.state = stopping
	lines := *s.lines.Load()
	s.mu.Unlock()
	for _, l := range lines {
		l.conn.Close(nil)
	}
	cut := context.AfterFunc(ctx, func() {
		for _, l := range lines {
			l.conn.Close(errStopping)
		}
	})
	defer cut()
	for _, l := range lines {
		<-l.closed
	}
	for _, session := range s.book.all() {
		session.end(fault.ShuttingDown)
	}
	s.notify.stop()
	return ctx.Err()
}

var errStopping = fault.New(fault.ShuttingDown, "the node is stopping")

// Gates is how many lines there are now.
func (s *Server) Gates() int { return len(*s.lines.Load()) }

// Sessions is how many sessions are attached, or kept for their clients, now.
func (s *Server) Sessions() int { return int(s.stats.sessions.Load()) }

func (s *Server) accept(c *link.Conn) *gateLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serving {
		return nil
	}
	l := newGateLine(s, c)
	lines := append(slices.Clip(*s.lines.Load()), l)
	s.lines.Store(&lines)
	s.log.Info("a gate's line is up", "gate", c.Peer().Node, "boot", c.Peer().Boot)
	return l
}

// remove takes a line away, and reports whether that is because the server stops.
func (s *Server) remove(l *gateLine, err error) (stops bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := slices.DeleteFunc(slices.Clone(*s.lines.Load()), func(other *gateLine) bool { return other == l })
	s.lines.Store(&lines)
	if s.state == stopping {
		return true
	}
	s.log.Info("a gate's line is gone", "gate", l.conn.Peer().Node, "boot", l.conn.Peer().Boot, "sessions", len(l.sessions), "error", err)
	return false
}

// outgoing is what m is declared as, if that is a message to clients.
func (s *Server) outgoing(m proto.Message) (*wire.Message, error) {
	msg, ok := s.cfg.Registry.ForType(m)
	if !ok || msg.From != wirepb.From_SERVER {
		return nil, fault.Wrap(fmt.Errorf("line: %T is not declared (wire.message) from: SERVER", m), fault.Internal, "internal error")
	}
	return msg, nil
}
