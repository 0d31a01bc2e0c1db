package pod

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
)

// A Spec is one node that the pod keeps alive.
type Spec struct {
	Type string
	// ID is the node's number, the same after each restart.
	ID id.Node
	// Index counts the pod's nodes of one type from 0, so that they can listen on addresses of their own.
	Index int
	// Needs is the types that it depends on: they start before it and stop after it.
	Needs []string
}

// A Runner runs one life of a node: it returns when the node has ended, in the orderly way when ctx has ended, and with the reason if it
// ended by itself. seeds are gossip addresses to join; what there is to know of the life is told to life.
type Runner interface {
	Run(ctx context.Context, spec Spec, seeds []string, life *Life) error
}

// Config is how the pod treats its nodes.
type Config struct {
	// MinBackoff is the pause before the first restart of a node; it doubles up to MaxBackoff with each further one, until the node
	// has been up for Healthy.
	MinBackoff, MaxBackoff, Healthy time.Duration
	// Dir is a directory of the file system whose size is of interest.
	Dir string
}

// Defaults is a Config that is good for most machines.
func Defaults() Config {
	return Config{MinBackoff: 250 * time.Millisecond, MaxBackoff: 15 * time.Second, Healthy: 30 * time.Second, Dir: "."}
}

// A Pod is the service of one pod node.
type Pod struct {
	cfg    Config
	specs  []Spec
	runner Runner
	meter  Meter
	node   *node.Node
	log    *slog.Logger

	machine string // its name
	members cluster.View
	figures atomic.Pointer[sample]

	mu       sync.Mutex
	children []*child
}

// An Option is what a pod can be told beyond its configuration.
type Option func(*Pod)

// WithMeter has a pod take its figures from m instead of the system.
func WithMeter(m Meter) Option { return func(p *Pod) { p.meter = m } }

// New is a pod that will keep specs alive by runner.
func New(cfg Config, specs []Spec, runner Runner, options ...Option) *Pod {
	p := &Pod{cfg: cfg, specs: specs, runner: runner, meter: system{}}
	for _, with := range options {
		with(p)
	}
	return p
}

// Start registers what peers may call, and begins to take figures.
func (p *Pod) Start(_ context.Context, n *node.Node) error {
	p.node, p.members, p.log = n, n.Cluster(), n.Log()
	p.machine, _ = os.Hostname() // "" where it has none
	n.Metrics().MustRegister(collector{p})
	n.Go(p.sampling)
	rpc.HandleFunc(n, api.ReadPod, p.read)
	rpc.HandleFunc(n, api.StartNode, p.startNode)
	rpc.HandleFunc(n, api.StopNode, p.stopNode)
	rpc.HandleFunc(n, api.RestartNode, p.restartNode)
	rpc.HandleFunc(n, api.DrainNode, p.drainNode)
	rpc.HandleFunc(n, api.TailNode, p.tailNode)
	return nil
}

// Ready starts every node and returns when all are up. A node that keeps failing is tried again and again; ctx ends the wait.
func (p *Pod) Ready(ctx context.Context) error {
	p.adopt(p.Seeds())
	return p.waitUp(ctx)
}

// adopt begins to keep every node alive, until Stop.
func (p *Pod) adopt(seeds []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, spec := range p.specs {
		c := newChild(spec)
		p.children = append(p.children, c)
		go p.keep(c, seeds)
	}
}

// all is every child that the pod has adopted.
func (p *Pod) all() []*child {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.children // which only grows
}

// pids is the processes of the children that have their own.
func (p *Pod) pids() (pids []int) {
	for _, c := range p.all() {
		c.mu.Lock()
		if c.pid != 0 {
			pids = append(pids, c.pid)
		}
		c.mu.Unlock()
	}
	return pids
}

// Seeds is where others can join: the pod's own gossip address.
func (p *Pod) Seeds() []string {
	self, _ := p.members.Snapshot().Node(p.node.ID())
	return []string{self.Gossip}
}

// up reports whether a node of the pod is as far as it can be: ready, or standing by for one that is.
func up(members *cluster.Snapshot, spec Spec) bool {
	m, _ := members.Node(spec.ID)
	return m.State == cluster.Ready || m.State == cluster.Standby &&
		slices.ContainsFunc(members.ByType(spec.Type), func(m cluster.Member) bool { return m.State == cluster.Ready })
}

// waitUp returns when gossip shows every node up that is wanted.
func (p *Pod) waitUp(ctx context.Context) error {
	changed, unwatch := p.watch()
	defer unwatch()
	for {
		members := p.members.Snapshot()
		missing := slices.IndexFunc(p.all(), func(c *child) bool { return c.isWanted() && !up(members, c.spec) })
		if missing < 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for node %s %d: %w", p.specs[missing].Type, p.specs[missing].ID, ctx.Err())
		}
	}
}

// Stop stops the nodes, those first that no other needs. The next tier's turn comes when the nodes of one have done their work and left the
// cluster; they may still be closing.
func (p *Pod) Stop(ctx context.Context) error {
	for _, tier := range slices.Backward(tiers(p.specs)) {
		for _, c := range p.all() {
			if slices.Contains(tier, c.spec.ID) {
				c.stop()
			}
		}
		p.waitLeft(ctx, tier)
	}
	var errs []error
	for _, c := range p.all() {
		select {
		case <-c.done:
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("node %s %d did not stop in time", c.spec.Type, c.spec.ID))
		}
	}
	return errors.Join(errs...)
}

// waitLeft returns when each of the nodes has left the cluster or ended, or ctx has.
func (p *Pod) waitLeft(ctx context.Context, nodes []id.Node) {
	changed, unwatch := p.watch()
	defer unwatch()
	for _, c := range p.all() {
		if !slices.Contains(nodes, c.spec.ID) {
			continue
		}
		for {
			if _, there := p.members.Snapshot().Node(c.spec.ID); !there {
				break
			}
			select {
			case <-changed:
				continue
			case <-c.done:
			case <-ctx.Done():
				return
			}
			break
		}
	}
}

// watch signals changes of the cluster; several may be one signal.
func (p *Pod) watch() (changed <-chan struct{}, unwatch func()) {
	signal := make(chan struct{}, 1)
	return signal, p.members.Watch(func(_, _ *cluster.Snapshot) {
		select {
		case signal <- struct{}{}:
		default:
		}
	})
}
