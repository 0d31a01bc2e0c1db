package robot

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/udp/udptest"
	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/migrations"
	load "loumiao/robot"
)

func TestMain(m *testing.M) {
	// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not.
	goleak.VerifyTestMain(m, append(udptest.Library(), goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))...)
}

// A caller is a node that asks the robot node.
type caller struct{ node *node.Node }

func (c *caller) Start(_ context.Context, n *node.Node) error {
	c.node = n
	return nil
}
func (*caller) Ready(context.Context) error { return nil }
func (*caller) Stop(context.Context) error  { return nil }

// A stage is a robot node whose robots play until they are told to stop, or their run is let go.
type stage struct {
	t      *testing.T
	svc    *Service
	robots *frameworktest.Node
	caller *caller
	played chan load.Config // each run as it begins
	let    chan error       // ends a run
}

func start(t *testing.T, cfg Config) *stage {
	t.Helper()
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Registry: registry})
	s := &stage{t: t, caller: &caller{}, played: make(chan load.Config, 8), let: make(chan error)}
	s.svc = New(cfg)
	s.svc.play = func(ctx context.Context, cfg load.Config) (*load.Report, error) {
		s.played <- cfg
		select {
		case <-ctx.Done():
			return &load.Report{Robots: cfg.Robots, Interrupted: true}, nil
		case err := <-s.let:
			return &load.Report{Robots: cfg.Robots}, err
		}
	}
	s.robots = c.Start(node.Config{Type: api.Robot}, s.svc)
	c.Start(node.Config{Type: api.World}, s.caller)
	c.Converge()
	return s
}

func call[Req, Resp proto.Message](s *stage, d rpc.MethodDef[Req, Resp], m Req) (Resp, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	return d.Call(ctx, s.caller.node.RPC(), m, rpc.Any)
}

func (s *stage) run(name string) (*pb.RobotRun, error) {
	s.t.Helper()
	return call(s, api.RunRobots, &pb.RunRobots{Run: name, Robots: 2, First: 3, ForMs: 4000, RampMs: 1000, Seed: 5, Area: 6, Mix: "arena=1",
		Rate: 2.5, Profile: "soak", Thresholds: []string{"p99=1s", "login.errors=0"}})
}

func (s *stage) read() *pb.RobotRun {
	s.t.Helper()
	r, err := call(s, api.ReadRobots, &pb.ReadRobots{})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// over waits until nobody plays.
func (s *stage) over() (r *pb.RobotRun) {
	s.t.Helper()
	frameworktest.Eventually(s.t, "the run is over", func() bool {
		r = s.read()
		return !r.GetPlays()
	})
	return r
}

func settings() Config {
	cfg := Defaults()
	cfg.Login, cfg.Charge = "http://127.0.0.1:1", "http://127.0.0.1:2"
	cfg.Keypoint, cfg.KeypointKey = "http://127.0.0.1:3", "key"
	return cfg
}

func TestRun(t *testing.T) {
	t.Parallel()
	s := start(t, settings())
	if r := s.read(); r.GetRun() != "" || r.GetPlays() {
		t.Errorf("before the first run: %v", r)
	}
	if r, err := call(s, api.StopRobots, &pb.StopRobots{}); err != nil || r.GetRun() != "" {
		t.Errorf("stop before the first run: %v, %v", r, err)
	}

	if r, err := s.run("one"); err != nil || !r.GetPlays() || r.GetRobots() != 2 || r.GetBeganMs() == 0 {
		t.Fatalf("a run: %v, %v", r, err)
	}
	cfg := <-s.played
	if cfg.Login != "http://127.0.0.1:1" || cfg.Charge != "http://127.0.0.1:2" || cfg.Robots != 2 || cfg.First != 3 || cfg.For != 4*time.Second ||
		cfg.Ramp != time.Second || cfg.Seed != 5 || cfg.Area != 6 || len(cfg.Mix) != 1 ||
		cfg.Rate != 2.5 || cfg.Profile != "soak" || len(cfg.Thresholds) != 2 || cfg.Thresholds[1].String() != "login.errors=0" ||
		cfg.Keypoint != "http://127.0.0.1:3" || cfg.KeypointKey != "key" {
		t.Errorf("they play %+v", cfg)
	}
	if r, err := s.run("one"); err != nil || !r.GetPlays() {
		t.Errorf("the same again: %v, %v", r, err)
	}
	if _, err := s.run("two"); fault.CodeOf(err) != fault.FailedPrecondition || !strings.Contains(err.Error(), "one") {
		t.Errorf("a second one: %v", err)
	}
	if r, err := call(s, api.StopRobots, &pb.StopRobots{Run: "two"}); err != nil || !r.GetPlays() {
		t.Errorf("stop of another: %v, %v", r, err)
	}
	if len(s.read().GetReport()) != 0 {
		t.Error("there is a report of a run that is on")
	}
	s.let <- nil
	var report load.Report
	if r := s.over(); r.GetRun() != "one" || json.Unmarshal(r.GetReport(), &report) != nil || report.Robots != 2 || report.Interrupted {
		t.Errorf("after its end: %v", r)
	}
	if r, err := s.run("one"); err != nil || r.GetPlays() {
		t.Errorf("the same once it is over: %v, %v", r, err)
	}

	if _, err := s.run("two"); err != nil {
		t.Fatal(err)
	}
	<-s.played
	if r, err := call(s, api.StopRobots, &pb.StopRobots{Run: "two"}); err != nil || r.GetPlays() || json.Unmarshal(r.GetReport(), &report) != nil || !report.Interrupted {
		t.Errorf("stop: %v, %v", r, err)
	}

	if _, err := s.run("three"); err != nil {
		t.Fatal(err)
	}
	<-s.played
	s.let <- errors.New("a test")
	if r := s.over(); r.GetRun() != "three" || len(r.GetReport()) != 0 {
		t.Errorf("a run that could not play: %v", r)
	}
	if len(s.played) != 0 {
		t.Error("more was played than was asked for")
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	cfg := settings()
	cfg.Most, cfg.Longest = 10, time.Minute
	s := start(t, cfg)
	for name, change := range map[string]func(m *pb.RunRobots){
		"no name":             func(m *pb.RunRobots) { m.Run = "" },
		"long name":           func(m *pb.RunRobots) { m.Run = strings.Repeat("x", maxName+1) },
		"nobody":              func(m *pb.RunRobots) { m.Robots = 0 },
		"robot.most":          func(m *pb.RunRobots) { m.Robots = 11 },
		"first":               func(m *pb.RunRobots) { m.First = -1 },
		"no time":             func(m *pb.RunRobots) { m.ForMs = 0 },
		"robot.longest":       func(m *pb.RunRobots) { m.ForMs = 60_001 },
		"endless":             func(m *pb.RunRobots) { m.ForMs = 1 << 62 },
		"long ramp":           func(m *pb.RunRobots) { m.RampMs = 2000 },
		"area":                func(m *pb.RunRobots) { m.Area = 1 << 16 },
		"mix":                 func(m *pb.RunRobots) { m.Mix = "chess=1" },
		"profile":             func(m *pb.RunRobots) { m.Profile = "stairs" },
		"rate":                func(m *pb.RunRobots) { m.Rate = -1 },
		"with a rate":         func(m *pb.RunRobots) { m.Rate, m.Profile = 1, "spike" },
		"threshold":           func(m *pb.RunRobots) { m.Thresholds = []string{"errors=0", "p98=1s"} },
		"is longer than":      func(m *pb.RunRobots) { m.Thresholds = []string{strings.Repeat("x", maxThreshold+1)} },
		"thresholds are more": func(m *pb.RunRobots) { m.Thresholds = make([]string, maxThresholds+1) },
		"long mix":            func(m *pb.RunRobots) { m.Mix = strings.Repeat("x", maxMix+1) },
	} {
		m := &pb.RunRobots{Run: "bad", Robots: 10, ForMs: 1000}
		change(m)
		if _, err := call(s, api.RunRobots, m); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := s.read(); r.GetRun() != "" || len(s.played) != 0 {
		t.Errorf("and yet there is a run: %v", r)
	}
}

// TestLeave stops a node in the middle of a run, which ends with it; from then on none begins.
func TestLeave(t *testing.T) {
	t.Parallel()
	s := start(t, settings())
	if _, err := s.run("one"); err != nil {
		t.Fatal(err)
	}
	<-s.played
	s.robots.Stop()
	select {
	case <-s.svc.newest.over:
	default:
		t.Error("the run has outlived its node")
	}
	if _, err := s.svc.run(t.Context(), &pb.RunRobots{Run: "two", Robots: 1, ForMs: 1}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a run on a node that has stopped: %v", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	for want, cfg := range map[string]Config{
		"most":         {Most: 0, Longest: time.Hour},
		"keypoint_key": {Most: 1, Longest: time.Hour, KeypointKey: "key"},
		"longest":      {Most: 1, Longest: time.Millisecond},
	} {
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), want+":") {
			t.Errorf("%s: %v", want, err)
		}
	}
}
