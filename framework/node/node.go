package node

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/live"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

// A Node is one node in one life. [New] makes it and [Node.Run] lives it. Its accessors are for the node's [Service], from Start on, and
// are safe for concurrent use.
type Node struct {
	env Env
	cfg Config
	svc Service
	log *slog.Logger

	level atomic.Pointer[slog.Level] // of log; nil: as env.Log has it

	id      id.Node
	boot    id.Boot
	unclaim func(context.Context) error
	ids     *id.Generator
	lease   *lease.Lease
	owners  *lease.Owners
	links   *link.Server
	rpc     *rpc.RPC
	line    *line.Server
	cluster *cluster.Cluster
	actors  *actor.System
	live    *live.Set
	metrics *prometheus.Registry
	tracer  trace.Tracer
	untrace func(context.Context) error
	admin   adminServer

	state    atomic.Uint32 // a cluster.State
	stopOnce sync.Once
	stopErr  error
	crashed  bool       // set by Run, before anything is undone
	failure  chan error // the first failure of this life

	mu         sync.Mutex
	published  map[string]string
	onRegained []func()
	ending     bool // it has begun to stop, for good

	work   sync.WaitGroup // goroutines of Go
	workx  context.Context
	endall context.CancelFunc
}

// New prepares a node; nothing happens before [Node.Run].
func New(env Env, cfg Config, svc Service) (*Node, error) {
	cfg = cfg.withDefaults()
	if err := validate(env, cfg); err != nil {
		return nil, err
	}
	n := &Node{
		env: env, cfg: cfg, svc: svc,
		boot:    id.NewBoot(time.Now()),
		metrics: prometheus.NewRegistry(),
		failure: make(chan error, 1),

		published: map[string]string{},
	}
	handler := &levelHandler{Handler: env.Log.Handler(), level: &n.level}
	n.log = slog.New(handler).With("node", cfg.Type)
	n.workx, n.endall = context.WithCancel(context.Background())
	return n, nil
}

// ID is the node's number.
func (n *Node) ID() id.Node { return n.id }

// Boot is this life of the node.
func (n *Node) Boot() id.Boot { return n.boot }

// Type is the node's type.
func (n *Node) Type() string { return n.cfg.Type }

// Area is the area that the node serves; 0 is all.
func (n *Node) Area() uint16 { return n.cfg.Area }

// Log is the node's logger.
func (n *Node) Log() *slog.Logger { return n.log }

// Actors is the node's actors.
func (n *Node) Actors() *actor.System { return n.actors }

// RPC calls peers and serves their calls. Nil in an observer.
func (n *Node) RPC() *rpc.RPC { return n.rpc }

// Line serves clients' messages. Nil in an observer.
func (n *Node) Line() *line.Server { return n.line }

// Cluster is who is there.
func (n *Node) Cluster() cluster.View { return n.cluster }

// Stores is the process's SQL and Redis.
func (n *Node) Stores() *store.Stores { return n.env.Stores }

// Lease is what keeps the node's ownership alive.
func (n *Node) Lease() *lease.Lease { return n.lease }

// Owners is who owns which key of Env.Owned, as keyed methods see it.
func (n *Node) Owners() *lease.Owners { return n.owners }

// Live is the node's settings that change while it runs. They are its own: hooks end with it.
func (n *Node) Live() *live.Set { return n.live }

// IDs makes new ids.
func (n *Node) IDs() *id.Generator { return n.ids }

// Registry knows every message of the client protocol.
func (n *Node) Registry() *wire.Registry { return n.env.Registry }

// Tracer records what belongs to a trace; nil when tracing is off.
func (n *Node) Tracer() trace.Tracer { return n.tracer }

// Metrics takes the service's metrics; they appear at the admin address.
func (n *Node) Metrics() prometheus.Registerer { return n.metrics }

// Links is how this node's links are made, for a service that dials links of its own.
func (n *Node) Links() link.Config {
	return link.Config{
		Self:      link.Peer{Node: n.id, Boot: n.boot, Type: n.cfg.Type},
		Key:       n.env.LinkKey,
		Heartbeat: n.env.stretch(linkHeartbeat),
		Logger:    n.log,
	}
}

// Stretch is d, or much more of it when debugging: for durations after which somebody silent counts as gone.
func (n *Node) Stretch(d time.Duration) time.Duration { return n.env.stretch(d) }

// State is how far the node is in its life.
func (n *Node) State() cluster.State { return cluster.State(n.state.Load()) }

// OnRegained has fn called whenever Redis had lost this node's lease, and perhaps everything else, and holds it again: owners bind again
// what they own. fn runs on the goroutine that renews the lease, so it returns soon.
func (n *Node) OnRegained(fn func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onRegained = append(n.onRegained, fn)
}

func (n *Node) regained() {
	n.mu.Lock()
	fns := slices.Clone(n.onRegained)
	n.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}

// Go runs fn in a goroutine that the node owns: its context ends when the service has stopped, and the node waits for it before it leaves.
// A panic in it ends this life of the node, as Fail does.
func (n *Node) Go(fn func(ctx context.Context)) {
	n.work.Go(func() {
		err := n.guard(func() error {
			fn(n.workx)
			return nil
		})
		if err != nil {
			n.Fail(err)
		}
	})
}

// Fail ends this life of the node in the orderly way, with err as its outcome. Only the first call counts. Whoever runs the node decides
// whether it lives again.
func (n *Node) Fail(err error) {
	select {
	case n.failure <- err:
	default:
	}
}
