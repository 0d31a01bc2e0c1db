package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// log: the game's log. Any node takes any batch, and as often as it comes.
var (
	AppendLog = rpc.Method[*pb.AppendLog, *pb.Done]("log.Append", rpc.Idempotent())
	FindLog   = rpc.Method[*pb.FindLog, *pb.FindLogReply]("log.Find", rpc.Idempotent())
)

// The kinds of records that the sample game writes.
const (
	LogEconomy = "economy" // one for each entry of the ledger, by its number
	LogLogin   = "login"   // a player has come in: {"way": how he has logged in}
	LogLogout  = "logout"  // and is gone: {"how": "left", or "lost" when that was noticed at his next login only; "seconds": since he came}
	LogBattle  = "battle"  // one for each player of a match, by the match's number
)
