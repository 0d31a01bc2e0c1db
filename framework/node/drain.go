package node

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/rpc"
)

// Drain has a node that serves calls take nobody new, or take them again. While it drains it goes on with what it has, and is chosen only where nobody
// else serves. Called for the node as rpc.To; [fault.FailedPrecondition] unless it is ready or drains, [fault.ShuttingDown] once it ends.
var Drain = rpc.Method[*wrapperspb.BoolValue, *emptypb.Empty]("node.Drain", rpc.Idempotent())

func (n *Node) serveDrain(_ context.Context, on *wrapperspb.BoolValue) (*emptypb.Empty, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ending {
		return nil, fault.New(fault.ShuttingDown, "the node is about to end")
	}
	want := cluster.Ready
	if on.GetValue() {
		want = cluster.Draining
	}
	switch s := n.State(); s {
	case want:
	case cluster.Ready, cluster.Draining:
		n.setState(want)
		n.log.Info("told how to go on", "state", want)
	default:
		return nil, fault.Errorf(fault.FailedPrecondition, "the node is %s, and takes nobody anyway", s)
	}
	return &emptypb.Empty{}, nil
}
