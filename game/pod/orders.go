package pod

import (
	"context"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/pb"
)

// maxKey is how long the key of an order may be, in bytes.
const maxKey = 80

func (p *Pod) read(context.Context, *pb.ReadPod) (*pb.PodReply, error) {
	s, pid := p.figures.Load(), os.Getpid()
	reply := &pb.PodReply{Machine: &pb.MachineFigures{Name: p.machine}, Process: s.process(pid)}
	if s != nil {
		m := s.machine
		reply.Machine = &pb.MachineFigures{
			Name: p.machine, Cpus: uint32(m.CPUs), CpusBusy: s.machineBusy(),
			MemoryBytes: m.Memory, MemoryUsedBytes: m.UsedMem, DiskBytes: m.Disk, DiskUsedBytes: m.UsedDisk,
		}
	}
	for _, c := range p.all() {
		reply.Nodes = append(reply.Nodes, p.describe(c))
	}
	return reply, nil
}

// process is the figures of one process; a nil sample knows only its number.
func (s *sample) process(pid int) *pb.ProcessFigures {
	figures := &pb.ProcessFigures{Pid: uint32(pid)}
	if s != nil {
		of := s.processes[pid]
		figures.CpusBusy, figures.CpuSeconds, figures.MemoryBytes = s.processBusy(pid), of.CPUSeconds, of.Memory
	}
	return figures
}

// describe is a child as it is now.
func (p *Pod) describe(c *child) *pb.PodNode {
	m, known := p.members.Snapshot().Node(c.spec.ID)
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &pb.PodNode{
		Node: uint32(c.spec.ID), Type: c.spec.Type, State: c.state, Restarts: c.restarts, Failures: c.failuresAt(time.Now(), p.cfg),
	}
	if c.end != nil {
		n.StartedMs = c.born.UnixMilli()
		if known && m.Boot.Time().UnixMilli() >= n.StartedMs { // gossip believes for seconds in a life that was killed
			n.Gossip = m.State.String()
		}
	}
	if c.pid != 0 {
		n.Process = p.figures.Load().process(c.pid)
	}
	if c.state == pb.PodNodeState_POD_NODE_STATE_FAILING {
		n.NextStartMs = c.next.UnixMilli()
	}
	if c.err != nil {
		n.Error, n.ErrorMs = brief(c.err.Error()), c.failed.UnixMilli()
	}
	return n
}

// maxError is how much of an error is told, in bytes: a panic's has a stack, which stands in the log.
const maxError = 500

func brief(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxError)], "") }

// find is the child of that number.
func (p *Pod) find(number uint32) (*child, error) {
	for _, c := range p.all() {
		if uint32(c.spec.ID) == number {
			return c, nil
		}
	}
	return nil, fault.Errorf(fault.NotFound, "this pod does not run a node %d", number)
}

// ordered finds the node of an order, has it done and answers with how the node is then.
func (p *Pod) ordered(number uint32, order func(c *child) error) (*pb.PodNode, error) {
	c, err := p.find(number)
	if err == nil {
		err = order(c)
	}
	if err != nil {
		return nil, err
	}
	return p.describe(c), nil
}

func (p *Pod) startNode(ctx context.Context, m *pb.StartNode) (*pb.PodNode, error) {
	return p.ordered(m.GetNode(), func(c *child) error {
		if err := c.order(true, false, ""); err != nil {
			return err
		}
		if at, known := p.members.Snapshot().Node(c.spec.ID); known && at.State == cluster.Draining && at.Addr != "" {
			// One that drains because it ends starts again by itself.
			if err := p.drain(ctx, c, false); fault.CodeOf(err) != fault.ShuttingDown {
				return err
			}
		}
		return nil
	})
}

func (p *Pod) stopNode(_ context.Context, m *pb.StopNode) (*pb.PodNode, error) {
	return p.ended(m.GetNode(), false, m.GetKey())
}

func (p *Pod) restartNode(_ context.Context, m *pb.RestartNode) (*pb.PodNode, error) {
	return p.ended(m.GetNode(), true, m.GetKey())
}

// ended ends a node's life, and has it be up again or not.
func (p *Pod) ended(number uint32, again bool, key string) (*pb.PodNode, error) {
	if len(key) > maxKey {
		return nil, fault.Errorf(fault.Invalid, "the key of an order is longer than %d bytes", maxKey)
	}
	return p.ordered(number, func(c *child) error { return c.order(again, true, key) })
}

func (p *Pod) drainNode(ctx context.Context, m *pb.DrainNode) (*pb.PodNode, error) {
	return p.ordered(m.GetNode(), func(c *child) error {
		at, known := p.members.Snapshot().Node(c.spec.ID)
		if !known {
			return fault.Errorf(fault.FailedPrecondition, "node %d is not up", m.GetNode())
		}
		if at.Addr == "" {
			return fault.Errorf(fault.FailedPrecondition, "nodes of type %s are not chosen through the cluster: stop it instead", c.spec.Type)
		}
		return p.drain(ctx, c, true)
	})
}

// drain has a node drain or not, and returns when this pod has heard that it does.
func (p *Pod) drain(ctx context.Context, c *child, on bool) error {
	changed, unwatch := p.watch()
	defer unwatch()
	if _, err := node.Drain.Call(ctx, p.node.RPC(), wrapperspb.Bool(on), rpc.To(c.spec.ID)); err != nil {
		return err
	}
	for {
		m, there := p.members.Snapshot().Node(c.spec.ID)
		if !there || (m.State == cluster.Draining) == on {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fault.New(fault.Deadline, "it was told to, and the cluster does not know yet")
		}
	}
}

func (p *Pod) tailNode(_ context.Context, m *pb.TailNode) (*pb.TailNodeReply, error) {
	c, err := p.find(m.GetNode())
	if err != nil {
		return nil, err
	}
	return &pb.TailNodeReply{Lines: c.log.last(int(min(m.GetLines(), maxTail)))}, nil
}
