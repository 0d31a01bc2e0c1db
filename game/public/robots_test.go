package public

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// A crew is a robot node that plays what it is told, at most so many robots.
type crew struct {
	most int32

	mu     sync.Mutex
	asked  *pb.RunRobots // that plays; nil: none
	silent bool          // it does not answer what is read
}

func (c *crew) told() *pb.RobotRun {
	return &pb.RobotRun{Run: c.asked.GetRun(), Plays: c.asked != nil, Robots: c.asked.GetRobots()}
}

func (c *crew) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, api.RunRobots, func(_ context.Context, m *pb.RunRobots) (*pb.RobotRun, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case m.GetRobots() > c.most:
			return nil, fault.New(fault.Invalid, "too many")
		case c.asked != nil:
			return nil, fault.Errorf(fault.FailedPrecondition, "run %s is on", c.asked.GetRun())
		}
		c.asked = m
		return c.told(), nil
	})
	rpc.HandleFunc(n, api.StopRobots, func(_ context.Context, m *pb.StopRobots) (*pb.RobotRun, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if m.GetRun() == "" || m.GetRun() == c.asked.GetRun() {
			c.asked = nil
		}
		return c.told(), nil
	})
	rpc.HandleFunc(n, api.ReadRobots, func(context.Context, *pb.ReadRobots) (*pb.RobotRun, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.silent {
			return nil, fault.New(fault.Overloaded, "not now")
		}
		return c.told(), nil
	})
	return nil
}
func (*crew) Ready(context.Context) error { return nil }
func (*crew) Stop(context.Context) error  { return nil }

// share is the numbers of the robots that it plays: from, and up to.
func (c *crew) share() [2]int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return [2]int32{c.asked.GetFirst(), c.asked.GetFirst() + c.asked.GetRobots()}
}

// rate is at what rate its robots arrive: its part of all, as it has of the robots.
func (c *crew) rate(t *testing.T, args command.RobotsArgs) float64 {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked == nil {
		return 0
	}
	if part := args.Rate * float64(c.asked.GetRobots()) / float64(args.Robots); math.Abs(c.asked.GetRate()-part) > 1e-9 || c.asked.GetProfile() != args.Profile ||
		!slices.Equal(c.asked.GetThresholds(), args.Thresholds) {
		t.Errorf("a node is asked for %v, of %+v", c.asked, args)
	}
	return c.asked.GetRate()
}

// TestRobots spreads runs over robot nodes, and has none of them play when one cannot.
func TestRobots(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	public := s.lead(settings())
	args := command.RobotsArgs{Robots: 10, For: 1000, Profile: "soak", Rate: 24, Thresholds: []string{"p99=1s", "errors=0"}}
	if r := order(t, s, "early", command.RunRobots, args); r.Code != fault.Unavailable {
		t.Errorf("without robot nodes: %+v", r)
	}
	crews := []*crew{{most: 5}, {most: 5}, {most: 4}}
	for _, c := range crews {
		s.Start(node.Config{Type: api.Robot}, c)
	}
	s.eventually("public knows the robot nodes", func() bool {
		ready := 0
		for _, m := range public.Cluster().Snapshot().ByType(api.Robot) {
			if m.State == cluster.Ready {
				ready++
			}
		}
		return ready == len(crews)
	})
	// runs is what a command answers.
	runs := func(id, name string, args any) (all command.RobotRuns) {
		t.Helper()
		r := order(t, s, id, name, args)
		if err := r.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := json.Unmarshal(r.Value, &all); err != nil || len(all.Nodes) != len(crews) {
			t.Fatalf("%s: %s, %v", name, r.Value, err)
		}
		return all
	}
	playing := func(all command.RobotRuns, run string) (nodes int) {
		for _, n := range all.Nodes {
			if n.Plays && n.Run == run {
				nodes++
			}
		}
		return nodes
	}

	for _, robots := range []int{2, 3, 10, 12} { // fewer than nodes; one each; not the same on each; all that fit, evenly
		id := fmt.Sprint("run-", robots)
		args.Robots = robots
		if n := playing(runs(id, command.RunRobots, args), id); n != min(robots, len(crews)) {
			t.Errorf("%d nodes play %d robots", n, robots)
		}
		var shares [][2]int32
		for _, c := range crews {
			if share := c.share(); share[0] < share[1] {
				shares = append(shares, share)
			}
		}
		slices.SortFunc(shares, func(a, b [2]int32) int { return int(a[0] - b[0]) })
		rate := 0.0
		for _, c := range crews {
			rate += c.rate(t, args)
		}
		if math.Abs(rate-args.Rate) > 1e-9 {
			t.Errorf("%d robots arrive at %v a second in all, want %v", robots, rate, args.Rate)
		}
		next := int32(0)
		for _, share := range shares {
			if share[0] != next {
				t.Fatalf("the shares of %d robots are %v", robots, shares)
			}
			next = share[1]
		}
		if next != int32(robots) {
			t.Fatalf("the shares of %d robots are %v", robots, shares)
		}
		if robots >= len(crews) {
			if r := order(t, s, id+"-second", command.RunRobots, args); r.Code != fault.FailedPrecondition {
				t.Errorf("a second run: %+v", r)
			}
			if n := playing(runs(id+"-read", command.Robots, struct{}{}), id); n != len(crews) {
				t.Errorf("%d nodes play on after a second run was refused", n)
			}
		}
		if n := playing(runs(id+"-stop", command.StopRobots, struct{}{}), id); n != 0 {
			t.Errorf("%d nodes play after a stop", n)
		}
	}

	args.Robots = 15 // the last node takes 4
	if r := order(t, s, "many", command.RunRobots, args); r.Code != fault.Invalid {
		t.Errorf("more than fit: %+v", r)
	}
	if n := playing(runs("many-read", command.Robots, struct{}{}), "many"); n != 0 {
		t.Errorf("%d nodes play a run that was refused", n)
	}
	crews[1].mu.Lock()
	crews[1].silent = true
	crews[1].mu.Unlock()
	silent := 0
	for _, n := range runs("silent", command.Robots, struct{}{}).Nodes {
		if n.Error != "" {
			silent++
		}
	}
	if silent != 1 {
		t.Errorf("%d nodes are shown as silent; 1 is", silent)
	}
	args.Robots, args.Rate = 3, -1
	if r := order(t, s, "backwards", command.RunRobots, args); r.Code != fault.Invalid {
		t.Errorf("a negative rate: %+v", r)
	}
	args.Rate = 0
	for _, robots := range []int{-1, 0, maxRobots + 1} {
		args.Robots = robots
		if r := order(t, s, fmt.Sprint("bad-", robots), command.RunRobots, args); r.Code != fault.Invalid {
			t.Errorf("%d robots: %+v", robots, r)
		}
	}
}
