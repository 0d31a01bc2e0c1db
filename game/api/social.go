package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// db: what players are to each other. It tells the other player's owner of a change.
var (
	ListFriends = rpc.Method[*pb.ListFriends, *pb.GetFriendsReply]("db.ListFriends", rpc.Idempotent())
	FindByName  = rpc.Method[*pb.FindByName, *pb.FindPlayerReply]("db.FindByName", rpc.Idempotent())
	Relate      = rpc.Method[*pb.Relate, *pb.RelateReply]("db.Relate", rpc.Idempotent())
)

// player: what its owner is told by others' owners, and by db.
var (
	PlayerRelated = rpc.Keyed[*pb.Done]("player.Related", func(r *pb.PlayerRelated) PlayerID { return PlayerID(r.GetPlayer()) })
	PlayerSeen    = rpc.Keyed[*pb.Done]("player.Seen", func(r *pb.PlayerSeen) PlayerID { return PlayerID(r.GetPlayer()) })
	PlayerTold    = rpc.Keyed[*pb.Done]("player.Told", func(r *pb.PlayerTold) PlayerID { return PlayerID(r.GetPlayer()) })
)
