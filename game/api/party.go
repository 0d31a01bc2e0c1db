package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// match: parties.
var DoParty = rpc.Method[*pb.DoParty, *pb.DoPartyReply]("match.Party")

// player: what his owner is told and asked about his party.
var (
	PlayerParty = rpc.Keyed[*pb.Done]("player.Party", func(r *pb.PlayerParty) PlayerID { return PlayerID(r.GetPlayer()) })
	PlayerReady = rpc.Keyed[*pb.PlayerReadyReply]("player.Ready", func(r *pb.PlayerReady) PlayerID { return PlayerID(r.GetPlayer()) })
)
