package rpc

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
)

// A Host is what registration needs of a node.
type Host interface{ RPC() *RPC }

// An RPC is one node's end of all calls: those that it makes and those that it serves. It is safe for concurrent use.
type RPC struct {
	cfg     Config
	invalid error // of cfg: every call ends with it
	log     *slog.Logger

	ctx       context.Context // ends when the RPC has stopped
	end       context.CancelFunc
	unwatch   func()
	own       *peer // this node, as a callee of itself
	routes    atomic.Pointer[routes]
	endpoints atomic.Pointer[map[uint32]*endpoint]
	stats     statsBook
	begun     time.Time
	buffers   sync.Pool // of *[]byte, for calls to the own node
	inbounds  sync.Pool // of *inbound
	sweep     sweeper

	running  atomic.Int64  // calls and sends that handlers work on
	passing  atomic.Int64  // calls that were passed on between others and not answered yet
	relayed  atomic.Uint64 // frames passed on
	draining atomic.Bool
	idle     chan struct{} // capacity 1: running or passing came to 0 while draining

	mu       sync.Mutex // guards what follows, and changes of routes and endpoints
	peers    map[life]*peer
	passages map[*passage]struct{}
	stopped  bool
	tasks    sync.WaitGroup // dials, links that this node opened, the sweeper
}

// life is one node in one boot at one address.
type life struct {
	node id.Node
	boot id.Boot
	addr string
}

// New is an RPC that serves the links accepted by cfg.Server from the time that starts, and connects to others when it first calls them. What is wrong with cfg is
// the error of every call; see [Config.Validate].
func New(cfg Config) *RPC {
	r := &RPC{invalid: cfg.Validate(), cfg: cfg.withDefaults(), begun: time.Now(), peers: map[life]*peer{}, passages: map[*passage]struct{}{}, idle: make(chan struct{}, 1)}
	r.log = r.cfg.Logger
	r.ctx, r.end = context.WithCancel(context.Background())
	r.endpoints.Store(&map[uint32]*endpoint{})
	r.sweep.wake = make(chan struct{}, 1)
	r.own = newPeer(r, cluster.Member{Node: cfg.Self.Node, Boot: cfg.Self.Boot, Type: cfg.Self.Type})
	r.own.connectLocal()
	if cfg.Server != nil {
		cfg.Server.Handle(link.RPC, func(c *link.Conn) link.Handler { return newCallee(r, c, c.Peer()) })
	}
	if cfg.View != nil {
		r.unwatch = cfg.View.Watch(func(_, s *cluster.Snapshot) { r.route(s) })
	}
	return r
}

// RPC is r itself, so that tests and small programs can register handlers without a node.
func (r *RPC) RPC() *RPC { return r }

// clock is the time since New. It is half the price of time.Now, which reads two clocks.
func (r *RPC) clock() time.Duration { return time.Since(r.begun) }

// time is when the clock is at d; the zero time for 0.
func (r *RPC) time(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return r.begun.Add(d)
}

// Self is this node.
func (r *RPC) Self() link.Peer { return r.cfg.Self }

// InFlight is how many calls of this node wait for their end.
func (r *RPC) InFlight() int {
	n := int(r.own.inFlight())
	for _, p := range r.everyPeer(nil) {
		n += int(p.inFlight())
	}
	return n
}

// everyPeer appends the nodes that membership shows, without this one.
func (r *RPC) everyPeer(to []*peer) []*peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		to = append(to, p)
	}
	return to
}

// Running is how many calls and sends handlers of this node work on.
func (r *RPC) Running() int { return int(r.running.Load()) }

var errDraining = fault.New(fault.Unavailable, "the node is shutting down")

// Drain refuses new calls from others with code fault.Unavailable, which lets them try another node, and waits until those that run have ended or ctx has. A relay goes
// on relaying meanwhile, and asks the callers to go another way. This node may go on calling others.
func (r *RPC) Drain(ctx context.Context) error {
	r.draining.Store(true)
	r.retireAll()
	for r.running.Load()+r.passing.Load() > 0 {
		select {
		case <-r.idle:
		case <-ctx.Done():
			if n := r.running.Load() + r.passing.Load(); n > 0 {
				return fault.Errorf(fault.Deadline, "%d calls still run", n)
			}
		}
	}
	return nil
}

// Stop drains, then ends every call that this node still waits for, cuts the contexts of handlers that still run and closes the links that it opened; those that it accepted
// belong to the link server. Handlers that ignore their context and ctx's end
// are given up with an error. Calling it again waits as well.
func (r *RPC) Stop(ctx context.Context) error {
	drained := r.Drain(ctx)
	r.mu.Lock()
	first := !r.stopped
	r.stopped = true
	peers := r.peers
	r.peers = map[life]*peer{}
	r.mu.Unlock()
	if !first {
		r.tasks.Wait()
		return drained
	}
	if r.unwatch != nil {
		r.unwatch()
	}
	r.end()
	for _, p := range peers {
		p.drop()
	}
	r.own.drop()
	r.tasks.Wait()
	if drained == nil || r.settle() {
		return nil
	}
	return drained
}

// cutGrace is how long handlers have to return once their contexts were cut.
const cutGrace = 200 * time.Millisecond

// settle waits for handlers whose contexts were cut, for a moment.
func (r *RPC) settle() bool {
	ctx, cancel := context.WithTimeout(context.Background(), cutGrace)
	defer cancel()
	return r.Drain(ctx) == nil
}

// start runs fn on a goroutine that Stop waits for; false when the RPC has stopped.
func (r *RPC) start(fn func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return false
	}
	r.tasks.Go(fn)
	return true
}

// ended counts a call that no handler works on any more.
func (r *RPC) ended() {
	if r.running.Add(-1) == 0 && r.draining.Load() {
		r.wakeDrain()
	}
}

func (r *RPC) wakeDrain() {
	select {
	case r.idle <- struct{}{}:
	default:
	}
}
