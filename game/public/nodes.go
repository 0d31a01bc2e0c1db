package public

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// nodes asks every pod how its machine and its nodes are.
func (r *reign) nodes(ctx context.Context, _ command.Command, _ struct{}) (any, error) {
	list, known := command.NodeList{Machines: []command.Machine{}, Nodes: []command.Node{}}, map[uint16]bool{}
	pods := r.pods()
	replies, errs := make([]*pb.PodReply, len(pods)), make([]error, len(pods))
	var asking sync.WaitGroup
	for i, m := range pods {
		asking.Go(func() { replies[i], errs[i] = api.ReadPod.Call(ctx, r.node.RPC(), &pb.ReadPod{}, rpc.To(m.Node)) })
	}
	asking.Wait()
	for i, m := range pods {
		pod := uint16(m.Node)
		if errs[i] != nil {
			_, text := fault.Outside(errs[i])
			list.Machines = append(list.Machines, command.Machine{Pod: pod, Error: text})
			continue
		}
		list.Machines = append(list.Machines, machineOf(pod, replies[i].GetMachine()))
		known[pod] = true
		list.Nodes = append(list.Nodes, podOf(m, replies[i].GetProcess()))
		for _, n := range replies[i].GetNodes() {
			known[uint16(n.GetNode())] = true
			list.Nodes = append(list.Nodes, nodeOf(pod, n))
		}
	}
	for _, m := range r.node.Cluster().Snapshot().All() {
		if m.Node != 0 && !known[uint16(m.Node)] {
			list.Nodes = append(list.Nodes, command.Node{Node: uint16(m.Node), Type: m.Type, Life: "running", State: m.State.String()})
		}
	}
	slices.SortFunc(list.Nodes, func(a, b command.Node) int { return cmp.Compare(a.Node, b.Node) })
	return list, nil
}

// pods is every pod. One that is not ready waits for its nodes, and has most to tell.
func (r *reign) pods() []cluster.Member { return r.node.Cluster().Snapshot().ByType(api.Pod) }

func machineOf(pod uint16, m *pb.MachineFigures) command.Machine {
	return command.Machine{
		Pod: pod, Name: m.GetName(), CPUs: m.GetCpus(), Busy: m.GetCpusBusy(), Memory: m.GetMemoryBytes(), UsedMem: m.GetMemoryUsedBytes(),
		Disk: m.GetDiskBytes(), UsedDisk: m.GetDiskUsedBytes(),
	}
}

// podOf is the pod itself, which has answered, and so runs.
func podOf(m cluster.Member, own *pb.ProcessFigures) command.Node {
	return command.Node{
		Node: uint16(m.Node), Type: api.Pod, Life: "running", State: m.State.String(), PID: own.GetPid(), Busy: own.GetCpusBusy(), Memory: own.GetMemoryBytes(),
	}
}

func nodeOf(pod uint16, n *pb.PodNode) command.Node {
	return command.Node{
		Node: uint16(n.GetNode()), Type: n.GetType(), Pod: pod, Life: api.LifeName(n.GetState()), State: n.GetGossip(), Started: n.GetStartedMs(),
		PID: n.GetProcess().GetPid(), Busy: n.GetProcess().GetCpusBusy(), Memory: n.GetProcess().GetMemoryBytes(),
		Restarts: n.GetRestarts(), Failures: n.GetFailures(), NextStart: n.GetNextStartMs(), Error: n.GetError(), Failed: n.GetErrorMs(),
	}
}

// onPod asks one pod after the other until one has the node, and is that pod.
func onPod[R any](r *reign, node uint16, call func(to rpc.Target) (R, error)) (pod uint16, reply R, err error) {
	var unknown error // of pods that did not answer, of which one may have it
	for _, m := range r.pods() {
		reply, err := call(rpc.To(m.Node))
		switch fault.CodeOf(err) {
		case fault.NotFound:
		case fault.Unavailable:
			unknown = err
		default:
			return uint16(m.Node), reply, err
		}
	}
	if unknown != nil {
		return 0, reply, unknown
	}
	return 0, reply, fault.Errorf(fault.NotFound, "there is no node %d that a pod runs", node)
}

// ordering is a command that its pod does with one node.
func ordering(order func(ctx context.Context, r *rpc.RPC, c command.Command, node uint32, to rpc.Target) (*pb.PodNode, error)) func(
	*reign, context.Context, command.Command, command.NodeArgs) (any, error) {
	return func(r *reign, ctx context.Context, c command.Command, args command.NodeArgs) (any, error) {
		pod, n, err := onPod(r, args.Node, func(to rpc.Target) (*pb.PodNode, error) {
			return order(ctx, r.node.RPC(), c, uint32(args.Node), to)
		})
		if err != nil {
			return nil, err
		}
		return nodeOf(pod, n), nil
	}
}

// nodeCommands is what operators can have done with nodes. What ends public's own node is done again by the next leader, and has a key for that.
func (s *Service) nodeCommands() []command.Handler {
	return []command.Handler{
		ordered(s, command.Nodes, (*reign).nodes).Reading(),
		ordered(s, command.Tail, (*reign).tail).Reading(),
		ordered(s, command.Start, ordering(func(ctx context.Context, r *rpc.RPC, _ command.Command, node uint32, to rpc.Target) (*pb.PodNode, error) {
			return api.StartNode.Call(ctx, r, &pb.StartNode{Node: node}, to)
		})),
		ordered(s, command.Stop, ordering(func(ctx context.Context, r *rpc.RPC, c command.Command, node uint32, to rpc.Target) (*pb.PodNode, error) {
			return api.StopNode.Call(ctx, r, &pb.StopNode{Node: node, Key: opKey(c)}, to)
		})),
		ordered(s, command.Restart, ordering(func(ctx context.Context, r *rpc.RPC, c command.Command, node uint32, to rpc.Target) (*pb.PodNode, error) {
			return api.RestartNode.Call(ctx, r, &pb.RestartNode{Node: node, Key: opKey(c)}, to)
		})),
		ordered(s, command.Drain, ordering(func(ctx context.Context, r *rpc.RPC, _ command.Command, node uint32, to rpc.Target) (*pb.PodNode, error) {
			return api.DrainNode.Call(ctx, r, &pb.DrainNode{Node: node}, to)
		})),
	}
}

func (r *reign) tail(ctx context.Context, _ command.Command, args command.TailArgs) (any, error) {
	_, kept, err := onPod(r, args.Node, func(to rpc.Target) (*pb.TailNodeReply, error) {
		return api.TailNode.Call(ctx, r.node.RPC(), &pb.TailNode{Node: uint32(args.Node), Lines: args.Lines}, to)
	})
	if err != nil {
		return nil, err
	}
	return command.Tailed{Lines: kept.GetLines()}, nil
}
