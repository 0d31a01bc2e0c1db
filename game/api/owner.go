package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// AdoptPlayer gives a player to another world, with rpc.To.
var AdoptPlayer = rpc.Method[*pb.AdoptPlayer, *pb.Done]("world.Adopt")

// HasRoom asks a zone for a room, with rpc.To.
var HasRoom = rpc.Method[*pb.HasRoom, *pb.HasRoomReply]("zone.HasRoom", rpc.Idempotent())
