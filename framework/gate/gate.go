package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// lines is the gate's need of its lines to the backends; [line.Lines] has it.
type lines interface {
	Start() error
	Settle(ctx context.Context) error
	Stop(ctx context.Context) error
	Attach(node id.Node, s line.SessionInfo) error
	Detach(node id.Node, session id.Session, stream uint8, code fault.Code) error
	Forward(node id.Node, session id.Session, h wire.Header, body []byte) error
	ForwardTraced(ref trace.Ref, node id.Node, session id.Session, h wire.Header, body []byte) error
	Ack(node id.Node, session id.Session, stream uint8, sequence uint32) error
	Find(s line.SessionInfo, received uint32) (asked []id.Node)
	Resume(node id.Node, s line.SessionInfo, received uint32) error
	GoOn(node id.Node, s line.SessionInfo, sent uint32) error
	Held(node id.Node, session id.Session, stream uint8) error
	Flush()
}

// A Gate holds the sessions of clients. It is safe for concurrent use.
type Gate struct {
	cfg         Config
	log         *slog.Logger
	minClient   version
	entries     []*entry         // by message number
	routeByType map[string]int   // index in cfg.Routes
	routeOf     [256]int         // the same, by stream number; -1: none
	streams     []*wirepb.Stream // for Welcome
	messages    rate
	bytes       rate
	resumeKey   []byte

	lines    lines
	sessions SessionRegistry
	ids      *id.Generator
	table    *table
	lobby    lobby
	crowd    addresses
	claims   claims
	loads    loads
	owned    owned
	dirty    dirtyList
	stats    stats
	count    atomic.Int64
	draining atomic.Bool
	started  time.Time

	ctx     context.Context // ends with the gate
	cancel  context.CancelFunc
	writers sync.WaitGroup
	watch   sync.WaitGroup

	life   sync.Mutex // makes Start, Open and Stop exclude each other
	up     bool
	opened bool
}

// New is a gate that does nothing before Start. Its error says everything that is wrong with the configuration.
func New(cfg Config) (*Gate, error) {
	g, err := newGate(cfg)
	if err != nil {
		return nil, err
	}
	lines := line.LinesConfig{View: cfg.View, Links: cfg.Links, Downstream: downstream{g}, Logger: g.log}
	for _, r := range cfg.Routes {
		lines.Types = append(lines.Types, r.Type)
	}
	if err := lines.Validate(); err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	g.lines = line.NewLines(lines)
	return g, nil
}

// newGate is a gate without lines.
func newGate(cfg Config) (*Gate, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	g := &Gate{
		cfg:         cfg,
		log:         cfg.Logger,
		entries:     entriesOf(cfg.Registry, cfg.Routes),
		routeByType: map[string]int{},
		messages:    newRate(cfg.RateMessages, cfg.BurstMessages),
		bytes:       newRate(cfg.RateBytes, cfg.BurstBytes),
		sessions:    cfg.Sessions,
		ids:         id.NewGenerator(cfg.Self.Node, nil),
		table:       newTable(),
		lobby:       lobby{max: cfg.MaxPending},
		crowd:       addresses{max: cfg.MaxPerAddress},
		started:     time.Now(),
		resumeKey:   deriveResumeKey(cfg.Links.Key),
	}
	if cfg.MinClient != "" {
		g.minClient, _ = parseVersion(cfg.MinClient) // Validate has read it
	}
	if g.sessions == nil {
		g.sessions = &onlyGate{holders: map[int64]Holder{}}
	}
	for i := range g.routeOf {
		g.routeOf[i] = -1
	}
	for i, r := range cfg.Routes {
		g.routeByType[r.Type] = i
		g.routeOf[r.Stream] = i
		g.streams = append(g.streams, &wirepb.Stream{Number: uint32(r.Stream), Type: r.Type})
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g, nil
}

// Start listens, and begins to open the lines; nobody is let in before [Gate.Open]. A gate starts once.
func (g *Gate) Start(context.Context) error {
	g.life.Lock()
	defer g.life.Unlock()
	if g.up || g.ctx.Err() != nil {
		return errors.New("gate: was started before")
	}
	for i, l := range g.cfg.Listen {
		if err := l.Transport.Listen(l.Addr); err != nil {
			for _, opened := range g.cfg.Listen[:i] {
				opened.Transport.Stop()
			}
			return fmt.Errorf("gate: listen for %s clients: %w", l.Transport.Name(), err)
		}
	}
	if err := g.lines.Start(); err != nil {
		for _, l := range g.cfg.Listen {
			l.Transport.Stop()
		}
		return fmt.Errorf("gate: open lines: %w", err)
	}
	g.up = true
	g.watch.Go(g.lookAround)
	return nil
}

// Open lets clients in, also those who have been waiting at the door since [Gate.Start]. It is called once, when the View knows the cluster: it waits until there
// are lines to the nodes in it, so that whoever comes back finds his session and whoever is new the queue, but not past the end of ctx, and for a node that does
// not answer only as long as one try takes.
func (g *Gate) Open(ctx context.Context) error {
	if err := g.lines.Settle(ctx); err != nil {
		return fmt.Errorf("gate: open lines: %w", err)
	}
	g.life.Lock()
	defer g.life.Unlock()
	if !g.up || g.opened {
		return errors.New("gate: opened before it started, or again, or after its end")
	}
	g.opened = true
	for _, l := range g.cfg.Listen {
		l.Transport.Serve(g, wire.Limits{MaxBody: g.cfg.MaxBody})
	}
	return nil
}

// Drain refuses new sessions from now on; those that are there go on.
func (g *Gate) Drain() { g.draining.Store(true) }

// Stop tells every client that the gate is shutting down, gives them until ctx ends to read it, and then cuts them off. It returns when every
// goroutine has ended. It may be called more than once, and without Start.
func (g *Gate) Stop(ctx context.Context) error {
	g.life.Lock()
	defer g.life.Unlock()
	g.Drain()
	if !g.up {
		g.cancel()
		return nil
	}
	g.up = false
	g.kickAll()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for _, l := range g.cfg.Listen {
			l.Transport.Stop()
		}
	}()
	g.seeOff(ctx, closed)
	g.writers.Wait()
	g.cancel()
	g.watch.Wait()
	return g.lines.Stop(ctx)
}

// seeOff waits for the transports to have ended. Whoever slips in while the listeners close is kicked too; once ctx has ended, everybody is cut off.
func (g *Gate) seeOff(ctx context.Context, closed <-chan struct{}) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-closed:
			return
		case <-again.C:
		}
		if ctx.Err() == nil {
			g.kickAll()
			continue
		}
		g.cancel() // ends handshakes that wait for somebody
		g.table.each(nil, func(s *session) { s.drop(fault.ShuttingDown) })
	}
}

func (g *Gate) kickAll() {
	g.table.each(nil, func(s *session) { s.kick(fault.ShuttingDown, "the gate is shutting down; connect again") })
}

// Kick ends a session, telling its client why, and reports whether it was there. With a turn that is not 0 it does so only if the session's connection
// is still that one (see [Holder]). A code with which clients come back (see PROTOCOL.md) ends the connection alone.
func (g *Gate) Kick(session id.Session, turn uint64, code fault.Code, reason string) bool {
	if turn != 0 {
		g.claims.miss(session, turn, fault.New(code, reason))
	}
	s := g.table.get(session)
	if s == nil || turn != 0 && turn != s.turnNow() {
		return false
	}
	s.kick(code, reason)
	return true
}

// Who is whose session is over this connection, which is there. It is safe for concurrent use.
func (g *Gate) Who(session id.Session, turn uint64) (who Identity, ok bool) {
	s := g.table.get(session)
	if s == nil || turn == 0 || turn != s.turnNow() { // who is known once there is a turn
		return Identity{}, false
	}
	return s.who, true
}

// Each calls fn for every player who is in, in no order: who it is, and over which connection. It is safe for concurrent use.
func (g *Gate) Each(fn func(who Identity, h Holder)) {
	g.table.each(nil, func(s *session) {
		s.mu.Lock()
		h := s.holder()
		s.mu.Unlock()
		if h.Turn != 0 { // else it is not known yet who it is
			fn(s.who, h)
		}
	})
}

// Count is how many sessions there are, those in their handshake included.
func (g *Gate) Count() int { return int(g.count.Load()) }

// Admit lets a connection in as far as the lobby. It is for transports.
func (g *Gate) Admit(c net.Conn) (Visit, error) {
	if g.ctx.Err() != nil {
		return nil, fault.New(fault.ShuttingDown, "the gate is shutting down")
	}
	s := &session{gate: g, net: c, id: id.Session(g.ids.Next())}
	g.stats.accepted.Add(1)
	g.table.put(s)
	if out := g.lobby.enter(s, time.Now()); out != nil {
		g.stats.pushedOut.Add(1)
		out.kick(fault.Overloaded, "too many connections wait to say hello")
	}
	return s, nil
}

// now is the gate's clock: nanoseconds since it was made.
func (g *Gate) now() int64 { return int64(time.Since(g.started)) }

// releaseClaim gives the player's place back. It waits for the registry, so only a session's own goroutine calls it.
func (g *Gate) releaseClaim(s *session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(g.ctx), g.cfg.HandshakeTimeout)
	defer cancel()
	if err := g.sessions.Release(ctx, s.who.Player, s.holder()); err != nil {
		g.log.Warn("session not released", "player", s.who.Player, "session", s.id, "error", err)
	}
}

// toJSON is a frame's body for a JSON session.
func (g *Gate) toJSON(h wire.Header, body []byte) ([]byte, error) {
	if h.Kind == wire.Error {
		var e wirepb.Error
		if err := wire.Unmarshal(body, &e); err != nil {
			return nil, err
		}
		return wire.MarshalJSON(nil, &e)
	}
	msg, ok := g.cfg.Registry.ByID(h.Message)
	if !ok {
		return nil, fault.Errorf(fault.Unimplemented, "message %d is not in this gate's registry", h.Message)
	}
	return wire.ToJSON(msg, body)
}
