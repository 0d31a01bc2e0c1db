package public

import (
	"context"
	"slices"
	"sync"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// maxRobots is how many robots a run may have over all nodes, so that their numbers are those that [pb.RunRobots] can have.
const maxRobots = 1_000_000

// maxRobotRate is how many may arrive a second, over all nodes; one node takes less.
const maxRobotRate = 1_000_000

// robotNodes is all of them, in the order of their numbers, or those that take a run.
func (r *reign) robotNodes(ready bool) (nodes []id.Node) {
	for _, m := range r.node.Cluster().Snapshot().ByType(api.Robot) {
		if !ready || m.State == cluster.Ready {
			nodes = append(nodes, m.Node)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// askRobots asks nodes all at once.
func askRobots(nodes []id.Node, ask func(at int, to rpc.Target) (*pb.RobotRun, error)) (command.RobotRuns, error) {
	runs, errs := make([]*pb.RobotRun, len(nodes)), make([]error, len(nodes))
	var asking sync.WaitGroup
	for i, n := range nodes {
		asking.Go(func() { runs[i], errs[i] = ask(i, rpc.To(n)) })
	}
	asking.Wait()
	all, first := command.RobotRuns{Nodes: []command.RobotRun{}}, error(nil)
	for i, n := range nodes {
		one := command.RobotRun{
			Node: uint16(n), Run: runs[i].GetRun(), Plays: runs[i].GetPlays(), Robots: int(runs[i].GetRobots()), Began: runs[i].GetBeganMs(), Report: runs[i].GetReport(),
		}
		if errs[i] != nil {
			_, one.Error = fault.Outside(errs[i])
			if first == nil {
				first = errs[i]
			}
		}
		all.Nodes = append(all.Nodes, one)
	}
	return all, first
}

// runRobots has every robot node play its share. When one does not, none does.
func (r *reign) runRobots(ctx context.Context, c command.Command, args command.RobotsArgs) (any, error) {
	nodes := r.robotNodes(true)
	if len(nodes) == 0 {
		return nil, fault.New(fault.Unavailable, "no node of type robot is ready")
	}
	if args.Robots < 1 || args.Robots > maxRobots {
		return nil, fault.Errorf(fault.Invalid, "a run has 1 to %d robots, not %d", maxRobots, args.Robots)
	}
	if !(args.Rate >= 0 && args.Rate <= maxRobotRate) { // also what is no number
		return nil, fault.Errorf(fault.Invalid, "a run has 0 to %d arrivals a second, not %v", maxRobotRate, args.Rate)
	}
	nodes = nodes[:min(len(nodes), args.Robots)]
	before := func(node int) int { return args.Robots * node / len(nodes) }
	_, err := askRobots(nodes, func(at int, to rpc.Target) (*pb.RobotRun, error) {
		return api.RunRobots.Call(ctx, r.node.RPC(), &pb.RunRobots{
			Run: c.ID, Robots: int32(before(at+1) - before(at)), First: int32(before(at)),
			ForMs: args.For, RampMs: args.Ramp, Seed: args.Seed, Area: uint32(args.Area), Mix: args.Mix,
			Profile: args.Profile, Rate: args.Rate * float64(before(at+1)-before(at)) / float64(args.Robots), Thresholds: args.Thresholds,
		}, to)
	})
	if err == nil {
		return r.robots(ctx, c, struct{}{})
	}
	// Also where no answer came, since the robots may play there. An earlier run goes on.
	_, _ = askRobots(nodes, func(_ int, to rpc.Target) (*pb.RobotRun, error) {
		return api.StopRobots.Call(ctx, r.node.RPC(), &pb.StopRobots{Run: c.ID}, to)
	}) // what does not hear of it plays to its end
	return nil, err
}

func (r *reign) stopRobots(ctx context.Context, _ command.Command, _ struct{}) (any, error) {
	return askRobots(r.robotNodes(false), func(_ int, to rpc.Target) (*pb.RobotRun, error) {
		return api.StopRobots.Call(ctx, r.node.RPC(), &pb.StopRobots{}, to)
	})
}

func (r *reign) robots(ctx context.Context, _ command.Command, _ struct{}) (any, error) {
	all, _ := askRobots(r.robotNodes(false), func(_ int, to rpc.Target) (*pb.RobotRun, error) {
		return api.ReadRobots.Call(ctx, r.node.RPC(), &pb.ReadRobots{}, to)
	}) // each node's error is in it
	return all, nil
}
