package frameworktest

import (
	"bytes"
	"context"
	"io/fs"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/node"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/wire"
)

// patience is how long something may take that must happen. It decides nothing but when a test that fails says so.
const patience = time.Minute

// leaseTTL is longer than a node's own, which ends nodes that a busy machine lets stand still.
const leaseTTL = 30 * time.Second

// Config says what a cluster's nodes share. Only Migrations is required.
type Config struct {
	// Migrations makes the tables of owner "cluster", which every node needs. Other owners' tables are the test's to make, in
	// [Cluster.Stores].
	Migrations fs.FS
	// Stores is what to open, as storetest.RealConfig gives it. The zero value is embedded stores of the test's own.
	Stores store.Config
	// Shared is taken instead of Stores where it is set: open stores, which all nodes share, and which the test closes.
	Shared *store.Stores
	// Registry is the client protocol. nil knows no message.
	Registry *wire.Registry
	// Owned is the kind of key that keyed methods go to the owner of. Default "player".
	Owned string
}

// A Cluster is the nodes of one test. Its methods are for the test's own goroutine; those of a [Node] are for any.
type Cluster struct {
	// Env is what the nodes share. A test may change it before it begins a node. Join is nil, and so is Stores unless they are shared: each
	// node joins those that live, over connections of its own; what a test sets there is taken instead.
	Env node.Env

	t      testing.TB
	cfg    store.Config
	stores *store.Stores
	nodes  []*Node
}

// New is a cluster without nodes. Those that still run when the test ends are stopped then, and one that has ended with an error which the
// test never looked at fails it.
func New(t testing.TB, cfg Config) *Cluster {
	t.Helper()
	stores := cfg.Shared
	if stores == nil && cfg.Stores == (store.Config{}) {
		cfg.Stores = storetest.EmbeddedConfig(t)
	}
	if cfg.Registry == nil {
		none, err := wire.NewRegistry()
		if err != nil {
			t.Fatal(err)
		}
		cfg.Registry = none
	}
	if cfg.Owned == "" {
		cfg.Owned = "player"
	}
	if stores == nil {
		stores = storetest.Open(t, cfg.Stores)
	}
	c := &Cluster{
		Env: node.Env{
			Stores: cfg.Shared, Registry: cfg.Registry, Owned: cfg.Owned, Version: "test", Log: storetest.Log(t),
			LeaseTTL:  leaseTTL,
			GossipKey: bytes.Repeat([]byte{1}, cluster.KeySize), LinkKey: bytes.Repeat([]byte{2}, cluster.KeySize),
		},
		t: t, cfg: cfg.Stores, stores: stores,
	}
	storetest.Migrated(t, c.stores, "cluster", cfg.Migrations)
	return c
}

// Stores is the test's own connections, for looking into the stores and for breaking them.
func (c *Cluster) Stores() *store.Stores { return c.stores }

// Start runs a node and waits until it is ready.
func (c *Cluster) Start(cfg node.Config, svc node.Service) *Node {
	c.t.Helper()
	n := c.Begin(cfg, svc)
	n.Ready()
	return n
}

// Begin runs a node and waits until it has joined the others, or has ended: see [Node.Wait].
func (c *Cluster) Begin(cfg node.Config, svc node.Service) *Node {
	c.t.Helper()
	env := c.Env
	if env.Join == nil {
		env.Join = c.seeds()
	}
	n := &Node{cluster: c, cfg: cfg, joined: make(chan struct{}), done: make(chan struct{})}
	if env.Stores == nil {
		env.Stores = storetest.Second(c.t, c.stores, c.cfg)
		n.stores = env.Stores
	}
	var err error
	if n.Node, err = node.New(env, cfg, &joining{Service: svc, first: len(env.Join) == 0, joined: n.joined}); err != nil {
		c.t.Fatal(err)
	}
	c.nodes = append(c.nodes, n)
	c.t.Cleanup(c.end) // before its stores are closed
	n.run()
	select {
	case <-n.joined:
	case <-n.done:
	case <-time.After(patience):
		c.t.Fatalf("the node of type %s neither joins nor ends", cfg.Type)
	}
	return n
}

// seeds is the gossip addresses of the nodes that live.
func (c *Cluster) seeds() (addrs []string) {
	for _, n := range c.living() {
		if self, ok := n.Cluster().Snapshot().Node(n.ID()); ok {
			addrs = append(addrs, self.Gossip)
		}
	}
	return addrs
}

func (c *Cluster) living() []*Node {
	return slices.DeleteFunc(slices.Clone(c.nodes), (*Node).ended)
}

// seen is what nodes must agree on of each other.
type seen struct {
	node  id.Node
	boot  id.Boot
	state cluster.State
}

// Converge waits until every node that lives sees every one of them as it is, and nobody else. A node that was killed counts as seen until gossip has
// noticed, some seconds later.
func (c *Cluster) Converge() {
	c.t.Helper()
	living := c.living()
	late := time.After(patience)
	for _, n := range living {
		changed := make(chan struct{}, 1)
		stop := n.Cluster().Watch(func(_, _ *cluster.Snapshot) {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		for {
			got, want := members(n.Cluster().Snapshot()), reality(living)
			if slices.Equal(got, want) {
				break
			}
			select {
			case <-changed:
			case <-n.done:
				c.t.Fatalf("node %d ended while the cluster converged: %v", n.ID(), n.Wait())
			case <-late:
				c.t.Fatalf("node %d sees %v; want %v", n.ID(), got, want)
			}
		}
		stop()
	}
}

func members(s *cluster.Snapshot) (all []seen) {
	for _, m := range s.All() {
		all = append(all, seen{m.Node, m.Boot, m.State})
	}
	return all
}

func reality(nodes []*Node) (all []seen) {
	for _, n := range nodes {
		all = append(all, seen{n.ID(), n.Boot(), n.State()})
	}
	slices.SortFunc(all, func(a, b seen) int { return int(a.node) - int(b.node) })
	return all
}

// end stops all at once, because each takes a moment to leave.
func (c *Cluster) end() {
	nodes := c.nodes
	c.nodes = nil
	for _, n := range nodes {
		n.cancel(nil)
	}
	for _, n := range nodes {
		looked := n.looked.Load()
		if err := n.Wait(); err != nil && !looked {
			c.t.Errorf("node %d of type %s ended with: %v", n.ID(), n.Type(), err)
		}
	}
}

// Eventually waits until something is so, and fails the test when it does not come to be. It looks every few milliseconds.
func Eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// Main is the TestMain of a package: it runs the tests, and fails when they leave a goroutine running.
func Main(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not, some seconds
		// later at most; memberlist offers no way to wait for it.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))
}

// joining tells when a node has joined: it sees itself, and others if there are any.
type joining struct {
	node.Service
	first  bool // there are no others
	joined chan struct{}
}

// Start is the service's own, which comes before joining.
func (j *joining) Start(ctx context.Context, n *node.Node) error {
	n.Go(func(ctx context.Context) {
		here := make(chan struct{}, 1)
		stop := n.Cluster().Watch(func(_, s *cluster.Snapshot) {
			if _, ok := s.Node(n.ID()); ok && (j.first || len(s.All()) > 1) {
				select {
				case here <- struct{}{}:
				default:
				}
			}
		})
		defer stop()
		select {
		case <-here:
			close(j.joined)
		case <-ctx.Done():
		}
	})
	return j.Service.Start(ctx, n)
}
