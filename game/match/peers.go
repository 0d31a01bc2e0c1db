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
		Match: int64(m.ID), Mode: m.Mode, Area: uint32(m.Area), Players: m.players(),
	}, rpc.To(m.Zone))
	return err
}

func (p *peers) Matched(ctx context.Context, m Match, t Ticket) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := api.PlayerMatched.Call(ctx, p.rpc, &pb.PlayerMatched{
		Player: int64(t.Player), Ticket: int64(t.ID), Match: int64(m.ID), Room: int64(m.ID), Zone: uint32(m.Zone), Mode: m.Mode,
		Players: m.players(),
	})
	return err
}

func (p *peers) Unmatched(ctx context.Context, t Ticket, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := api.PlayerUnmatched.Call(ctx, p.rpc, &pb.PlayerUnmatched{Player: int64(t.Player), Ticket: int64(t.ID), Reason: reason})
	return err
}

func (m Match) players() []int64 {
	out := make([]int64, len(m.Tickets))
	for i, t := range m.Tickets {
		out[i] = int64(t.Player)
	}
	return out
}
