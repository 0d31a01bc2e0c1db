package linktest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// A Way is a direction of a connection through a [Proxy].
type Way uint8

const (
	// Up is from whoever dialed to whoever listens.
	Up Way = 1 << iota
	// Down is from whoever listens to whoever dialed.
	Down
	// Both is both.
	Both = Up | Down
)

const (
	chunkSize = 32 << 10 // bytes that are passed on at a time
	inTransit = 64       // chunks that may be on their way in one direction; then the sender's kernel has to keep the rest
	// What the kernel may keep for each socket, so that a sender soon notices that nothing moves.
	kernelBuffer = 64 << 10
)

// A Proxy passes on connections to a target, and does them harm when told to. It is safe for concurrent use. What is said about a way holds for the connections
// there are and for those to come, until Heal.
type Proxy struct {
	listener net.Listener
	done     chan struct{}
	wg       sync.WaitGroup

	mu     sync.Mutex
	target string
	refuse bool
	up     weather
	down   weather
	conns  map[*passage]struct{}
	closed bool
}

// weather is what happens to bytes that go one way.
type weather struct {
	hold, lose bool
	delay      time.Duration
	rate       int           // bytes a second; 0: no limit
	changed    chan struct{} // closed when this is no longer so
}

// NewProxy listens on a free port of the loopback interface and passes on to target, host:port. It ends, with all its connections, when the test does.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, done: make(chan struct{}), conns: map[*passage]struct{}{}}
	p.up.changed, p.down.changed = make(chan struct{}), make(chan struct{})
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where the proxy listens, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Retarget sends the connections to come to another address.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Conns is how many connections there are.
func (p *Proxy) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Cut ends every connection at once, for both ends. What was on its way is lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.cut()
		delete(p.conns, c) // before its goroutines find out
	}
}

// Refuse cuts every new connection as soon as it is made.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = true
}

// Hold stops what goes the way, and keeps it: the sender's buffers fill up. Neither end is told.
func (p *Proxy) Hold(w Way) { p.change(w, func(a *weather) { a.hold = true }) }

// Lose makes what goes the way vanish, from the next byte on. Neither end is told, and a connection that lost something is good for nothing afterwards.
func (p *Proxy) Lose(w Way) { p.change(w, func(a *weather) { a.lose = true }) }

// Delay makes what goes the way arrive so much later. Order is kept.
func (p *Proxy) Delay(w Way, d time.Duration) { p.change(w, func(a *weather) { a.delay = d }) }

// Slow lets only so many bytes a second go the way.
func (p *Proxy) Slow(w Way, bytesPerSecond int) {
	p.change(w, func(a *weather) { a.rate = bytesPerSecond })
}

// Heal ends whatever was said before. What was held goes on.
func (p *Proxy) Heal() {
	p.mu.Lock()
	p.refuse = false
	p.mu.Unlock()
	p.change(Both, func(a *weather) { *a = weather{} })
}

func (p *Proxy) change(w Way, fn func(*weather)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, way := range []Way{Up, Down} {
		if w&way != 0 {
			a := p.at(way)
			close(a.changed)
			fn(a)
			a.changed = make(chan struct{})
		}
	}
}

// at is the weather of one way. With the lock held.
func (p *Proxy) at(w Way) *weather {
	if w == Up {
		return &p.up
	}
	return &p.down
}

func (p *Proxy) now(w Way) weather {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.at(w)
}

func (p *Proxy) accept() {
	for {
		nc, err := p.listener.Accept()
		if err != nil {
			return // closed: nothing else fails on loopback
		}
		p.wg.Go(func() { p.pass(nc) })
	}
}

// pass connects to the target and passes on until either end ends.
func (p *Proxy) pass(dialer net.Conn) {
	defer dialer.Close()
	p.mu.Lock()
	target, refuse := p.target, p.refuse
	p.mu.Unlock()
	if refuse {
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	c := &passage{proxy: p, dialer: dialer, server: server, over: make(chan struct{})}
	if !p.add(c) {
		return
	}
	for _, nc := range []net.Conn{dialer, server} {
		if tcp, ok := nc.(*net.TCPConn); ok {
			_, _ = tcp.SetReadBuffer(kernelBuffer), tcp.SetWriteBuffer(kernelBuffer)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { c.flow(Up, dialer, server) })
	wg.Go(func() { c.flow(Down, server, dialer) })
	wg.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

func (p *Proxy) add(c *passage) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refuse {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
	}
	for c := range p.conns {
		c.cut()
	}
	p.mu.Unlock()
	_ = p.listener.Close()
	p.wg.Wait()
}
