package world

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// servePublic registers what worlds ask of public for their players, and what it tells them.
func (w *World) servePublic(n *node.Node) {
	line.Handle(n, w.players, asPublic((*Player).getRanking))
	line.Handle(n, w.players, asPublic((*Player).getSeasons))
	line.Handle(n, w.players, asPublic((*Player).getSeason))
	line.Handle(n, w.players, asPublic((*Player).sayToAll))
	line.Handle(n, w.players, asPublic((*Player).getChat))
	rpc.Handle(n, w.players, api.KickPlayer, (*Player).kick)
	rpc.HandleFunc(n, api.Said, w.said)
	rpc.HandleFunc(n, api.BroadcastSent, w.broadcastSent)
	actor.HandleTell(w.players.Behavior(), (*Player).lookForBroadcasts)
}

// asPublic guards a handler that asks public: without a node that leads, it says so at once, and the player need not wait.
func asPublic[M, R proto.Message](handle func(*Player, *actor.Context, M) (R, error)) func(*Player, *actor.Context, M) (R, error) {
	return entered(func(p *Player, ctx *actor.Context, m M) (R, error) {
		var none R
		if !p.world.hasPublic() {
			return none, fault.New(fault.Unavailable, "this is not there now: try again in a while")
		}
		return handle(p, ctx, m)
	})
}

// hasPublic is whether a node of type public leads.
func (w *World) hasPublic() bool {
	return slices.ContainsFunc(w.node.Cluster().Snapshot().ByType(api.Public), func(m cluster.Member) bool { return m.State == cluster.Ready })
}

func (p *Player) getRanking(ctx *actor.Context, m *pb.GetRanking) (*pb.GetRankingReply, error) {
	return api.ReadRanking.Call(ctx, p.world.rpc, &pb.ReadRanking{
		Area: uint32(p.area), Board: m.GetBoard(), Player: int64(p.id), From: m.GetFrom(), Limit: m.GetLimit(), Around: m.GetAroundMe(),
	}, rpc.Any)
}

func (p *Player) getSeasons(ctx *actor.Context, m *pb.GetSeasons) (*pb.GetSeasonsReply, error) {
	return api.ListSeasons.Call(ctx, p.world.rpc, &pb.ListSeasons{Area: uint32(p.area), Player: int64(p.id), Limit: m.GetLimit()}, rpc.Any)
}

func (p *Player) getSeason(ctx *actor.Context, m *pb.GetSeason) (*pb.GetSeasonReply, error) {
	return api.ReadSeason.Call(ctx, p.world.rpc, &pb.ReadSeason{
		Area: uint32(p.area), Number: m.GetNumber(), From: m.GetFrom(), Limit: m.GetLimit(),
	}, rpc.Any)
}

// kick ends the player's session, because an operator has said so.
func (p *Player) kick(_ *actor.Context, m *pb.KickPlayer) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	if p.session == nil {
		return nil, fault.New(fault.NotFound, "the player is not online")
	}
	p.session.Kick(fault.Forbidden, m.GetReason())
	return &pb.Done{}, nil
}
