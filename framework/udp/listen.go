package udp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A Listener is the other end of many conversations, over one socket. It is a net.Listener, and safe for concurrent use.
type Listener struct {
	cfg    Config
	pc     *net.UDPConn
	bakery *bakery
	accept chan *Conn
	stop   chan struct{} // closed by Close
	work   sync.WaitGroup

	mu     sync.Mutex
	convs  map[place]*Conn
	count  map[netip.Addr]int // of conversations, by address
	closed bool
	empty  chan struct{} // closed when closed, and the last conversation has ended
}

// A place is what a datagram says of whose it is.
type place struct {
	from netip.AddrPort
	conv uint32
}

// Listen opens addr, host:port; port 0 is any free one.
func Listen(addr string, cfg Config) (*Listener, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	pc, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, err
	}
	_ = pc.SetReadBuffer(readBuffer) // as much of it as the system allows
	l := newListener(cfg)
	l.pc = pc
	l.work.Go(l.read)
	l.work.Go(l.sweep)
	return l, nil
}

func newListener(cfg Config) *Listener {
	cfg = cfg.withDefaults()
	return &Listener{
		cfg: cfg, bakery: newBakery(), accept: make(chan *Conn, cfg.Backlog), stop: make(chan struct{}),
		convs: map[place]*Conn{}, count: map[netip.Addr]int{}, empty: make(chan struct{}),
	}
}

// Accept waits for a conversation, a *[Conn]. After Close it says net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.stop:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.stop:
		return nil, net.ErrClosed
	}
}

// Addr is where the listener is, a *net.UDPAddr.
func (l *Listener) Addr() net.Addr { return l.local() }

// Count is how many conversations there are.
func (l *Listener) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.convs)
}

// Close takes no new conversations and ends those that wait for Accept. Those that were accepted go on; with the last of them the socket is closed.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return net.ErrClosed
	}
	l.closed = true
	close(l.stop)
	if len(l.convs) == 0 {
		close(l.empty)
	}
	l.mu.Unlock()
	for {
		select {
		case c := <-l.accept:
			_ = c.Close()
			continue
		default:
		}
		return nil
	}
}

// Wait returns when the listener was closed and its last conversation has ended.
func (l *Listener) Wait() {
	<-l.empty
	l.work.Wait()
}

const readBuffer = 4 << 20 // bytes of datagrams that may wait for a listener: what does not fit is lost

const minPause = 5 * time.Millisecond // after a failed read

// read takes datagrams until the socket is closed.
func (l *Listener) read() {
	b := make([]byte, largest)
	for {
		n, from, err := l.pc.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			l.take(b[:n], from)
		case errors.Is(err, net.ErrClosed):
			return
		default: // something that a system says of an earlier datagram
			select {
			case <-time.After(minPause):
			case <-l.empty:
			}
		}
	}
}

// take takes one datagram, and drops it if it is anything else than what belongs here.
func (l *Listener) take(b []byte, from netip.AddrPort) {
	if len(b) <= kindAt {
		return
	}
	if k := kind(b[kindAt]); k >= firstKCP && k <= lastKCP {
		if len(b) < kcpHeader {
			return
		}
		if c := l.find(place{from, numberOf(b)}); c != nil {
			c.input(b)
		}
		return
	}
	o, ok := parseOpening(b)
	if !ok {
		return
	}
	switch o.kind {
	case open:
		o.conv = number()
		o.cookie = l.bakery.bake(o, from, time.Now())
		l.answer(o.as(challenge), from)
	case begin:
		l.begin(o, from)
	case bye:
		if c := l.find(place{from, o.conv}); c != nil && c.opening.sameAs(o) {
			c.end(errBye, false)
		}
	}
}

// begin begins a conversation, or says again that it has begun, or that there is no room for it: whoever shows a good cookie is where he says, and may be
// answered.
func (l *Listener) begin(o opening, from netip.AddrPort) {
	if c := l.find(place{from, o.conv}); c != nil {
		if c.opening.sameAs(o) {
			l.answer(o.as(begun), from)
		}
		return
	}
	if !l.bakery.good(o, from, time.Now()) {
		return
	}
	if !l.add(o, from) {
		l.answer(o.as(bye), from)
	}
}

// add makes a conversation for Accept, if there is room, and says so first: whoever accepts it may end it at once, and says that after.
func (l *Listener) add(o opening, from netip.AddrPort) bool {
	host := hostOf(from.Addr())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.accept) == cap(l.accept) || len(l.convs) >= l.cfg.MaxConversations || l.count[host] >= l.cfg.MaxPerAddress {
		return false
	}
	c := newConn(l, o, net.UDPAddrFromAddrPort(from), down, up)
	l.convs[place{from, o.conv}] = c
	l.count[host]++
	l.answer(o.as(begun), from)
	l.accept <- c // which only the reader fills, so that there is room still
	return true
}

func (l *Listener) find(p place) *Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.convs[p]
}

func (l *Listener) gone(c *Conn) {
	from := c.remote.AddrPort()
	host := hostOf(from.Addr())
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.convs, place{from, c.opening.conv})
	if l.count[host]--; l.count[host] == 0 {
		delete(l.count, host)
	}
	if l.closed && len(l.convs) == 0 {
		close(l.empty)
	}
}

// sweep ends conversations that are silent, and closes the socket at the end.
func (l *Listener) sweep() {
	tick := time.NewTicker(l.cfg.Idle / 4)
	defer tick.Stop()
	for {
		select {
		case <-l.empty:
			_ = l.pc.Close()
			return
		case now := <-tick.C:
			for _, c := range l.silent(now.Add(-l.cfg.Idle)) {
				c.end(ErrIdle, true)
			}
		}
	}
}

func (l *Listener) silent(since time.Time) (silent []*Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.convs {
		if c.silent(since) {
			silent = append(silent, c)
		}
	}
	return silent
}

func (l *Listener) answer(b []byte, to netip.AddrPort) { _, _ = l.pc.WriteToUDPAddrPort(b, to) }

func (l *Listener) send(b []byte, to *net.UDPAddr) { l.answer(b, to.AddrPort()) }

func (l *Listener) local() net.Addr { return l.pc.LocalAddr() }

// hostOf is whom an address stands for in limits: a host or, with IPv6, the network that one subscriber has.
func hostOf(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	network, _ := addr.Prefix(64) // fails only for another number of bits
	return network.Addr()
}
