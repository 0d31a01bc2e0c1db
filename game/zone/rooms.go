package zone

import (
	"context"
	"errors"
	"slices"

	"loumiao/framework/actor"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// look asks a room whether it still has something to say to a player.
type look struct {
	actor.Returns[*pb.HasRoomReply]
	player api.PlayerID
}

// hasRoom says whether a player can come back into a battle, or will be told how it has ended.
func (z *Zone) hasRoom(ctx context.Context, m *pb.HasRoom) (*pb.HasRoomReply, error) {
	room, ok := z.rooms.Get(api.MatchID(m.GetRoom()))
	if !ok {
		return &pb.HasRoomReply{}, nil
	}
	reply, err := actor.Ask(ctx, room, &look{player: api.PlayerID(m.GetPlayer())})
	if errors.Is(err, actor.ErrStopped) {
		return &pb.HasRoomReply{}, nil
	}
	return reply, err
}

// involved is everybody whom the room tells, or has told, how the battle has ended.
func (r *Room) involved() []api.PlayerID {
	if r.battle != nil {
		return r.battle.involved()
	}
	return r.told
}

func (r *Room) look(_ *actor.Context, m *look) (*pb.HasRoomReply, error) {
	here := r.phase != empty && r.phase != over && slices.Contains(r.involved(), m.player)
	if r.phase == recording && r.result == nil { // then who is not still to be told hears no more of it: his owner was told, or nobody was that for too long
		here = slices.ContainsFunc(r.notices, func(n notice) bool { return n.player == m.player })
	}
	return &pb.HasRoomReply{Here: here, Left: here && r.battle != nil && r.battle.hasLeft(m.player)}, nil
}
