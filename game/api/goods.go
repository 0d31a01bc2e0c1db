package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// PlayerChanged tells the player's owner that what the player has was changed by [ApplyOp] from outside: by an order, an operator. It is sent after
// the change. Nobody need care whether it arrives: without an owner the player sees the change when he enters next.
var PlayerChanged = rpc.Keyed[*pb.Done]("player.Changed", func(r *pb.PlayerChanged) PlayerID { return PlayerID(r.GetPlayer()) })

// db: what lies around [ApplyOp]. Of its keys, those that begin with "shop:", "use:", "sell:", "discard:", "rename:" and "sign_in:" are the world's.
var (
	FindOp       = rpc.Method[*pb.FindOp, *pb.FindOpReply]("db.FindOp", rpc.Idempotent())
	ListCounters = rpc.Method[*pb.ListCounters, *pb.ListCountersReply]("db.ListCounters", rpc.Idempotent())
)
