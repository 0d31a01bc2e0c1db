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

// lookAgain is when a player's world looks again what has become of his match, after its zone has gone and that could not be found out.
const lookAgain = 3 * time.Second

// engaged is whether the player is in a match. One that has been on for a while is doubted: when the zone had died before this world was told of the match, nobody
// tells the match's end, and who has left a battle for good is free once another has his seat.
func (p *Player) engaged(ctx *actor.Context) bool {
	p.dropStale(ctx)
	if m := p.state.Match; m != nil && time.Since(time.UnixMilli(m.Began)) > doubtAfter {
		_ = p.returned(ctx)
	}
	return p.state.Match != nil
}

// returned finds out what has become of the match in which the player was when his last world let him go, or in which this one believes him: it is on, without him, or its result is
// there, or it has come to nothing. What cannot be found out now, which is an error, stays as it is, until its end is told.
func (p *Player) returned(ctx *actor.Context) error {
	m := p.state.Match
	if m == nil {
		return nil
	}
	on, left, err := p.world.hasRoom(ctx, m.Zone, m.Room, p.id)
	if on && left {
		p.leftBattle(ctx, m)
	}
	if on {
		return nil
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
	return err
}

// leftBattle lets a player go from a battle that he has left for good. Its result is counted and told when it is there.
func (p *Player) leftBattle(ctx *actor.Context, m *Match) {
	if err := p.commit(ctx, func(s *State) { s.leave(m.ID) }); err != nil {
		p.world.log.Warn("player not let go from the battle that he has left", "player", p.id, "match", m.ID, "err", err)
		return
	}
	if p.session != nil {
		p.session.Unbind(api.Zone)
	}
}

// hasRoom reports whether the zone has the room, with a battle that is not over or whose result is on its way, and whether the player has left that for good.
func (w *World) hasRoom(ctx context.Context, zone id.Node, room int64, player api.PlayerID) (here, left bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, rejoinTimeout)
	defer cancel()
	reply, err := api.HasRoom.Call(ctx, w.rpc, &pb.HasRoom{Room: room, Player: int64(player)}, rpc.To(zone))
	if _, there := w.node.Cluster().Snapshot().Node(zone); fault.CodeOf(err) == fault.Unavailable && !there {
		return false, false, nil // and so is the room
	}
	return reply.GetHere(), reply.GetLeft(), err
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
