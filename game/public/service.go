package public

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/command"
	"loumiao/game/store/public"
)

var (
	errLostLead   = errors.New("public: the lead was lost")
	errNotLeading = fault.New(fault.Unavailable, "public is moving to another node: try again")
)

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
	single *lease.Singleton
	reign  atomic.Pointer[reign] // nil: another node leads, if any

	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup
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
	s.life, s.end = context.WithCancel(context.Background())
	s.jobs = s.ownJobs()
	WithCommands(s.ownCommands()...)(s)
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
	times := s.cfg.Lease
	if stretched := n.Stretch(times.TTL); stretched != times.TTL { // for a debugger
		times = lease.Config{TTL: stretched}
	}
	s.single = lease.NewSingleton(n.Stores(), public.Fence, "public", n.ID(), n.Boot(), times, n.Log())
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
			s.node.Fail(errLostLead)
			return none, errNotLeading
		case code == fault.Internal && ctx.Err() == nil:
			r.log.Error("public could not answer", "err", err)
			return none, fault.Wrap(err, fault.Internal, "public has a problem, which stands in its log")
		}
		return none, err
	}
}

// Ready returns when this node leads. It goes on to lead until Stop; if it loses the lead before, the node fails, to start again as a standby.
func (s *Service) Ready(ctx context.Context) error {
	led, ended := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	s.work.Go(func() {
		ended <- s.single.Run(s.life, func(ctx context.Context, epoch uint64) error {
			err := s.lead(ctx, epoch, func() { once.Do(func() { close(led) }) })
			if s.life.Err() != nil {
				return nil
			}
			s.node.Fail(errors.Join(errLostLead, err))
			return err
		})
	})
	select {
	case <-led:
		return nil
	case err := <-ended:
		return errors.Join(errors.New("public: stopped before it led"), err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

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
	s.end()
	s.work.Wait()
	return nil
}
