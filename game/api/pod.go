package api

import (
	"strings"

	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// pod: a machine and the nodes that run on it. A pod that does not run the node answers [fault.NotFound]. Orders are answered with the node as it is then,
// which is before it has ended or is up.
var (
	ReadPod     = rpc.Method[*pb.ReadPod, *pb.PodReply]("pod.Read", rpc.Idempotent())
	StartNode   = rpc.Method[*pb.StartNode, *pb.PodNode]("pod.StartNode", rpc.Idempotent())
	StopNode    = rpc.Method[*pb.StopNode, *pb.PodNode]("pod.StopNode", rpc.Idempotent())
	RestartNode = rpc.Method[*pb.RestartNode, *pb.PodNode]("pod.RestartNode")
	DrainNode   = rpc.Method[*pb.DrainNode, *pb.PodNode]("pod.DrainNode", rpc.Idempotent())
	TailNode    = rpc.Method[*pb.TailNode, *pb.TailNodeReply]("pod.TailNode", rpc.Idempotent())
)

// LifeName is a state of a pod's node for people and JSON: "running", "failing", "stopping", "stopped".
func LifeName(s pb.PodNodeState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "POD_NODE_STATE_"))
}
