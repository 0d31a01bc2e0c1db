package db

import (
	"context"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

func (d *DB) serveFriends() {
	rpc.HandleFunc(d.node, api.ListFriends, d.listFriends)
	rpc.HandleFunc(d.node, api.FindByName, d.findByName)
	rpc.HandleFunc(d.node, api.Relate, d.relate)
	rpc.HandleFunc(d.node, api.ErasePlayer, d.erase)
}

func (d *DB) erase(ctx context.Context, m *pb.ErasePlayer) (*pb.Done, error) {
	return &pb.Done{}, d.players.ErasePlayer(ctx, player.ID(m.GetPlayer()))
}

func (d *DB) listFriends(ctx context.Context, m *pb.ListFriends) (*pb.GetFriendsReply, error) {
	relations, err := d.players.Friends(ctx, player.ID(m.GetPlayer()))
	if err != nil {
		return nil, err
	}
	reply := &pb.GetFriendsReply{}
	for _, r := range relations {
		reply.Friends = append(reply.Friends, friend(r))
	}
	return reply, nil
}

func (d *DB) findByName(ctx context.Context, m *pb.FindByName) (*pb.FindPlayerReply, error) {
	r, err := d.players.Find(ctx, uint16(m.GetArea()), m.GetName())
	if err != nil {
		return nil, err
	}
	return &pb.FindPlayerReply{Player: int64(r.Player), Name: r.Name, Level: r.Level}, nil
}

// relate tells the other player too, if somebody owns him and he should know.
func (d *DB) relate(ctx context.Context, m *pb.Relate) (*pb.RelateReply, error) {
	r, err := d.players.Relate(ctx, player.ID(m.GetPlayer()), m.GetEpoch(), player.ID(m.GetOther()), player.Act(m.GetAct()))
	if err != nil {
		return nil, err
	}
	if r.Told {
		err := api.PlayerRelated.Send(ctx, d.node.RPC(), &pb.PlayerRelated{Player: m.GetOther(), Friend: friend(r.Theirs)})
		if err != nil && fault.CodeOf(err) != fault.NotOwner {
			d.node.Log().Debug("owner not told of a friend", "player", m.GetOther(), "friend", m.GetPlayer(), "err", err)
		}
	}
	return &pb.RelateReply{Friend: friend(r.Mine)}, nil
}

func friend(r player.Relation) *pb.Friend {
	return &pb.Friend{Player: int64(r.Player), Name: r.Name, Level: r.Level, Bond: pb.Friend_Bond(r.Bond), SinceMs: r.Since.UnixMilli()}
}
