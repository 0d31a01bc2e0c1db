package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// db, for charge: orders are granted by [ApplyOp], and what is refunded is taken back by TakeBack. Calls for a player go to rpc.ByKey(player).
var (
	TakeBack = rpc.Method[*pb.TakeBack, *pb.TakeBackReply]("db.TakeBack", rpc.Idempotent())
	ReadOp   = rpc.Method[*pb.ReadOp, *pb.ReadOpReply]("db.ReadOp", rpc.Idempotent())
)
