package rpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/link"
)

const (
	firstBackoff = 100 * time.Millisecond // after a failed dial, calls fail at once for so long
	maxBackoff   = 2 * time.Second
)

// A peer is one node in one boot, and the link to it, opened when it is first called and again when it is called after a loss.
type peer struct {
	cluster.Member
	rpc  *RPC
	live atomic.Pointer[caller]
	bad  atomic.Bool // the last dial failed
	// It is a relay that said that it is about to stop.
	leaving atomic.Bool

	mu      sync.Mutex
	dialing chan struct{} // closed when the dial that runs is over; nil when none does
	failed  error         // of the last dial
	retryAt time.Time
	backoff time.Duration
	gone    bool
	retired []*caller // circuits that take no new calls, and end when nobody waits on them
}

func newPeer(r *RPC, m cluster.Member) *peer { return &peer{Member: m, rpc: r} }

// down reports whether the peer was out of reach when last tried. It tries again when that is due, without waiting for it.
func (p *peer) down() bool {
	if !p.bad.Load() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone && p.failed != nil && time.Now().After(p.retryAt) {
		p.startDial()
	}
	return true
}

// busy is how much work the peer has, as far as this node knows: what it waits for itself and what the peer said with its last reply.
func (p *peer) busy() int {
	c := p.live.Load()
	if c == nil {
		return 0
	}
	return int(c.calls.used.Load()) + int(c.load.Load())
}

func (p *peer) inFlight() int32 {
	n := int32(0)
	for _, t := range p.tables(nil) {
		n += t.used.Load()
	}
	return n
}

// connect is the link to the peer, opening it if need be. Its errors have code fault.Unavailable, or ctx's when that ended first.
func (p *peer) connect(ctx context.Context) (*caller, error) {
	if c := p.live.Load(); c != nil {
		return c, nil
	}
	return p.open(ctx)
}

// open is connect for whoever saw no link. There may be one by now, and a second would leave it behind.
func (p *peer) open(ctx context.Context) (*caller, error) {
	for {
		p.mu.Lock()
		if c := p.live.Load(); c != nil {
			p.mu.Unlock()
			return c, nil
		}
		switch {
		case p.gone:
			p.mu.Unlock()
			return nil, fault.Errorf(fault.Unavailable, "%s %v has left", p.Type, p.Node)
		case p.failed != nil && time.Now().Before(p.retryAt):
			err := p.failed
			p.mu.Unlock()
			return nil, err
		case !p.startDial():
			p.mu.Unlock()
			return nil, errStopped
		}
		dialing := p.dialing
		p.mu.Unlock()
		select {
		case <-dialing:
		case <-ctx.Done():
			return nil, ended(ctx)
		}
	}
}

// startDial sees to it that a dial runs, unless there is a link; false when the RPC has stopped. With the lock held.
func (p *peer) startDial() bool {
	if p.dialing != nil || p.live.Load() != nil {
		return true
	}
	if !p.rpc.start(p.dial) {
		return false
	}
	p.dialing = make(chan struct{})
	return true
}

func (p *peer) dial() {
	var c *caller
	var err error
	if p.relayed() {
		c, err = p.rpc.openVia(p)
	} else {
		c, err = p.dialLink()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.dialing)
	p.dialing = nil
	if err != nil {
		p.failed = fault.Wrap(err, fault.Unavailable, p.Type+" "+p.Node.String()+" cannot be reached")
		p.backoff = min(max(2*p.backoff, firstBackoff), maxBackoff)
		p.retryAt = time.Now().Add(p.backoff)
		p.bad.Store(true)
		p.rpc.log.Warn("node cannot be reached", "node", p.Node, "type", p.Type, "error", err)
		return
	}
	p.failed, p.backoff = nil, 0
	p.bad.Store(false)
	if p.gone {
		c.drop(errGone)
		return
	}
	c.attach()
}

// dialLink connects to the peer itself.
func (p *peer) dialLink() (*caller, error) {
	c := newCaller(p)
	want := link.Peer{Node: p.Node, Boot: p.Boot}
	p.rpc.tasks.Add(1) // for the link, until its Closed
	conn, err := link.Dial(p.rpc.ctx, p.Addr, p.rpc.cfg.Links, link.RPC, want, c)
	if err != nil {
		p.rpc.tasks.Done()
		return nil, err
	}
	c.conn = conn
	return c, nil
}

// connectLocal makes the peer this node itself.
func (p *peer) connectLocal() {
	c := newCaller(p)
	c.local = newCallee(p.rpc, nil, p.rpc.cfg.Self)
	c.local.local = c
	p.live.Store(c)
}

var (
	errGone    = fault.New(fault.Lost, "the node has left")
	errStopped = fault.New(fault.Unavailable, "rpc has stopped")
)

// drop ends the link and refuses another.
func (p *peer) drop() {
	p.mu.Lock()
	p.gone = true
	c, retired := p.live.Load(), p.retired
	p.retired = nil
	p.mu.Unlock()
	for _, c := range retired {
		c.drop(errGone)
	}
	switch {
	case c == nil:
	case c.local != nil:
		p.live.Store(nil)
		c.calls.close(errStopped)
		c.local.cancel()
	default:
		c.drop(errGone)
	}
}

// drop ends the link or the circuit, and the calls on it with err.
func (c *caller) drop(err error) {
	if c.circuit == 0 {
		c.conn.Close(err)
		return
	}
	c.peer.live.CompareAndSwap(c, nil)
	c.hangUp(err)
}
