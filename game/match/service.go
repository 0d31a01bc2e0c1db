package match

import (
	"context"
	"fmt"
	"sync/atomic"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/tables"
)

// A Service is the match node.
type Service struct {
	cfg      Config
	designed bool // the modes are those of the design tables
	desk     *desk
	owners   *lease.Owners
}

var _ node.Service = (*Service)(nil)

// New is a match node that has not started.
func New(cfg Config) *Service {
	return &Service{cfg: cfg.WithDefaults(), designed: len(cfg.Modes) == 0}
}

// Start registers what worlds call.
func (s *Service) Start(_ context.Context, n *node.Node) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	s.owners = n.Owners()
	stats := newStats()
	if err := stats.register(n.Metrics()); err != nil {
		return fmt.Errorf("match: metrics: %w", err)
	}
	cfg := s.cfg
	cfg.Lead, cfg.Lease, cfg.Abandon, cfg.Unattended = n.Stretch(cfg.Lead), n.Stretch(cfg.Lease), n.Stretch(cfg.Abandon), n.Stretch(cfg.Unattended)
	mesh := &peers{rpc: n.RPC(), view: n.Cluster()}
	self := n.ID().String() + "." + n.Boot().String()
	s.desk = newDesk(cfg, api.Area(n.Area()), self, NewStore(n.Stores()), mesh, n.IDs().Next, n.Log(), stats)

	mesh.backfill = func(mode string) bool { return s.desk.modes()[mode].Backfill }
	if s.designed {
		s.follow(api.Tables.Of(n.Live()))
	}
	rpc.HandleFunc(n, api.JoinMatch, s.join)
	rpc.HandleFunc(n, api.LeaveMatch, s.leave)
	rpc.HandleFunc(n, api.AnswerMatch, s.answer)
	rpc.HandleFunc(n, api.DoParty, s.party)
	rpc.HandleFunc(n, api.ExplainTicket, s.explain)
	rpc.HandleFunc(n, api.OfferPlaces, s.offer)
	rpc.HandleFunc(n, api.StandForTickets, s.stand)
	return nil
}

// follow has the desk play the modes of the design tables, as they change.
func (s *Service) follow(designed *live.Value[*tables.Tables]) {
	type played struct {
		of    *tables.Tables
		modes map[string]Mode
	}
	var last atomic.Pointer[played] // so that they are not made anew for each ticket
	s.desk.modes = func() map[string]Mode {
		now := designed.Get()
		if was := last.Load(); was != nil && was.of == now {
			return was.modes
		}
		next := &played{now, map[string]Mode{}}
		for _, m := range now.Modes {
			next.modes[m.ID] = Mode{
				Players: m.Players, MinPlayers: m.MinPlayers, Patience: m.Patience,
				Window: m.Window, WidenPerSecond: m.WidenPerSecond, MaxWindow: m.MaxWindow,
				Starving: m.Starving, Teams: m.Teams, Accept: m.Accept, Backfill: m.Backfill,
			}
		}
		last.Store(next)
		return next.modes
	}
	designed.OnChange(s.desk.modesChanged)
}

// Ready starts the passes, and the care for what dead nodes have left.
func (s *Service) Ready(context.Context) error {
	s.desk.run()
	return nil
}

// Stop hands the pools to other nodes and finishes the matches in hand; what does not end in time is taken over by others. Tickets stay where they are.
func (s *Service) Stop(ctx context.Context) error { return s.desk.stop(ctx) }

func (s *Service) join(ctx context.Context, m *pb.JoinMatch) (*pb.JoinMatchReply, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	if err := s.speaksFor(ctx, m.GetPlayer(), m.GetEpoch()); err != nil {
		return nil, err
	}
	ticket, err := s.desk.start(ctx, Pool{area, m.GetMode()}, api.PlayerID(m.GetPlayer()), m.GetRating())
	if err != nil {
		return nil, err
	}
	return &pb.JoinMatchReply{Ticket: int64(ticket)}, nil
}

func (s *Service) leave(ctx context.Context, m *pb.LeaveMatch) (*pb.LeaveMatchReply, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	if err := s.speaksFor(ctx, m.GetPlayer(), m.GetEpoch()); err != nil {
		return nil, err
	}
	won, err := s.desk.leave(ctx, area, api.PlayerID(m.GetPlayer()), api.TicketID(m.GetTicket()))
	if err != nil {
		return nil, err
	}
	return &pb.LeaveMatchReply{Cancelled: won}, nil
}

func (s *Service) answer(ctx context.Context, m *pb.AnswerMatch) (*pb.AnswerMatchReply, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	if err := s.speaksFor(ctx, m.GetPlayer(), m.GetEpoch()); err != nil {
		return nil, err
	}
	stands, err := s.desk.answer(ctx, area, api.MatchID(m.GetMatch()), api.PlayerID(m.GetPlayer()), m.GetAccept())
	if err != nil {
		return nil, err
	}
	return &pb.AnswerMatchReply{Accepted: stands}, nil
}

func (s *Service) party(ctx context.Context, m *pb.DoParty) (*pb.DoPartyReply, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	if err := s.speaksFor(ctx, m.GetPlayer(), m.GetEpoch()); err != nil {
		return nil, err
	}
	do, ok := map[pb.DoParty_Act]act{
		pb.DoParty_LOOK: look, pb.DoParty_INVITE: invite, pb.DoParty_ACCEPT: accept, pb.DoParty_LEAVE: depart, pb.DoParty_KICK: kick,
	}[m.GetAct()]
	if !ok {
		return nil, fault.New(fault.Invalid, "no such thing can be done to a party")
	}
	is, err := s.desk.party(ctx, area, do, api.PlayerID(m.GetPlayer()), api.PlayerID(m.GetOther()), m.GetParty())
	if err != nil {
		return nil, err
	}
	return &pb.DoPartyReply{Party: is.message(), Number: is.Number}, nil
}

// speaksFor is an error unless the world that calls has the player: one that was paused and goes on may ask for what his next one does not know of.
func (s *Service) speaksFor(ctx context.Context, player int64, epoch uint64) error {
	from := rpc.Caller(ctx)
	return outside(s.owners.Confirm(ctx, player, lease.Binding{Node: from.Node, Boot: from.Boot, Epoch: epoch}))
}

func areaOf(n uint32) (api.Area, error) {
	if n > 1<<16-1 {
		return 0, errOtherArea
	}
	return api.Area(n), nil
}
