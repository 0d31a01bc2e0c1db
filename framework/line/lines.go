package line

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

// A LinesConfig is what [Lines] need. Required are View, Links, Types and Downstream.
type LinesConfig struct {
	// View says which backends there are.
	View cluster.View
	// Links is how to connect to them; its Self is this gate.
	Links link.Config
	// Types is the types of node that get a line.
	Types []string
	// Downstream takes what they send.
	Downstream Downstream
	// MinBackoff is the pause before a line that broke, or could not be opened, is tried again; it doubles up to MaxBackoff. Default 50 ms.
	MinBackoff time.Duration
	// MaxBackoff bounds that. Default 2 s.
	MaxBackoff time.Duration
	// Logger gets lines that come and go. nil discards.
	Logger *slog.Logger
}

// Validate reports everything that is wrong with the configuration, joined.
func (c LinesConfig) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("line: "+format, args...)) }
	if c.View == nil {
		bad("View: missing")
	}
	if err := c.Links.Validate(); err != nil {
		bad("Links: %w", err)
	}
	if len(c.Types) == 0 {
		bad("Types: missing; the types of node that clients reach")
	}
	for _, t := range c.Types {
		if t == "" || len(t) > maxType || strings.Contains(t, ",") {
			bad("Types: %q is no type of node; at most %d bytes without a comma", t, maxType)
		}
	}
	if c.Downstream == nil {
		bad("Downstream: missing")
	}
	if c.MinBackoff < 0 {
		bad("MinBackoff: %v, must not be negative", c.MinBackoff)
	}
	if c.MaxBackoff < 0 {
		bad("MaxBackoff: %v, must not be negative", c.MaxBackoff)
	}
	return errors.Join(errs...)
}

func (c LinesConfig) withDefaults() LinesConfig {
	if c.MinBackoff == 0 {
		c.MinBackoff = 50 * time.Millisecond
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = 2 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Lines are the gate's end: one line to each backend. A line is opened when the backend is ready, or drains and has sessions that may come back, closed when it
// is gone from the cluster, and opened again when it breaks. They are safe for concurrent use.
type Lines struct {
	cfg LinesConfig

	// By node; replaced with mu held, never changed. Those who forward look it up for every message.
	byNode atomic.Pointer[map[id.Node]*nodeLine]

	mu      sync.Mutex
	running bool
	unwatch func()
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// NewLines are lines that are not opened yet. What is wrong with cfg, [Lines.Start] says.
func NewLines(cfg LinesConfig) *Lines {
	l := &Lines{cfg: cfg.withDefaults()}
	l.byNode.Store(&map[id.Node]*nodeLine{})
	return l
}

// Start begins to follow the View and opens the lines, without waiting for them: see [Lines.Up].
func (l *Lines) Start() error {
	if err := l.cfg.Validate(); err != nil {
		return err
	}
	l.mu.Lock()
	if l.ctx != nil {
		l.mu.Unlock()
		return errors.New("line: lines are started once")
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.running = true
	l.mu.Unlock()

	unwatch := l.cfg.View.Watch(func(_, _ *cluster.Snapshot) { l.follow() })
	l.mu.Lock()
	l.unwatch = unwatch
	l.mu.Unlock()
	l.follow()
	return nil
}

// Stop closes every line, after what is queued on it was sent, and joins. Downstream hears of each with Lost. When ctx ends, lines are
// cut. It is idempotent.
func (l *Lines) Stop(ctx context.Context) error {
	l.mu.Lock()
	l.running = false
	unwatch := l.unwatch
	if l.cancel != nil {
		l.cancel()
	}
	lines := *l.byNode.Load()
	l.mu.Unlock()
	if unwatch != nil {
		unwatch() // without the lock, which a watcher waits for
	}
	defer context.AfterFunc(ctx, func() {
		for _, n := range lines {
			n.cut(errStopping)
		}
	})()
	l.wg.Wait()
	return ctx.Err()
}

// Settle returns when every node that the View has now has a line, or has been tried once without success; or with the error of ctx, when that ends.
// Who lets clients come back to their sessions before that finds some of these gone that are there.
func (l *Lines) Settle(ctx context.Context) error {
	l.follow()
	for _, n := range *l.byNode.Load() {
		select {
		case <-n.tried:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Up reports whether there is a line to the node and it takes new sessions.
func (l *Lines) Up(node id.Node) bool {
	n := (*l.byNode.Load())[node]
	return n != nil && n.conn.Load() != nil && !n.draining.Load()
}

// Attach opens the session at the node, before anything of it is forwarded there. Errors are [fault.Unavailable], when there is no
// line, and [fault.Overloaded], when it is full; and so they are for the methods below. That a session is attached ends with Detach,
// or with Lost.
func (l *Lines) Attach(node id.Node, s SessionInfo) error {
	if err := s.check(); err != nil {
		return err
	}
	return l.write(node, func(b []byte) []byte { return appendAttach(b, s) })
}

// Detach ends it. The code says why, as [Detached] has it.
func (l *Lines) Detach(node id.Node, session id.Session, stream uint8, code fault.Code) error {
	return l.write(node, func(b []byte) []byte { return appendDetach(b, session, stream, code) })
}

// Forward sends a client's Send or Request to the node, its body untouched. It leaves with [Lines.Flush].
func (l *Lines) Forward(node id.Node, session id.Session, h wire.Header, body []byte) error {
	if !travels(h, true) {
		return fault.Errorf(fault.Invalid, "a %s of stream %d and message %d does not go to a backend", h.Kind, h.Stream, h.Message)
	}
	n := (*l.byNode.Load())[node]
	if n == nil {
		return errNoLine
	}
	return n.append(func(b []byte) []byte { return appendPacket(b, opForward, session, h, body) })
}

// ForwardTraced is Forward of a message that belongs to a trace.
func (l *Lines) ForwardTraced(ref trace.Ref, node id.Node, session id.Session, h wire.Header, body []byte) error {
	if !travels(h, true) {
		return fault.Errorf(fault.Invalid, "a %s of stream %d and message %d does not go to a backend", h.Kind, h.Stream, h.Message)
	}
	n := (*l.byNode.Load())[node]
	if n == nil {
		return errNoLine
	}
	return n.append(func(b []byte) []byte { return appendTraced(b, ref, session, h, body) })
}

// Ack tells the node how far the session's client has received its stream: one mark of an Ack frame.
func (l *Lines) Ack(node id.Node, session id.Session, stream uint8, sequence uint32) error {
	return l.write(node, func(b []byte) []byte { return appendAck(b, session, stream, sequence) })
}

// Find asks every backend of the session's type that has a line whether it has the session's stream, whose client has come back and has received so much,
// and returns which were asked. Each answers with Downstream.Found, or is Lost.
func (l *Lines) Find(s SessionInfo, received uint32) (asked []id.Node) {
	f := find{session: s.ID, stream: s.Stream, turn: s.Turn, player: s.Player, resets: s.Resets, received: received}
	for node, n := range *l.byNode.Load() {
		if !slices.Contains(strings.Split(n.member.Type, ","), s.Type) {
			continue
		}
		if n.write(func(b []byte) []byte { return appendFind(b, f) }) == nil {
			asked = append(asked, node)
		}
	}
	return asked
}

// Resume attaches a session that was found at the node again. The node sends what its client has not received, and what comes later.
// If it cannot after all, it unbinds the session.
func (l *Lines) Resume(node id.Node, s SessionInfo, received uint32) error {
	r := resume{session: s.ID, stream: s.Stream, turn: s.Turn, received: received, typ: s.Type}
	return l.write(node, func(b []byte) []byte { return appendResume(b, r) })
}

// GoOn attaches a session that another node has handed over to the node, while its client is connected. The node goes on after the number sent, which was
// the other's last. If it cannot, it unbinds the session.
func (l *Lines) GoOn(node id.Node, s SessionInfo, sent uint32) error {
	r := resume{session: s.ID, stream: s.Stream, turn: s.Turn, received: sent, live: true, typ: s.Type}
	return l.write(node, func(b []byte) []byte { return appendResume(b, r) })
}

// Held tells the node that nothing of the session's stream comes after what was forwarded before: the rest waits here.
func (l *Lines) Held(node id.Node, session id.Session, stream uint8) error {
	return l.write(node, func(b []byte) []byte { return appendPlace(b, opHeld, place{session, stream}) })
}

// Flush has what was forwarded leave. Whoever forwards calls it at the end of a batch.
func (l *Lines) Flush() {
	for _, n := range *l.byNode.Load() {
		n.flush()
	}
}

func (l *Lines) write(node id.Node, fill func([]byte) []byte) error {
	n := (*l.byNode.Load())[node]
	if n == nil {
		return errNoLine
	}
	return n.write(fill)
}

var errNoLine error = fault.New(fault.Unavailable, "no line to that node")

// follow makes the lines what the View says.
func (l *Lines) follow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.running {
		return
	}
	old := *l.byNode.Load()
	lines := make(map[id.Node]*nodeLine, len(old))
	snapshot := l.cfg.View.Snapshot()
	for _, typ := range l.cfg.Types {
		for _, m := range snapshot.ByType(typ) {
			if lines[m.Node] != nil {
				continue // a node of several types has one line
			}
			n := old[m.Node]
			if n != nil && (n.member.Boot != m.Boot || n.member.Addr != m.Addr) {
				n = nil // another life of the node
			}
			if n == nil {
				if !m.State.Serves() || m.Addr == "" {
					continue
				}
				n = newNodeLine(l, m)
			}
			n.draining.Store(m.State != cluster.Ready)
			lines[m.Node] = n
		}
	}
	l.byNode.Store(&lines)
	for node, n := range old {
		if lines[node] != n {
			n.cancel()
		}
	}
	for node, n := range lines {
		if old[node] != n {
			l.wg.Go(n.run)
		}
	}
}
