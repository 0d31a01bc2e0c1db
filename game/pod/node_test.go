package pod

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/id"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/migrations"
)

// idle is a service that does nothing.
type idle struct{ node *node.Node }

func (s *idle) Start(_ context.Context, n *node.Node) error { s.node = n; return nil }
func (*idle) Ready(context.Context) error                   { return nil }
func (*idle) Stop(context.Context) error                    { return nil }

// A fakeMeter has used a second of CPU more each time that it is asked.
type fakeMeter struct{ asked atomic.Int64 }

func (m *fakeMeter) Machine(context.Context, string) Machine {
	return Machine{CPUs: 4, BusySeconds: float64(m.asked.Add(1)), Memory: 1000, UsedMem: 300, Disk: 2000, UsedDisk: 400}
}

func (m *fakeMeter) Process(_ context.Context, pid int) Process {
	if pid != os.Getpid() && pid != 77 {
		return Process{}
	}
	return Process{CPUSeconds: float64(m.asked.Load()), Memory: 50}
}

// TestPodNode has a real pod run real nodes, and an operator's node give it orders.
func TestPodNode(t *testing.T) {
	t.Parallel()
	c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster")})
	p := New(Defaults(), []Spec{{Type: "world", ID: 20}, {Type: "login", ID: 21}}, runnerFunc(
		func(ctx context.Context, spec Spec, seeds []string, life *Life) error {
			env := c.Env
			env.Stores, env.Join = c.Stores(), seeds
			n, err := node.New(env, node.Config{Type: spec.Type, ID: spec.ID, Observer: spec.Type == "login"}, &idle{})
			if err != nil {
				return err
			}
			life.Process(77)
			_, _ = life.Write([]byte("born\n"))
			return n.Run(ctx)
		}), WithMeter(&fakeMeter{}))
	pod := c.Start(node.Config{Type: api.Pod}, p)
	operator := c.Start(node.Config{Type: "operator", Needs: []string{api.Pod}}, &idle{})
	ctx, r, to := t.Context(), operator.RPC(), rpc.To(pod.ID())

	read := func() *pb.PodReply {
		t.Helper()
		reply, err := api.ReadPod.Call(ctx, r, &pb.ReadPod{}, to)
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	var status *pb.PodReply
	frameworktest.Eventually(t, "two samples have been taken", func() bool {
		status = read()
		return status.GetMachine().GetCpusBusy() > 0 && status.GetNodes()[0].GetProcess().GetCpusBusy() > 0
	})
	if m := status.GetMachine(); m.GetCpus() != 4 || m.GetMemoryBytes() != 1000 || m.GetMemoryUsedBytes() != 300 || m.GetDiskBytes() != 2000 || m.GetDiskUsedBytes() != 400 {
		t.Errorf("the machine: %v", m)
	}
	if own := status.GetProcess(); int(own.GetPid()) != os.Getpid() || own.GetMemoryBytes() != 50 {
		t.Errorf("the pod's process: %v", own)
	}
	if n := status.GetNodes()[0]; len(status.GetNodes()) != 2 || n.GetNode() != 20 || n.GetType() != "world" || n.GetState() != running || n.GetGossip() != "ready" ||
		n.GetProcess().GetPid() != 77 || n.GetProcess().GetMemoryBytes() != 50 || n.GetStartedMs() == 0 {
		t.Errorf("the nodes: %v", status.GetNodes())
	}
	if problems, err := testutil.CollectAndLint(collector{p}); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
	if err := testutil.CollectAndCompare(collector{p}, strings.NewReader(`
# HELP pod_machine_memory_used_bytes Memory of the machine that is not available.
# TYPE pod_machine_memory_used_bytes gauge
pod_machine_memory_used_bytes 300
# HELP pod_node_memory_bytes Resident memory of the node's process.
# TYPE pod_node_memory_bytes gauge
pod_node_memory_bytes{node="20",type="world"} 50
pod_node_memory_bytes{node="21",type="login"} 50
# HELP pod_node_restarts_total Restarts of the node after it had ended by itself.
# TYPE pod_node_restarts_total counter
pod_node_restarts_total{node="20",type="world"} 0
pod_node_restarts_total{node="21",type="login"} 0
`), "pod_machine_memory_used_bytes", "pod_node_memory_bytes", "pod_node_restarts_total"); err != nil {
		t.Error(err)
	}

	becomes := func(number id.Node, state cluster.State) {
		t.Helper()
		frameworktest.Eventually(t, "the node is "+state.String(), func() bool {
			m, ok := operator.Cluster().Snapshot().Node(number)
			return ok && m.State == state
		})
	}
	if _, err := api.DrainNode.Call(ctx, r, &pb.DrainNode{Node: 20}, to); err != nil {
		t.Fatal(err)
	}
	becomes(20, cluster.Draining)
	frameworktest.Eventually(t, "the pod knows", func() bool { return read().GetNodes()[0].GetGossip() == "draining" })
	if _, err := api.StartNode.Call(ctx, r, &pb.StartNode{Node: 20}, to); err != nil {
		t.Fatal(err)
	}
	becomes(20, cluster.Ready)
	if _, err := api.DrainNode.Call(ctx, r, &pb.DrainNode{Node: 21}, to); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("draining an observer: %v", err)
	}
	if _, err := api.StopNode.Call(ctx, r, &pb.StopNode{Node: 20}, to); err != nil {
		t.Fatal(err)
	}
	frameworktest.Eventually(t, "the node is gone", func() bool {
		_, there := operator.Cluster().Snapshot().Node(20)
		n := read().GetNodes()[0]
		return !there && n.GetState() == stopped && n.GetGossip() == "" && n.GetProcess() == nil
	})
	if _, err := api.DrainNode.Call(ctx, r, &pb.DrainNode{Node: 20}, to); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("draining a node that is down: %v", err)
	}
	if _, err := api.RestartNode.Call(ctx, r, &pb.RestartNode{Node: 20, Key: "k"}, to); err != nil {
		t.Fatal(err)
	}
	becomes(20, cluster.Ready)
	if kept, err := api.TailNode.Call(ctx, r, &pb.TailNode{Node: 20}, to); err != nil || strings.Join(kept.GetLines(), " ") != "born born" {
		t.Errorf("the log of two lives: %v %v", kept, err)
	}
}

// TestSystem reads this machine and this process, as far as its system tells.
func TestSystem(t *testing.T) {
	t.Parallel()
	m, own := system{}.Machine(t.Context(), t.TempDir()), system{}.Process(t.Context(), os.Getpid())
	if m.CPUs == 0 || m.BusySeconds <= 0 || m.UsedMem == 0 || m.UsedMem > m.Memory || m.UsedDisk > m.Disk || m.Disk == 0 {
		t.Errorf("the machine: %+v", m)
	}
	if own.Memory == 0 || own.CPUSeconds < 0 {
		t.Errorf("this process: %+v", own)
	}
	if none := (system{}).Process(t.Context(), 1<<30); none != (Process{}) {
		t.Errorf("a process that there is not: %+v", none)
	}
	if none := (system{}).Machine(t.Context(), "/no/such/directory"); none.Disk != 0 || none.CPUs != m.CPUs {
		t.Errorf("a directory that there is not: %+v", none)
	}
}
