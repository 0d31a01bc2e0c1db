package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"
)

var (
	// ErrReplaced is the cause of [Cluster.Lost] when a newer boot of this node id has joined.
	ErrReplaced = errors.New("cluster: a newer boot of this node has taken its place")
	// ErrGossipEnded is the cause of [Cluster.Lost] when gossip stopped by itself.
	ErrGossipEnded = errors.New("cluster: gossip stopped by itself")
	// ErrNotRunning is returned by what needs gossip, before Start and after Stop.
	ErrNotRunning = errors.New("cluster: not running")
)

// tagJitter spreads changes of tags, because a whole cluster that changes them at once, a rolling drain say, chokes gossip.
const tagJitter = 50 * time.Millisecond

// A Cluster is this node's part in gossip, and its view of the others. It is safe for concurrent use.
type Cluster struct {
	cfg   Config
	log   *slog.Logger
	lines *lineLogger
	board board

	mu      sync.Mutex
	self    Member
	serf    *serf.Serf // nil before Start and after Stop
	started bool
	addr    string
	seeds   []string
	leaving chan struct{} // closed when the leave is done; nil before it

	rejoinEvery time.Duration
	// network makes the transport of gossip, and sets the ports that it has taken. nil is memberlist's own; tests have one that they can cut.
	network func(*serf.Config) (memberlist.Transport, error)

	events  chan serf.Event
	changed chan struct{}   // capacity 1: members have changed
	retag   chan struct{}   // capacity 1: own tags are to change
	life    context.Context // ends in Stop
	end     context.CancelFunc
	tasks   sync.WaitGroup
	stop    sync.Once

	lost  chan struct{}
	cause error // written once, before lost is closed
	once  sync.Once
}

var _ View = (*Cluster)(nil)

// New is a cluster that has not started: it does no I/O. The error is that of [Config.Validate].
func New(cfg Config) (*Cluster, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Self.Name, cfg.Self.Gossip = gossipName(cfg.Self), ""
	life, end := context.WithCancel(context.Background())
	return &Cluster{
		cfg:   cfg,
		log:   cfg.Logger,
		lines: &lineLogger{to: cfg.Logger},
		self:  cfg.Self,
		seeds: cfg.Join,

		rejoinEvery: rejoinInterval,

		// Room for what serf may still have in hand when nobody reads any more: it sends without looking whether it was stopped.
		events:  make(chan serf.Event, 64),
		changed: make(chan struct{}, 1),
		retag:   make(chan struct{}, 1),
		life:    life,
		end:     end,
		lost:    make(chan struct{}),
	}, nil
}

// Start listens for gossip. The node is then a cluster of one, itself in the snapshot; [Cluster.Join] makes it part of a larger
// one. ctx bounds the start only. A Cluster starts once.
func (c *Cluster) Start(ctx context.Context) error {
	gossip, err := resolveAddresses(ctx, c.cfg)
	if err != nil {
		return err
	}
	keyring, err := loadKeyring(c.cfg.Keyring, c.cfg.GossipKey)
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started {
		return errors.New("cluster: started twice")
	}
	cfg := c.cfg
	cfg.Self = c.self
	if err := tryBind(ctx, gossip); err != nil {
		return fmt.Errorf("cluster: gossip on %s: %w; stop what holds it, or set another bind address", c.cfg.Bind, err)
	}
	sc := serfConfig(cfg, gossip, keyring, c.lines, c.events)
	if c.network != nil {
		if sc.MemberlistConfig.Transport, err = c.network(sc); err != nil {
			return fmt.Errorf("cluster: gossip on %s: %w", c.cfg.Bind, err)
		}
	}
	s, err := serf.Create(sc)
	if err != nil {
		return fmt.Errorf("cluster: gossip on %s: %w", c.cfg.Bind, err)
	}
	c.serf, c.started = s, true
	local := decodeMember(s.LocalMember())
	c.self.Gossip, c.addr = local.Gossip, local.Gossip
	c.board.publish([]Member{local})

	c.tasks.Go(c.drain)
	c.tasks.Go(func() { c.follow(s) })
	c.tasks.Go(func() { c.tag(s) })
	c.tasks.Go(func() { c.rejoin(s) })
	return nil
}

// Addr is the gossip address that others may join, host:port with the real port. "" before Start.
func (c *Cluster) Addr() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addr
}

// Self is this node as it wants to be seen; what the others see may lag by a fraction of a second.
func (c *Cluster) Self() Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self
}

// Snapshot is the membership now, this node included. It is one atomic load.
func (c *Cluster) Snapshot() *Snapshot { return c.board.snapshot() }

// Watch calls fn after each change; see [View].
func (c *Cluster) Watch(fn func(old, new *Snapshot)) (stop func()) { return c.board.watch(fn) }

// SetState tells the others how far this node is. It returns at once; they know in about 0.1 s.
func (c *Cluster) SetState(s State) {
	c.mu.Lock()
	c.self.State = s
	c.mu.Unlock()
	signal(c.retag)
}

// Lost is closed when this node must stop, for the reason in [Cluster.Cause]. It never is when the node stops as it was told to.
func (c *Cluster) Lost() <-chan struct{} { return c.lost }

// Cause is why [Cluster.Lost] is closed: wraps [ErrReplaced] or [ErrGossipEnded]. nil while it is not.
func (c *Cluster) Cause() error {
	select {
	case <-c.lost:
		return c.cause
	default:
		return nil
	}
}

func (c *Cluster) lose(cause error) {
	c.once.Do(func() {
		c.cause = cause
		close(c.lost)
	})
}

// Leave tells the others that this node goes, and returns when they have been told; about 0.5 s. The node keeps its last view of the
// others. When ctx ends first, the leave goes on until Stop.
func (c *Cluster) Leave(ctx context.Context) error {
	c.mu.Lock()
	s := c.serf
	if s == nil {
		c.mu.Unlock()
		return ErrNotRunning
	}
	if c.leaving == nil {
		c.leaving = make(chan struct{})
		c.tasks.Go(func() {
			defer close(c.leaving)
			if err := s.Leave(); err != nil {
				c.log.Warn("leaving the cluster", slog.Any("error", err))
			}
		})
	}
	done := c.leaving
	c.mu.Unlock()

	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cluster: leave: %w", context.Cause(ctx))
	}
}

// Stop leaves, unless that is done, closes the listeners and waits for every goroutine. When ctx has ended before, the others are told
// nothing and see a crash; when it ends meanwhile, the leave is cut short, which takes some 2 s at most. It may be called again, and
// without Start.
func (c *Cluster) Stop(ctx context.Context) error {
	if ctx.Err() == nil {
		_ = c.Leave(ctx) // not running, or no time left: nothing that would keep from stopping
	}
	var err error
	c.stop.Do(func() { err = c.shutdown() })
	return err
}

func (c *Cluster) shutdown() error {
	c.mu.Lock()
	s, leaving := c.serf, c.leaving
	c.serf, c.started = nil, true
	c.mu.Unlock()
	defer c.end()
	if s == nil {
		return nil
	}
	if leaving != nil {
		<-leaving // memberlist panics when it is shut down in the middle of a leave
	}
	c.lines.close()
	c.end()
	err := s.Shutdown()
	c.tasks.Wait() // each ends with life, or within the timeout of a dial
	if err != nil {
		return fmt.Errorf("cluster: stop: %w", err)
	}
	return nil
}

func (c *Cluster) running() (*serf.Serf, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serf == nil {
		return nil, ErrNotRunning
	}
	return c.serf, nil
}

// within runs something that cannot be cancelled until it is done or ctx ends; then it runs on, owned by Stop.
func (c *Cluster) within(ctx context.Context, what string, fn func() error) error {
	done := make(chan error, 1)
	c.mu.Lock()
	if c.serf == nil {
		c.mu.Unlock()
		return ErrNotRunning
	}
	c.tasks.Go(func() { done <- fn() })
	c.mu.Unlock()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("cluster: %s: %w", what, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cluster: %s: %w", what, context.Cause(ctx))
	}
}

// drain empties serf's channel at once. Serf sends while it holds the lock that Members needs, so whoever reads events must
// neither call it nor wait for watchers.
func (c *Cluster) drain() {
	for {
		select {
		case e := <-c.events:
			if _, ok := e.(serf.MemberEvent); ok {
				signal(c.changed)
			}
		case <-c.life.Done():
			return
		}
	}
}

// follow publishes a snapshot after each burst of changes.
func (c *Cluster) follow(s *serf.Serf) {
	ended := s.ShutdownCh()
	for {
		select {
		case <-c.life.Done():
			return
		case <-ended:
			select {
			case <-c.life.Done():
			default:
				c.lose(ErrGossipEnded)
			}
			return
		case <-c.changed:
			c.publish(s.Members())
		}
	}
}

func (c *Cluster) publish(from []serf.Member) {
	members := make([]Member, 0, len(from))
	for _, m := range from {
		if m.Status != serf.StatusAlive {
			continue
		}
		member := decodeMember(m)
		if member.replaces(c.cfg.Self) {
			c.lose(fmt.Errorf("%w: node %s, boot %s at %s", ErrReplaced, member.Node, member.Boot, member.Gossip))
		}
		members = append(members, member)
	}
	c.board.publish(members)
}

// tag brings the tags to what SetState asked for.
func (c *Cluster) tag(s *serf.Serf) {
	for {
		select {
		case <-c.life.Done():
			return
		case <-c.retag:
		}
		if !c.pause(rand.N(tagJitter)) {
			return
		}
		if err := s.SetTags(encodeTags(c.Self())); err != nil {
			c.log.Debug("telling the cluster the node's state takes long", slog.Any("error", err))
		}
	}
}

// pause waits; false means that the cluster stops.
func (c *Cluster) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.life.Done():
		return false
	}
}

func signal(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
