package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

var (
	errNoPlayer = fault.New(fault.Invalid, "no player")
	errNoWorld  = fault.New(fault.Forbidden, "only nodes may ask this")
	errLostLead = errors.New("queue: the lead was lost")
)

// Stages of a queue node's life.
const (
	standsBy = iota
	leads
	over
)

// deskRoom is how many messages of clients may wait for the desk.
const deskRoom = 1 << 14

// A Service is the queue node. It is ready when it leads; until then it stands by.
type Service struct {
	cfg    Config
	node   *node.Node
	store  *Store
	single *lease.Singleton
	tasks  chan task
	desk   actor.Ref
	stage  atomic.Uint32
	epoch  atomic.Uint64 // of the lead, once this node has it

	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup
}

var _ node.Service = (*Service)(nil)

// New is a queue node that has not started.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg.WithDefaults(), tasks: make(chan task, taskRoom)}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Start registers what clients and worlds may ask.
func (s *Service) Start(_ context.Context, n *node.Node) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	stats := newStats()
	if err := stats.register(n.Metrics()); err != nil {
		return fmt.Errorf("queue: metrics: %w", err)
	}
	s.node = n
	s.store = NewStore(n.Stores(), s.cfg)
	capacity, rate := api.QueueCapacity.Or(n.Live(), int64(s.cfg.Capacity)), api.QueueRate.Or(n.Live(), int64(s.cfg.Rate))
	s.store.Follow(func(area api.Area) Limits {
		return Limits{Capacity: int(capacity.In(uint16(area))), Rate: int(rate.In(uint16(area)))}
	})
	times := s.cfg.Lease
	times.TTL = n.Stretch(or(times.TTL, 10*time.Second))
	name := "queue"
	if n.Area() != 0 {
		name = fmt.Sprintf("queue-%d", n.Area())
	}
	s.single = lease.NewSingleton(n.Stores(), name, "cluster", n.ID(), n.Boot(), times, n.Log())

	b := behavior()
	ref := func() actor.Ref { return s.desk }
	line.HandleActor(n, ref, b, (*desk).enterQueue)
	line.HandleActor(n, ref, b, (*desk).leaveQueue)
	d := newDesk(api.Area(n.Area()), s.cfg, s.leading, s.tasks, stats)
	d.own = func(session *line.Session) {
		if epoch := s.epoch.Load(); epoch != 0 {
			session.Own(epoch, name)
		}
	}
	var err error
	s.desk, err = actor.Spawn(n.Actors(), "queue", b, d, actor.Options{Mailbox: deskRoom})
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	rpc.HandleFunc(n, api.RedeemPass, s.redeem)
	rpc.HandleFunc(n, api.ReportInside, s.report)
	return nil
}

func (s *Service) leading() bool { return s.stage.Load() == leads }

// Ready returns when this node leads. It goes on to lead until Stop; if it loses the lead before, the node fails, to start again as a standby.
func (s *Service) Ready(ctx context.Context) error {
	led, ended := make(chan struct{}), make(chan error, 1)
	s.work.Go(func() {
		ended <- s.single.Run(s.life, func(ctx context.Context, epoch uint64) error {
			s.epoch.Store(epoch) // before anybody is served under it
			if !s.stage.CompareAndSwap(standsBy, leads) {
				return errLostLead // and won again; but clients have been told to go elsewhere
			}
			close(led)
			err := s.lead(ctx, epoch)
			s.stage.Store(over)
			if s.life.Err() == nil {
				s.node.Fail(errors.Join(errLostLead, err))
			}
			return err
		})
	})
	select {
	case <-led:
		return nil
	case err := <-ended:
		return errors.Join(errors.New("queue: stopped before it led"), err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Service) lead(ctx context.Context, epoch uint64) error {
	c := &clerk{store: s.store, cfg: s.cfg, epoch: epoch, tasks: s.tasks, tell: s.desk.TellWait, log: s.node.Log()}
	return c.run(ctx)
}

// Stop gives the lead up. Everybody keeps his number, and finds the next leader through his gate.
func (s *Service) Stop(context.Context) error {
	s.stage.Store(over)
	s.end()
	s.work.Wait()
	s.desk.Stop()
	return nil
}

func (s *Service) redeem(ctx context.Context, m *pb.RedeemPass) (*pb.Done, error) {
	area, err := s.areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	world := rpc.Caller(ctx).Node
	switch {
	case m.GetPlayer() <= 0:
		return nil, errNoPlayer
	case world == 0:
		return nil, errNoWorld
	}
	return &pb.Done{}, outside(s.store.Redeem(ctx, area, api.PlayerID(m.GetPlayer()), m.GetPass(), world))
}

func (s *Service) report(ctx context.Context, m *pb.ReportInside) (*pb.Done, error) {
	area, err := s.areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	world := rpc.Caller(ctx).Node
	if world == 0 {
		return nil, errNoWorld
	}
	return &pb.Done{}, outside(s.store.Report(ctx, area, world, players(m.GetPlayers()), players(m.GetLeft())))
}

func (s *Service) areaOf(n uint32) (api.Area, error) {
	if n > 1<<16-1 || s.node.Area() != 0 && n != uint32(s.node.Area()) {
		return 0, errOtherArea
	}
	return api.Area(n), nil
}

func players(ids []int64) []api.PlayerID {
	out := make([]api.PlayerID, len(ids))
	for i, id := range ids {
		out[i] = api.PlayerID(id)
	}
	return out
}

// outside gives an error of Redis a code for whoever asked; what has one already stays.
func outside(err error) error {
	if err == nil || fault.CodeOf(err) != fault.Internal {
		return err
	}
	return fault.Wrap(err, fault.Lost, "the queue did not answer") // it may have had its effect
}
