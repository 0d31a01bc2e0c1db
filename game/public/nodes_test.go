package public

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// A keeper is a pod that runs one node, and notes its orders.
type keeper struct {
	runs uint32

	mu     sync.Mutex
	orders []string
}

func (k *keeper) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, api.ReadPod, func(context.Context, *pb.ReadPod) (*pb.PodReply, error) {
		return &pb.PodReply{
			Machine: &pb.MachineFigures{Name: "m", Cpus: 2, CpusBusy: 0.5, MemoryBytes: 10, MemoryUsedBytes: 5, DiskBytes: 20, DiskUsedBytes: 6},
			Process: &pb.ProcessFigures{Pid: 3, MemoryBytes: 4}, Nodes: []*pb.PodNode{k.node()},
		}, nil
	})
	rpc.HandleFunc(n, api.StartNode, func(_ context.Context, m *pb.StartNode) (*pb.PodNode, error) { return k.obey(m.GetNode(), "start") })
	rpc.HandleFunc(n, api.StopNode, func(_ context.Context, m *pb.StopNode) (*pb.PodNode, error) {
		return k.obey(m.GetNode(), "stop "+m.GetKey())
	})
	rpc.HandleFunc(n, api.DrainNode, func(_ context.Context, m *pb.DrainNode) (*pb.PodNode, error) { return k.obey(m.GetNode(), "drain") })
	rpc.HandleFunc(n, api.RestartNode, func(_ context.Context, m *pb.RestartNode) (*pb.PodNode, error) {
		return k.obey(m.GetNode(), "restart "+m.GetKey())
	})
	rpc.HandleFunc(n, api.TailNode, func(_ context.Context, m *pb.TailNode) (*pb.TailNodeReply, error) {
		_, err := k.obey(m.GetNode(), "tail")
		return &pb.TailNodeReply{Lines: []string{"a line"}}, err
	})
	return nil
}
func (*keeper) Ready(context.Context) error { return nil }
func (*keeper) Stop(context.Context) error  { return nil }

func (k *keeper) node() *pb.PodNode {
	return &pb.PodNode{
		Node: k.runs, Type: "zone", State: pb.PodNodeState_POD_NODE_STATE_FAILING, Restarts: 5, Failures: 4, NextStartMs: 9, Error: "broken", ErrorMs: 8,
		Process: &pb.ProcessFigures{Pid: 7, CpusBusy: 0.25, MemoryBytes: 6},
	}
}

func (k *keeper) obey(node uint32, order string) (*pb.PodNode, error) {
	if node != k.runs {
		return nil, fault.New(fault.NotFound, "it is not here")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.orders = append(k.orders, order)
	return k.node(), nil
}

// TestNodes has two pods be found by what they run, and all that there is be listed.
func TestNodes(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	public := s.lead(settings())
	if r := order(t, s, "early", command.Stop, command.NodeArgs{Node: 501}); r.Code != fault.NotFound {
		t.Errorf("an order without a pod: %+v", r)
	}
	one, two := &keeper{runs: 501}, &keeper{runs: 502}
	first := s.Start(node.Config{Type: api.Pod}, one)
	second := s.Start(node.Config{Type: api.Pod}, two)
	var list command.NodeList
	s.eventually("public knows both pods", func() bool {
		list = command.NodeList{}
		r := order(t, s, "list", command.Nodes, struct{}{})
		return r.Err() == nil && json.Unmarshal(r.Value, &list) == nil && len(list.Machines) == 2 &&
			slices.ContainsFunc(list.Nodes, func(n command.Node) bool { return n.Node == uint16(first.ID()) && n.State == "ready" })
	})
	want := command.Machine{Pod: uint16(first.ID()), Name: "m", CPUs: 2, Busy: 0.5, Memory: 10, UsedMem: 5, Disk: 20, UsedDisk: 6}
	if !slices.Contains(list.Machines, want) {
		t.Errorf("machines %+v; want %+v among them", list.Machines, want)
	}
	for what, want := range map[string]command.Node{
		"a pod": {Node: uint16(first.ID()), Type: api.Pod, Life: "running", State: "ready", PID: 3, Memory: 4},
		"a node of a pod": {
			Node: 502, Type: "zone", Pod: uint16(second.ID()), Life: "failing", PID: 7, Busy: 0.25, Memory: 6,
			Restarts: 5, Failures: 4, NextStart: 9, Error: "broken", Failed: 8,
		},
		"a node without a pod": {Node: uint16(public.ID()), Type: api.Public, Life: "running", State: "ready"},
	} {
		if !slices.Contains(list.Nodes, want) {
			t.Errorf("nodes %+v; want %s, %+v", list.Nodes, what, want)
		}
	}
	numbers := map[uint16]int{}
	for _, n := range list.Nodes {
		numbers[n.Node]++
	}
	if len(numbers) != len(list.Nodes) {
		t.Errorf("nodes are listed twice: %v", numbers)
	}

	for _, name := range []string{command.Start, command.Stop, command.Restart, command.Drain} {
		var then command.Node
		if r := order(t, s, "do-"+name, name, command.NodeArgs{Node: 502}); r.Err() != nil || json.Unmarshal(r.Value, &then) != nil || then.Pod != uint16(second.ID()) || then.Node != 502 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := order(t, s, "do-"+command.Stop, command.Stop, command.NodeArgs{Node: 502}); r.Err() != nil {
		t.Errorf("the same again: %+v", r)
	}
	var kept command.Tailed
	if r := order(t, s, "tail", command.Tail, command.TailArgs{Node: 502, Lines: 3}); r.Err() != nil || json.Unmarshal(r.Value, &kept) != nil || !slices.Equal(kept.Lines, []string{"a line"}) {
		t.Errorf("the log: %+v", r)
	}
	if r := order(t, s, "elsewhere", command.Drain, command.NodeArgs{Node: 503}); r.Code != fault.NotFound {
		t.Errorf("an order for a node that there is not: %+v", r)
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	two.mu.Lock()
	defer two.mu.Unlock()
	if want := []string{"start", "stop command:do-stop", "restart command:do-restart", "drain", "tail"}; len(one.orders) != 0 || !slices.Equal(two.orders, want) {
		t.Errorf("orders %q and %q; want none and %q", one.orders, two.orders, want)
	}
}
