package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// db: the only writer of the game's tables. Calls for a player go to rpc.ByKey(player).
var (
	LoadPlayer  = rpc.Method[*pb.LoadPlayer, *pb.PlayerRecord]("db.LoadPlayer")
	SavePlayer  = rpc.Method[*pb.SavePlayer, *pb.Done]("db.SavePlayer", rpc.Idempotent())
	ReadProfile = rpc.Method[*pb.ReadProfile, *pb.Profile]("db.ReadProfile", rpc.Idempotent())
	ApplyOp     = rpc.Method[*pb.ApplyOp, *pb.ApplyReply]("db.ApplyOp", rpc.Idempotent())
	RecordMatch = rpc.Method[*pb.RecordMatch, *pb.RecordMatchReply]("db.RecordMatch", rpc.Idempotent())
	ListMatches = rpc.Method[*pb.ListMatches, *pb.GetMatchesReply]("db.ListMatches", rpc.Idempotent())
	ErasePlayer = rpc.Method[*pb.ErasePlayer, *pb.Done]("db.ErasePlayer", rpc.Idempotent())
	ListLedger  = rpc.Method[*pb.ListLedger, *pb.GetLedgerReply]("db.ListLedger", rpc.Idempotent())
)

// queue: admission to an area.
var (
	RedeemPass   = rpc.Method[*pb.RedeemPass, *pb.Done]("queue.RedeemPass")
	ReportInside = rpc.Method[*pb.ReportInside, *pb.Done]("queue.ReportInside", rpc.Idempotent())
	ReadQueue    = rpc.Method[*pb.ReadQueue, *pb.QueueFigures]("queue.Read", rpc.Idempotent())
)

// match: matchmaking.
var (
	JoinMatch       = rpc.Method[*pb.JoinMatch, *pb.JoinMatchReply]("match.Join")
	LeaveMatch      = rpc.Method[*pb.LeaveMatch, *pb.LeaveMatchReply]("match.Leave", rpc.Idempotent())
	AnswerMatch     = rpc.Method[*pb.AnswerMatch, *pb.AnswerMatchReply]("match.Answer", rpc.Idempotent())
	StandForTickets = rpc.Method[*pb.StandForTickets, *pb.StandForTicketsReply]("match.Stand", rpc.Idempotent())
	OfferPlaces     = rpc.Method[*pb.OfferPlaces, *pb.Done]("match.OfferPlaces", rpc.Idempotent())
	ExplainTicket   = rpc.Method[*pb.ExplainTicket, *pb.TicketExplained]("match.Explain", rpc.Idempotent())
)

// zone: battle rooms.
var (
	CreateRoom = rpc.Method[*pb.CreateRoom, *pb.CreateRoomReply]("zone.CreateRoom", rpc.Idempotent())
	FillSeat   = rpc.Method[*pb.FillSeat, *pb.FillSeatReply]("zone.FillSeat", rpc.Idempotent())
)

// player: whoever owns the player now.
var (
	PlayerMatched   = rpc.Keyed[*pb.Done]("player.Matched", func(r *pb.PlayerMatched) PlayerID { return PlayerID(r.GetPlayer()) })
	PlayerProposed  = rpc.Keyed[*pb.Done]("player.Proposed", func(r *pb.PlayerProposed) PlayerID { return PlayerID(r.GetPlayer()) })
	PlayerUnmatched = rpc.Keyed[*pb.Done]("player.Unmatched", func(r *pb.PlayerUnmatched) PlayerID { return PlayerID(r.GetPlayer()) })
	PlayerFinished  = rpc.Keyed[*pb.Done]("player.Finished", func(r *pb.PlayerFinished) PlayerID { return PlayerID(r.GetPlayer()) })
	ReleasePlayer   = rpc.Keyed[*pb.Done]("player.Release", func(r *pb.ReleasePlayer) PlayerID { return PlayerID(r.GetPlayer()) })
)

// gate: clients' sessions.
var (
	KickSession  = rpc.Method[*pb.KickSession, *pb.Done]("gate.KickSession", rpc.Idempotent())
	HeldSessions = rpc.Method[*pb.HeldSessions, *pb.HeldSessionsReply]("gate.HeldSessions", rpc.Idempotent())
)
