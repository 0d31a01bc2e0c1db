package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// HasRoom asks a zone for a room, with rpc.To.
var HasRoom = rpc.Method[*pb.HasRoom, *pb.HasRoomReply]("zone.HasRoom", rpc.Idempotent())
