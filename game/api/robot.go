package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// robot: load from inside. Each node is asked by itself.
var (
	RunRobots  = rpc.Method[*pb.RunRobots, *pb.RobotRun]("robot.Run", rpc.Idempotent())
	StopRobots = rpc.Method[*pb.StopRobots, *pb.RobotRun]("robot.Stop", rpc.Idempotent())
	ReadRobots = rpc.Method[*pb.ReadRobots, *pb.RobotRun]("robot.Read", rpc.Idempotent())
)
