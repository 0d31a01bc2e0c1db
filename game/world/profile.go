package world

import (
	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// The most rows that a client may ask for at once, and how many it gets when it does not say.
const (
	maxMatches, someMatches = 50, 20
	maxEntries, someEntries = 200, 50
)

func (p *Player) getProfile(*actor.Context, *pb.GetProfile) (*pb.GetProfileReply, error) {
	return &pb.GetProfileReply{Profile: p.copyProfile()}, nil
}

func (p *Player) getMatches(ctx *actor.Context, m *pb.GetMatches) (*pb.GetMatchesReply, error) {
	limit, err := rows(m.GetLimit(), someMatches, maxMatches)
	if err != nil {
		return nil, err
	}
	return api.ListMatches.Call(ctx, p.world.rpc, &pb.ListMatches{Player: int64(p.id), Limit: limit}, rpc.ByKey(int64(p.id)))
}

func (p *Player) getLedger(ctx *actor.Context, m *pb.GetLedger) (*pb.GetLedgerReply, error) {
	limit, err := rows(m.GetLimit(), someEntries, maxEntries)
	if err != nil {
		return nil, err
	}
	list := &pb.ListLedger{Player: int64(p.id), Limit: limit, Before: m.GetBefore()}
	return api.ListLedger.Call(ctx, p.world.rpc, list, rpc.ByKey(int64(p.id)))
}

// rows is how many rows a client gets who asked for n.
func rows(n, some, most int32) (int32, error) {
	switch {
	case n == 0:
		return some, nil
	case n < 0 || n > most:
		return 0, fault.Errorf(fault.Invalid, "limit %d: must be 1 to %d", n, most)
	}
	return n, nil
}
