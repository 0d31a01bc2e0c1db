package api

import (
	"strconv"

	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// A FieldID is one line of one map in one area, from when a zone opens it until it closes. No two have the same.
type FieldID int64

// String is the id in decimal.
func (f FieldID) String() string { return strconv.FormatInt(int64(f), 10) }

// zone: fields. All but ListFieldLines go to the zone that has the field, with rpc.To.
var (
	ListFieldLines = rpc.Method[*pb.ListFieldLines, *pb.ListFieldLinesReply]("zone.ListFieldLines", rpc.Idempotent())
	VisitField     = rpc.Method[*pb.VisitField, *pb.Done]("zone.VisitField", rpc.Idempotent())
	EndVisit       = rpc.Method[*pb.EndVisit, *pb.EndVisitReply]("zone.EndVisit", rpc.Idempotent())
)

// PlayerOnField tells a player's owner where he is.
var PlayerOnField = rpc.Keyed[*pb.Done]("player.OnField", func(r *pb.PlayerOnField) PlayerID { return PlayerID(r.GetPlayer()) })

// FindOnField asks a player's owner for the line that he is on, with rpc.Owner. It waits for no player's actor.
var FindOnField = rpc.Method[*pb.FindOnField, *pb.FindOnFieldReply]("player.FindOnField", rpc.Idempotent())
