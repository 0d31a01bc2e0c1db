// Package robot is node type 14: load from inside the stack. Its nodes let robots play on the stack as players do, when an operator says so.
//
//	operator ─► public: one run over all robot nodes ─► robot.Run ─► loumiao/robot: robots log in, queue, enter, play ... ─► robot.Read: the report
//
// What is asked of a run, its size, rate, profile, mix and thresholds, never says where it plays: that is configuration only. A node has one run at a time and keeps the report of its newest until the next; with the node they are gone. What robots do, and what they hold the
// stack to, is in loumiao/robot, which `game robot` runs without any node.
//
// It depends on a login web alone, as players do, and knows nothing of other nodes. When it dies its robots are gone, as players whose machines have lost
// power; nobody misses anything. It writes nothing.
package robot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	load "loumiao/robot"
)

const (
	maxName                     = 64      // bytes
	maxMix                      = 4 << 10 // bytes
	maxThresholds, maxThreshold = 32, 256 // and bytes of one
)

// Config is what a node is told.
type Config struct {
	Login       string        `yaml:"login" doc:"URL of the login web that robots log in by; empty: that of this stack"`
	Charge      string        `yaml:"charge" doc:"URL of the charge web in whose sandbox they buy; empty: that of this stack, if it has one"`
	Keypoint    string        `yaml:"keypoint" doc:"URL of the keypoint web that they tell of their ways; empty: that of this stack, if it has one"`
	KeypointKey string        `yaml:"keypoint_key" doc:"what clients write with there, if a URL is given"`
	Most        int           `yaml:"most" doc:"robots that this node has at once"`
	Longest     time.Duration `yaml:"longest" doc:"how long a run may be"`
}

// Defaults is a Config that is good for one core.
func Defaults() Config { return Config{Most: 1000, Longest: time.Hour} }

// Validate reports what is wrong.
func (c Config) Validate() error {
	var errs []error
	if c.KeypointKey != "" && c.Keypoint == "" {
		errs = append(errs, errors.New("keypoint_key: is that of no keypoint"))
	}
	if c.Most < 1 || c.Most > 100_000 {
		errs = append(errs, fmt.Errorf("most: %d; must be 1 to 100000", c.Most))
	}
	if c.Longest < time.Second || c.Longest > 7*24*time.Hour {
		errs = append(errs, fmt.Errorf("longest: %v; must be 1s to 168h", c.Longest))
	}
	return errors.Join(errs...)
}

// A Service is the node.
type Service struct {
	cfg  Config
	node *node.Node
	play func(context.Context, load.Config) (*load.Report, error) // [load.Run]

	mu      sync.Mutex
	newest  *run // nil: there was none
	leaving bool // no run begins any more
}

// A run is robots that play, or have played.
type run struct {
	asked *pb.RunRobots
	began time.Time
	stop  context.CancelFunc
	over  chan struct{} // closed when they have stopped; report is there then
	text  []byte
}

// New is a node that is not started.
func New(cfg Config) *Service { return &Service{cfg: cfg, play: load.Run} }

// Start registers what public asks.
func (s *Service) Start(_ context.Context, n *node.Node) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	s.node = n
	rpc.HandleFunc(n, api.RunRobots, s.run)
	rpc.HandleFunc(n, api.StopRobots, s.stop)
	rpc.HandleFunc(n, api.ReadRobots, s.read)
	return nil
}

// Ready does nothing: robots wait for somebody to want them.
func (s *Service) Ready(context.Context) error { return nil }

// Stop has the robots stop where they are, and waits for them until ctx ends.
func (s *Service) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	_, err := s.stop(ctx, &pb.StopRobots{})
	return err
}

func (s *Service) run(_ context.Context, m *pb.RunRobots) (*pb.RobotRun, error) {
	cfg, err := s.config(m)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return nil, fault.New(fault.Unavailable, "the node is going down")
	}
	if r := s.newest; r != nil && r.asked.GetRun() == m.GetRun() {
		return r.told(), nil
	} else if r != nil && !r.isOver() {
		return nil, fault.Errorf(fault.FailedPrecondition, "run %s is on", r.asked.GetRun())
	}
	r := &run{asked: m, began: time.Now(), over: make(chan struct{})}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background()) // which Stop ends, before the node's own would
	s.newest = r
	s.node.Log().Info("robots play", "run", m.GetRun(), "robots", m.GetRobots(), "for", cfg.For)
	s.node.Go(func(context.Context) {
		defer close(r.over)
		defer r.stop()
		report, err := s.play(ctx, cfg)
		if err == nil {
			r.text, err = json.Marshal(report)
		}
		if err != nil {
			s.node.Log().Error("robots do not play", "run", m.GetRun(), "err", err)
			return
		}
		s.node.Log().Info("robots have played", "run", m.GetRun(), "failures", report.Failures)
	})
	return r.told(), nil
}

// config is a run for the load tester; an error is [fault.Invalid].
func (s *Service) config(m *pb.RunRobots) (load.Config, error) {
	cfg := load.Config{
		Login: s.cfg.Login, Charge: s.cfg.Charge, Keypoint: s.cfg.Keypoint, KeypointKey: s.cfg.KeypointKey, Registry: s.node.Registry(), Robots: int(m.GetRobots()), First: int(m.GetFirst()),
		For: time.Duration(m.GetForMs()) * time.Millisecond, Ramp: time.Duration(m.GetRampMs()) * time.Millisecond, Seed: m.GetSeed(), Area: uint16(m.GetArea()),
		Profile: m.GetProfile(), Rate: m.GetRate(),
		JSON: 0.1, Direct: 0.5, // as `game robot` has them
	}
	switch n := len(m.GetRun()); {
	case n == 0 || n > maxName:
		return cfg, fault.Errorf(fault.Invalid, "the name of a run has 1 to %d bytes, not %d", maxName, n)
	case len(m.GetMix()) > maxMix:
		return cfg, fault.Errorf(fault.Invalid, "a mix of %d bytes is more than %d", len(m.GetMix()), maxMix)
	case cfg.Robots > s.cfg.Most:
		return cfg, fault.Errorf(fault.Invalid, "%d robots are more than this node's %d (robot.most)", cfg.Robots, s.cfg.Most)
	case cfg.For > s.cfg.Longest:
		return cfg, fault.Errorf(fault.Invalid, "%v is longer than %v (robot.longest)", cfg.For, s.cfg.Longest)
	case m.GetArea() != uint32(cfg.Area):
		return cfg, fault.Errorf(fault.Invalid, "there is no area %d", m.GetArea())
	}
	if n := len(m.GetThresholds()); n > maxThresholds {
		return cfg, fault.Errorf(fault.Invalid, "%d thresholds are more than %d", n, maxThresholds)
	}
	for _, text := range m.GetThresholds() {
		if len(text) > maxThreshold {
			return cfg, fault.Errorf(fault.Invalid, "a threshold of %d bytes is longer than %d", len(text), maxThreshold)
		}
		t, err := load.ParseThreshold(text)
		if err != nil {
			return cfg, fault.New(fault.Invalid, err.Error())
		}
		cfg.Thresholds = append(cfg.Thresholds, t)
	}
	if m.GetMix() != "" {
		mix, err := load.ParseMix(m.GetMix())
		if err != nil {
			return cfg, fault.New(fault.Invalid, err.Error())
		}
		cfg.Mix = mix
	}
	if err := cfg.Validate(); err != nil {
		return cfg, fault.New(fault.Invalid, err.Error())
	}
	return cfg, nil
}

func (s *Service) stop(ctx context.Context, m *pb.StopRobots) (*pb.RobotRun, error) {
	s.mu.Lock()
	r := s.newest
	s.mu.Unlock()
	switch {
	case r == nil:
		return &pb.RobotRun{}, nil
	case m.GetRun() != "" && m.GetRun() != r.asked.GetRun():
		return r.told(), nil
	}
	r.stop()
	select {
	case <-r.over:
		return r.told(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Service) read(context.Context, *pb.ReadRobots) (*pb.RobotRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil {
		return &pb.RobotRun{}, nil
	}
	return s.newest.told(), nil
}

func (r *run) isOver() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// told is what others hear of it.
func (r *run) told() *pb.RobotRun {
	m := &pb.RobotRun{Run: r.asked.GetRun(), Plays: !r.isOver(), Robots: r.asked.GetRobots(), BeganMs: r.began.UnixMilli()}
	if !m.GetPlays() {
		m.Report = r.text
	}
	return m
}
