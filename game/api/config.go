package api

import (
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// Config is the type of the configuration centre's nodes.
const Config = "config"

// config: what is published for all nodes, and who did it. How nodes get it is package live's business; what there is stands in live.go.
var (
	ReadConfig        = rpc.Method[*pb.ReadConfig, *pb.ReadConfigReply]("config.Read", rpc.Idempotent())
	CheckConfig       = rpc.Method[*pb.CheckConfig, *pb.CheckConfigReply]("config.Check", rpc.Idempotent())
	PublishConfig     = rpc.Method[*pb.PublishConfig, *pb.PublishConfigReply]("config.Publish")
	RollBackConfig    = rpc.Method[*pb.RollBackConfig, *pb.PublishConfigReply]("config.RollBack")
	ListConfigHistory = rpc.Method[*pb.ListConfigHistory, *pb.ListConfigHistoryReply]("config.History", rpc.Idempotent())
)
