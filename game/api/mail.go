package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// db: mails. SendMail is for everybody, and tells a player who is online; the others are for the world that holds the player.
var (
	SendMail   = rpc.Method[*pb.SendMail, *pb.SendMailReply]("db.SendMail", rpc.Idempotent())
	ListMails  = rpc.Method[*pb.ListMails, *pb.GetMailsReply]("db.ListMails", rpc.Idempotent())
	ReadMail   = rpc.Method[*pb.PlayerMail, *pb.ReadMailReply]("db.ReadMail", rpc.Idempotent())
	ClaimMail  = rpc.Method[*pb.PlayerMail, *pb.ClaimedMail]("db.ClaimMail", rpc.Idempotent())
	ClaimMails = rpc.Method[*pb.PlayerMails, *pb.ClaimedMails]("db.ClaimMails")
	DeleteMail = rpc.Method[*pb.PlayerMail, *pb.Done]("db.DeleteMail", rpc.Idempotent())
)

// PlayerMailed tells the player's owner of a mail; db does.
var PlayerMailed = rpc.Keyed[*pb.Done]("player.Mailed", func(r *pb.PlayerMailed) PlayerID { return PlayerID(r.GetPlayer()) })
