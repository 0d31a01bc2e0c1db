package world

import (
	"context"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// rejoinTimeout is how long a zone has to say whether it has a room. One that does not answer may have it.
const rejoinTimeout = 2 * time.Second

// returned finds out what has become of the match in which the player was when his last world let him go, or in which this one believes him: it is on, or its result is there, or it has
// come to nothing. What cannot be found out now stays as it is, until its end is told.
func (p *Player) returned(ctx *actor.Context) {
	m := p.state.Match
	if m == nil {
		return
	}
	on, err := p.world.hasRoom(ctx, m.Zone, m.Room, p.id)
	if on {
		return
	}
	var result *pb.MatchResult
	if err == nil {
		result, err = p.resultOf(ctx, m.ID)
	}
	switch {
	case err != nil:
	case result != nil: // the zone has told it while nobody had the player
		err = p.conclude(ctx, result)
	default:
		p.abort(ctx, "the battle's server is gone")
	}
	if err != nil {
		p.world.log.Warn("it is not known yet what has become of a player's match", "player", p.id, "match", m.ID, "err", err)
	}
}

// hasRoom reports whether the zone has the room, with a battle that is not over or whose result is on its way.
func (w *World) hasRoom(ctx context.Context, zone id.Node, room int64, player api.PlayerID) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, rejoinTimeout)
	defer cancel()
	reply, err := api.HasRoom.Call(ctx, w.rpc, &pb.HasRoom{Room: room, Player: int64(player)}, rpc.To(zone))
	if _, there := w.node.Cluster().Snapshot().Node(zone); fault.CodeOf(err) == fault.Unavailable && !there {
		return false, nil // and so is the room
	}
	return reply.GetHere(), err
}

// resultOf is the result of one of the player's last matches; nil if it has none.
func (p *Player) resultOf(ctx context.Context, match api.MatchID) (*pb.MatchResult, error) {
	list := &pb.ListMatches{Player: int64(p.id), Limit: maxEnded}
	reply, err := api.ListMatches.Call(ctx, p.world.rpc, list, rpc.ByKey(int64(p.id)))
	for _, m := range reply.GetMatches() {
		if m.GetMatch() == int64(match) {
			return m, nil
		}
	}
	return nil, err
}
