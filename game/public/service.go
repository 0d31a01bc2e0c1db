package public

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/command"
	"loumiao/game/store/public"
	"loumiao/game/tables"
)

var errNotLeading = fault.New(fault.Unavailable, "public is moving to another node: try again")

// A Service is the node. It is ready when it leads; until then it stands by.
type Service struct {
	cfg       Config
	areas     []uint16
	calendars *area.Calendars
	jobs      []Job
	handlers  map[string]command.Handler
	now       func() time.Time

	node   *node.Node
	store  *public.Store
	board  *board
	queue  *command.Queue
	leader *node.Leader
	tables *live.Value[*tables.Tables]
	reign  atomic.Pointer[reign] // nil: another node leads, if any
}

var _ node.Service = (*Service)(nil)

// An Option is what a node can be told beyond its configuration.
type Option func(*Service)

// WithJobs adds jobs to those that public has by itself.
func WithJobs(jobs ...Job) Option { return func(s *Service) { s.jobs = append(s.jobs, jobs...) } }

// WithCommands adds handlers of commands; one of the name of another takes its place.
func WithCommands(handlers ...command.Handler) Option {
	return func(s *Service) {
		for _, h := range handlers {
			s.handlers[h.Name()] = h
		}
	}
}

// New is a node for these areas that has not started.
func New(cfg Config, areas []uint16, calendars *area.Calendars, options ...Option) *Service {
	s := &Service{cfg: cfg, areas: areas, calendars: calendars, handlers: map[string]command.Handler{}, now: time.Now}
	s.jobs = s.ownJobs()
	WithCommands(s.ownCommands()...)(s)
	WithCommands(s.nodeCommands()...)(s)
	WithCommands(s.settingCommands()...)(s)
	for _, with := range options {
		with(s)
	}
	return s
}

// Start opens the tables and registers what peers may call.
func (s *Service) Start(_ context.Context, n *node.Node) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	for _, j := range s.jobs {
		if err := j.validate(); err != nil {
			return err
		}
	}
	db, err := n.Stores().SQL("public")
	if err != nil {
		return err
	}
	s.node, s.store, s.board, s.queue = n, public.New(db, s.now), &board{n.Stores()}, command.NewQueue(n.Stores())
	s.tables = api.Tables.Of(n.Live())
	s.leader = n.NewLeader(public.Fence, "public", s.cfg.Lease, s.lead)
	rpc.HandleFunc(n, api.ReportStandings, led(s, (*reign).reportStandings))
	rpc.HandleFunc(n, api.ReadRanking, led(s, (*reign).readRanking))
	rpc.HandleFunc(n, api.ListSeasons, led(s, (*reign).listSeasons))
	rpc.HandleFunc(n, api.ReadSeason, led(s, (*reign).readSeason))
	rpc.HandleFunc(n, api.Say, led(s, (*reign).say))
	rpc.HandleFunc(n, api.ListChat, led(s, (*reign).listChat))
	rpc.HandleFunc(n, api.ListBroadcasts, led(s, (*reign).listBroadcasts))
	return nil
}

// led is a handler that answers only while this node leads. One that turns out to be deposed fails, to start again as a standby.
func led[Req, Resp any](s *Service, handle func(*reign, context.Context, Req) (Resp, error)) func(context.Context, Req) (Resp, error) {
	return func(ctx context.Context, m Req) (Resp, error) {
		var none Resp
		r := s.reign.Load()
		if r == nil {
			return none, errNotLeading
		}
		reply, err := handle(r, ctx, m)
		switch code := fault.CodeOf(err); {
		case err == nil:
			return reply, nil
		case code == fault.Fenced:
			s.node.Fail(node.ErrLeadLost)
			return none, errNotLeading
		case code == fault.Internal && ctx.Err() == nil:
			r.log.Error("public could not answer", "err", err)
			return none, fault.Wrap(err, fault.Internal, "public has a problem, which stands in its log")
		}
		return none, err
	}
}

// Ready returns when this node leads.
func (s *Service) Ready(ctx context.Context) error { return s.leader.Ready(ctx) }

// lead serves with an epoch until ctx ends, or it turns out that another node leads.
func (s *Service) lead(ctx context.Context, epoch uint64, ready func()) error {
	r := newReign(s, epoch)
	if err := r.begin(ctx); err != nil {
		return fmt.Errorf("begin to lead: %w", err)
	}
	s.reign.Store(r)
	defer s.reign.Store(nil)
	ready()
	return r.run(ctx)
}

// Stop gives the lead up.
func (s *Service) Stop(context.Context) error {
	s.leader.Stop()
	return nil
}
