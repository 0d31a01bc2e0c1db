package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// Public is the type of the nodes that do what must exist once.
const Public = "public"

// public: rankings, seasons, the chat of all, and mails to all. What operators want of it comes another way: see package command.
var (
	ReportStandings = rpc.Method[*pb.PlayerStandings, *pb.Done]("public.ReportStandings", rpc.Idempotent())
	ReadRanking     = rpc.Method[*pb.ReadRanking, *pb.GetRankingReply]("public.ReadRanking", rpc.Idempotent())
	ListSeasons     = rpc.Method[*pb.ListSeasons, *pb.GetSeasonsReply]("public.ListSeasons", rpc.Idempotent())
	ReadSeason      = rpc.Method[*pb.ReadSeason, *pb.GetSeasonReply]("public.ReadSeason", rpc.Idempotent())
	Say             = rpc.Method[*pb.Say, *pb.SayToAllReply]("public.Say")
	ListChat        = rpc.Method[*pb.ListChat, *pb.GetChatReply]("public.ListChat", rpc.Idempotent())
	ListBroadcasts  = rpc.Method[*pb.ListBroadcasts, *pb.ListBroadcastsReply]("public.ListBroadcasts", rpc.Idempotent())
)

// db: what rankings are made of.
var ListStandings = rpc.Method[*pb.ListStandings, *pb.PlayerStandings]("db.ListStandings", rpc.Idempotent())

// world: what public tells every world. Who misses it finds it: in the chat's numbers, and by asking for broadcasts now and then.
var (
	Said          = rpc.Method[*pb.Said, *pb.Done]("world.Said")
	BroadcastSent = rpc.Method[*pb.BroadcastSent, *pb.Done]("world.BroadcastSent")
)

// KickPlayer ends the session of a player, at his owner; [fault.NotOwner] when nobody owns him.
var KickPlayer = rpc.Keyed[*pb.Done]("player.Kick", func(r *pb.KickPlayer) PlayerID { return PlayerID(r.GetPlayer()) }, rpc.Idempotent())
