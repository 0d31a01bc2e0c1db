package pod

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/node"
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
// ended by itself. seeds are gossip addresses to join.
type Runner interface {
	Run(ctx context.Context, spec Spec, seeds []string) error
}

// Config is how the pod treats its nodes.
type Config struct {
	// MinBackoff is the pause before the first restart of a node; it doubles up to MaxBackoff with each further one, until the node
	// has been up for Healthy.
	MinBackoff, MaxBackoff, Healthy time.Duration
}

// Defaults is a Config that is good for most machines.
func Defaults() Config {
	return Config{MinBackoff: 250 * time.Millisecond, MaxBackoff: 15 * time.Second, Healthy: 30 * time.Second}
}

// A Pod is the service of one pod node.
type Pod struct {
	cfg    Config
	specs  []Spec
	runner Runner
	self   id.Node
	log    *slog.Logger

	members  cluster.View
	children []*child
}

// New is a pod that will keep specs alive by runner.
func New(cfg Config, specs []Spec, runner Runner) *Pod {
	return &Pod{cfg: cfg, specs: specs, runner: runner}
}

// Start has nothing to register yet: the pod's own calls come with the operator console.
func (p *Pod) Start(_ context.Context, n *node.Node) error {
	p.self, p.members, p.log = n.ID(), n.Cluster(), n.Log()
	return nil
}

// Ready starts every node and returns when all are up. A node that keeps failing is tried again and again; ctx ends the wait.
func (p *Pod) Ready(ctx context.Context) error {
	p.adopt(ctx, p.Seeds())
	return p.waitUp(ctx)
}

// adopt begins to keep every node alive, until Stop: ctx gives only its values.
func (p *Pod) adopt(ctx context.Context, seeds []string) {
	for _, spec := range p.specs {
		c := &child{spec: spec, done: make(chan struct{})}
		running, stop := context.WithCancel(context.WithoutCancel(ctx))
		c.stop = stop
		p.children = append(p.children, c)
		go p.keep(running, c, seeds)
	}
}

// Seeds is where others can join: the pod's own gossip address.
func (p *Pod) Seeds() []string {
	self, _ := p.members.Snapshot().Node(p.self)
	return []string{self.Gossip}
}

// up reports whether a node of the pod is as far as it can be: ready, or standing by for one that is.
func up(members *cluster.Snapshot, spec Spec) bool {
	m, _ := members.Node(spec.ID)
	return m.State == cluster.Ready || m.State == cluster.Standby &&
		slices.ContainsFunc(members.ByType(spec.Type), func(m cluster.Member) bool { return m.State == cluster.Ready })
}

// waitUp returns when gossip shows every node up.
func (p *Pod) waitUp(ctx context.Context) error {
	changed, unwatch := p.watch()
	defer unwatch()
	for {
		members := p.members.Snapshot()
		missing := slices.IndexFunc(p.specs, func(s Spec) bool { return !up(members, s) })
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
		for _, c := range p.children {
			if slices.Contains(tier, c.spec.ID) {
				c.stop()
			}
		}
		p.waitLeft(ctx, tier)
	}
	var errs []error
	for _, c := range p.children {
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
	for _, c := range p.children {
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

// Tiers is how many groups of nodes [Pod.Stop] stops one after the other.
func Tiers(specs []Spec) int { return len(tiers(specs)) }

// tiers groups nodes by how deep what they need goes: those in the first need none of the others.
func tiers(specs []Spec) [][]id.Node {
	depth := map[string]int{}
	var measure func(typ string, seen []string) int
	measure = func(typ string, seen []string) int {
		if d, ok := depth[typ]; ok || slices.Contains(seen, typ) {
			return d
		}
		d := 0
		for _, s := range specs {
			if s.Type != typ {
				continue
			}
			for _, need := range s.Needs {
				if slices.ContainsFunc(specs, func(s Spec) bool { return s.Type == need }) {
					d = max(d, measure(need, append(seen, typ))+1)
				}
			}
		}
		depth[typ] = d
		return d
	}
	var tiers [][]id.Node
	for _, s := range specs {
		d := measure(s.Type, nil)
		for len(tiers) <= d {
			tiers = append(tiers, nil)
		}
		tiers[d] = append(tiers[d], s.ID)
	}
	return tiers
}
