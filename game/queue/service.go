package queue

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

var (
	errNoPlayer = fault.New(fault.Invalid, "no player")
	errNoWorld  = fault.New(fault.Forbidden, "only nodes may ask this")
	errNoEpochs = fault.New(fault.Invalid, "a report needs an epoch for each player")
)

// deskRoom is how many messages of clients may wait for the desk.
const deskRoom = 1 << 14

// A Service is the queue node. It is ready when it leads; until then it stands by.
type Service struct {
	cfg    Config
	laneOf func(Visitor) string
	node   *node.Node
	store  *Store
	gates  *gateWatch
	leader *node.Leader
	tasks  chan task
	desk   actor.Ref
	leads  atomic.Bool
	epoch  atomic.Uint64 // of the lead, once this node has it
}

var _ node.Service = (*Service)(nil)

// An Option changes a Service that is being made.
type Option func(*Service)

// WithLanes has rule say in which lane a newcomer waits; a name that no lane has means the standard one. It must not wait for anything: everybody who enters waits for it.
// Without this option the accounts that queue.priority names wait in the lane of that name.
func WithLanes(rule func(Visitor) string) Option { return func(s *Service) { s.laneOf = rule } }

// New is a queue node that has not started.
func New(cfg Config, options ...Option) *Service {
	s := &Service{cfg: cfg.WithDefaults(), tasks: make(chan task, taskRoom)}
	for _, option := range options {
		option(s)
	}
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
	s.gates = &gateWatch{published: api.NewGates(n.Stores()).Published, view: n.Cluster().Snapshot, held: map[api.Area]string{}}
	capacity, rate := api.QueueCapacity.Or(n.Live(), int64(s.cfg.Capacity)), api.QueueRate.Or(n.Live(), int64(s.cfg.Rate))
	admission := api.QueueAdmission.Of(n.Live())
	s.store.Follow(func(area api.Area) Limits {
		return Limits{
			Capacity: int(capacity.In(uint16(area))), Rate: int(rate.In(uint16(area))), Admission: admission.In(uint16(area)), Held: s.gates.of(area),
		}
	})
	if s.laneOf == nil {
		priority := api.QueuePriority.Of(n.Live())
		s.laneOf = func(v Visitor) string {
			if priority.In(uint16(v.Area))[v.Account] {
				return api.PriorityLane
			}
			return ""
		}
	}
	name := "queue"
	if n.Area() != 0 {
		name = fmt.Sprintf("queue-%d", n.Area())
	}
	s.leader = n.NewLeader(name, "cluster", s.cfg.Lease, s.lead)

	b := behavior()
	ref := func() actor.Ref { return s.desk }
	line.HandleActor(n, ref, b, (*desk).enterQueue)
	line.HandleActor(n, ref, b, (*desk).leaveQueue)
	d := newDesk(api.Area(n.Area()), s.cfg, s.leads.Load, s.tasks, stats)
	d.laneOf = s.laneOf
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
	rpc.HandleFunc(n, api.ReadQueue, s.read)
	return nil
}

// Ready returns when this node leads.
func (s *Service) Ready(ctx context.Context) error { return s.leader.Ready(ctx) }

// lead lets players in under an epoch, until ctx ends or another node leads.
func (s *Service) lead(ctx context.Context, epoch uint64, ready func()) error {
	s.epoch.Store(epoch) // before anybody is served under it
	s.leads.Store(true)
	defer s.leads.Store(false)
	ready()
	c := &clerk{store: s.store, cfg: s.cfg, epoch: epoch, tasks: s.tasks, tell: s.desk.TellWait, gates: s.gates, log: s.node.Log()}
	return c.run(ctx)
}

// Stop gives the lead up. Everybody keeps his number, and finds the next leader through his gate.
func (s *Service) Stop(context.Context) error {
	s.leads.Store(false)
	s.leader.Stop()
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
	inside, left, err := s.current(ctx, m)
	if err != nil {
		return nil, outside(err)
	}
	return &pb.Done{}, outside(s.store.Report(ctx, area, world, inside, left))
}

// current is who is inside and who has left, without those whom a newer owner has: a world that was paused, and goes on, has nothing to say of them.
func (s *Service) current(ctx context.Context, m *pb.ReportInside) (inside, left []api.PlayerID, err error) {
	all, epochs := slices.Concat(m.GetPlayers(), m.GetLeft()), m.GetEpochs()
	if len(epochs) != len(all) {
		return nil, nil, errNoEpochs
	}
	under := make(map[int64]uint64, len(all))
	for i, player := range all {
		under[player] = epochs[i]
	}
	overtaken, err := s.node.Owners().Overtaken(ctx, under)
	if err != nil {
		return nil, nil, err
	}
	return without(m.GetPlayers(), overtaken), without(m.GetLeft(), overtaken), nil
}

func (s *Service) areaOf(n uint32) (api.Area, error) {
	if n > 1<<16-1 || s.node.Area() != 0 && n != uint32(s.node.Area()) {
		return 0, errOtherArea
	}
	return api.Area(n), nil
}

func without(ids []int64, overtaken map[int64]bool) []api.PlayerID {
	out := make([]api.PlayerID, 0, len(ids))
	for _, id := range ids {
		if !overtaken[id] {
			out = append(out, api.PlayerID(id))
		}
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
