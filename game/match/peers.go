package match

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// callTimeout bounds one attempt to reach a zone or an owner: short of the lease, so that there is time for more than one.
const callTimeout = 2 * time.Second

// peers is the mesh over RPC.
type peers struct {
	rpc  *rpc.RPC
	view cluster.View
	turn atomic.Uint32

	backfill func(mode string) bool // whether seats of that mode are filled when their players have left
}

// Pick takes the zones in turn: matches cost about the same, so that this is as even as it gets without asking. The zone is chosen before the claim and stands in the
// match's record, because only the same zone, asked again, is sure not to make a second room.
func (p *peers) Pick(area api.Area) (id.Node, bool) {
	zones := p.view.Snapshot().ByType(api.Zone)
	turn := int(p.turn.Add(1) % uint32(max(1, len(zones))))
	for _, zone := range slices.Concat(zones[turn:], zones[:turn]) {
		if zone.State == cluster.Ready && (zone.Area == 0 || api.Area(zone.Area) == area) {
			return zone.Node, true
		}
	}
	return 0, false
}

func (p *peers) Alive(zone id.Node) bool {
	_, ok := p.view.Snapshot().Node(zone)
	return ok
}

func (p *peers) CreateRoom(ctx context.Context, m Match) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := api.CreateRoom.Call(ctx, p.rpc, &pb.CreateRoom{
		Match: int64(m.ID), Mode: m.Mode, Area: uint32(m.Area), Players: m.players(), Teams: int32(m.Teams), Backfill: p.backfill(m.Mode), Ratings: m.ratings(),
	}, rpc.To(m.Zone))
	return err
}

func (p *peers) FillSeat(ctx context.Context, m Match) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := api.FillSeat.Call(ctx, p.rpc, &pb.FillSeat{
		Room: int64(m.Place.Room), Seat: m.Place.Seat, Fill: int64(m.ID), Player: int64(m.Tickets[0].Player),
	}, rpc.To(m.Zone))
	return reply.GetPlayers(), err
}

func (p *peers) HasRoom(ctx context.Context, m Match) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := api.HasRoom.Call(ctx, p.rpc, &pb.HasRoom{Room: int64(m.ID), Player: int64(m.Tickets[0].Player)}, rpc.To(m.Zone))
	return reply.GetHere(), err
}

func (p *peers) Ready(ctx context.Context, player api.PlayerID) (int32, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := api.PlayerReady.Call(ctx, p.rpc, &pb.PlayerReady{Player: int64(player)})
	return reply.GetRating(), err
}

func (p *peers) News(ctx context.Context, n news) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := api.PlayerParty.Call(ctx, p.rpc, &pb.PlayerParty{
		Player: int64(n.player), Party: n.party.message(), InvitedBy: int64(n.from), Ticket: int64(n.ticket), Mode: n.mode,
		Number: n.party.Number,
	})
	return err
}

func (p Party) message() *pb.Party {
	out := &pb.Party{Party: p.ID}
	for _, player := range p.Players {
		out.Players = append(out.Players, int64(player))
	}
	return out
}

func (p *peers) Matched(ctx context.Context, m Match, t Ticket) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := api.PlayerMatched.Call(ctx, p.rpc, &pb.PlayerMatched{
		Player: int64(t.Player), Ticket: int64(t.ID), Match: int64(m.room()), Room: int64(m.room()), Zone: uint32(m.Zone), Mode: m.Mode,
		Players: m.players(), Teams: int32(m.Teams), Fill: m.fill(),
	})
	return err
}

func (p *peers) Proposed(ctx context.Context, m Match, t Ticket, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := api.PlayerProposed.Call(ctx, p.rpc, &pb.PlayerProposed{
		Player: int64(t.Player), Ticket: int64(t.ID), Match: int64(m.ID), Mode: m.Mode, Players: int32(len(m.players())), WithinMs: within.Milliseconds(),
	})
	return err
}

func (p *peers) Unmatched(ctx context.Context, t Ticket, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := api.PlayerUnmatched.Call(ctx, p.rpc, &pb.PlayerUnmatched{Player: int64(t.Player), Ticket: int64(t.ID), Reason: reason})
	return err
}

// players is who plays, team by team.
func (m Match) players() []int64 {
	if m.seated != nil {
		return m.seated
	}
	var out []int64
	for _, t := range each(m.Tickets) {
		out = append(out, int64(t.Player))
	}
	return out
}

// ratings is what each of players counts as.
func (m Match) ratings() []int32 {
	var out []int32
	for _, t := range each(m.Tickets) {
		out = append(out, t.Rating)
	}
	return out
}
