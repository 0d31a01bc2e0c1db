package pod

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

// A child is one node that the pod keeps alive, over all its lives. It is safe for concurrent use.
type child struct {
	spec Spec
	log  tail
	over context.Context // ends when it is stopped for good
	stop context.CancelFunc
	done chan struct{} // closed when it is
	wake chan struct{} // capacity 1: there is an order for a child that does not run

	mu       sync.Mutex
	wanted   bool // it is to run
	state    pb.PodNodeState
	end      context.CancelFunc // of the life that runs; nil: none does
	asked    bool               // that life was told to end
	born     time.Time          // of that life
	pid      int                // of its process; 0: it has none of its own
	restarts uint32             // because it had ended by itself
	failures uint32             // in a row
	next     time.Time          // when it is started again
	err      error              // of the last failure
	failed   time.Time
	key      string // of the last order that had one
}

func newChild(spec Spec) *child {
	c := &child{spec: spec, done: make(chan struct{}), wake: make(chan struct{}, 1), wanted: true, state: pb.PodNodeState_POD_NODE_STATE_STOPPED}
	c.over, c.stop = context.WithCancel(context.Background())
	return c
}

// keep runs the node again and again while it is wanted, until it is stopped for good.
func (p *Pod) keep(c *child, seeds []string) {
	defer close(c.done)
	for c.awaitWanted() {
		ctx := c.begin()
		err := p.life(ctx, c, seeds)
		pause := c.ended(err, p.cfg)
		switch {
		case pause > 0:
			p.log.Error("node ended by itself; it is started again", "type", c.spec.Type, "child", c.spec.ID, "restarts", c.restarts, "pause", pause, "err", err)
			c.rest(pause)
		case err != nil:
			p.log.Warn("node stopped with errors", "type", c.spec.Type, "child", c.spec.ID, "err", err)
		}
	}
}

// life is one life of the node. A panic ends that life only.
func (p *Pod) life(ctx context.Context, c *child, seeds []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return p.runner.Run(ctx, c.spec, seeds, &Life{c})
}

// awaitWanted returns when the node is to run, or false when it never is again.
func (c *child) awaitWanted() bool {
	for {
		c.mu.Lock()
		wanted := c.wanted
		c.mu.Unlock()
		if c.over.Err() != nil {
			return false
		}
		if wanted {
			return true
		}
		select {
		case <-c.wake:
		case <-c.over.Done():
		}
	}
}

// begin is the context of a new life.
func (c *child) begin() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.wake: // an order that is met by this
	default:
	}
	ctx, end := context.WithCancel(c.over)
	c.end, c.asked, c.born, c.state = end, false, time.Now(), pb.PodNodeState_POD_NODE_STATE_RUNNING
	if !c.wanted { // told to stop a moment ago
		c.asked, c.state = true, pb.PodNodeState_POD_NODE_STATE_STOPPING
		end()
	}
	return ctx
}

// ended takes note of the end of a life, and is how long to wait before the next; 0 if it had been told to end.
func (c *child) ended(err error, cfg Config) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
	c.end, c.pid = nil, 0
	if c.asked || c.over.Err() != nil {
		c.failures, c.state = 0, pb.PodNodeState_POD_NODE_STATE_STOPPED
		return 0
	}
	now := time.Now()
	c.failures = c.failuresAt(now, cfg) + 1
	c.restarts++
	pause := cfg.MinBackoff
	for n := c.failures; n > 1 && pause < cfg.MaxBackoff; n-- {
		pause *= 2
	}
	pause = min(pause, cfg.MaxBackoff)
	if err == nil {
		err = errors.New("it ended without being asked to")
	}
	c.err, c.failed, c.next, c.state = err, now, now.Add(pause), pb.PodNodeState_POD_NODE_STATE_FAILING
	return pause
}

// failuresAt is how often it has failed in a row: a life that has lasted makes good for those before it. With the lock held.
func (c *child) failuresAt(now time.Time, cfg Config) uint32 {
	if c.state == pb.PodNodeState_POD_NODE_STATE_RUNNING && now.Sub(c.born) >= cfg.Healthy {
		return 0
	}
	return c.failures
}

// rest waits for d, or an order.
func (c *child) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.wake:
	case <-c.over.Done():
	}
}

// order has the node be up or not, and ends the life that runs if end is set. What has the key of the order before has been done; "" is none.
func (c *child) order(up, end bool, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over.Err() != nil {
		return fault.New(fault.ShuttingDown, "the pod stops, and all of its nodes with it")
	}
	if key != "" {
		if key == c.key {
			return nil
		}
		c.key = key
	}
	c.wanted = up
	if c.end == nil { // it does not run: it begins now, or no more
		c.failures, c.state = 0, pb.PodNodeState_POD_NODE_STATE_STOPPED
		if up {
			c.state = pb.PodNodeState_POD_NODE_STATE_RUNNING
		}
		select {
		case c.wake <- struct{}{}:
		default:
		}
		return nil
	}
	if end {
		c.asked, c.state = true, pb.PodNodeState_POD_NODE_STATE_STOPPING
		c.end()
	}
	return nil
}

// isWanted is whether the node is to run.
func (c *child) isWanted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wanted
}

// A Life is what a [Runner] tells of the life that it runs. It is safe for concurrent use.
type Life struct{ child *child }

// Write keeps what the node logs, one or more whole lines at a time, for whoever asks. It never fails.
func (l *Life) Write(lines []byte) (int, error) { return l.child.log.Write(lines) }

// Process says which process the life has of its own.
func (l *Life) Process(pid int) {
	l.child.mu.Lock()
	defer l.child.mu.Unlock()
	l.child.pid = pid
}
