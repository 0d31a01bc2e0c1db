package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// account: who may not play. ImposeSanction is in force when it is answered; one that is lost on the way may be stored all the same, and is then in force
// within seconds.
var (
	ImposeSanction = rpc.Method[*pb.ImposeSanction, *pb.ImposeSanctionReply]("account.ImposeSanction")
	LiftSanction   = rpc.Method[*pb.LiftSanction, *pb.Done]("account.LiftSanction", rpc.Idempotent())
	ListSanctions  = rpc.Method[*pb.ListSanctions, *pb.ListSanctionsReply]("account.ListSanctions", rpc.Idempotent())
)
