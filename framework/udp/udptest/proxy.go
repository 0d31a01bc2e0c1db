package udptest

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

// Faults are what a [Proxy] does to datagrams. The zero Faults pass them on.
type Faults struct {
	// Drop is how many of a hundred are lost, and Swap how many are sent behind the one that follows.
	Drop, Swap int
	// Twice is how many of a hundred arrive twice.
	Twice int
	// Seed is what it goes by: the same datagrams fare the same, each way by itself.
	Seed uint64
}

// A Proxy stands between clients and a listener, and is as bad as a real network.
type Proxy struct {
	t      testing.TB
	pc     *net.UDPConn
	target *net.UDPAddr
	faults Faults
	closed atomic.Bool
	blocks atomic.Bool
	healed atomic.Bool
	lost   atomic.Int64

	mu    sync.Mutex
	ups   map[netip.AddrPort]*net.UDPConn
	work  sync.WaitGroup
	lanes uint64
}

// NewProxy is a proxy before the listener at target, until the test ends.
func NewProxy(t testing.TB, target string, faults Faults) *Proxy {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{t: t, pc: pc, target: to, faults: faults, ups: map[netip.AddrPort]*net.UDPConn{}}
	p.work.Go(p.up)
	t.Cleanup(p.close)
	return p
}

// Addr is where clients come in.
func (p *Proxy) Addr() string { return p.pc.LocalAddr().String() }

// Block has nothing pass any more; or again, with false.
func (p *Proxy) Block(on bool) { p.blocks.Store(on) }

// Heal ends the faults.
func (p *Proxy) Heal() { p.healed.Store(true) }

// Lost is how many datagrams were lost.
func (p *Proxy) Lost() int64 { return p.lost.Load() }

func (p *Proxy) close() {
	p.closed.Store(true)
	_ = p.pc.Close()
	p.mu.Lock()
	for _, up := range p.ups {
		_ = up.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
}

// up takes what clients send, over a socket for each of them.
func (p *Proxy) up() {
	lanes := map[netip.AddrPort]*lane{}
	b := make([]byte, 2048)
	for {
		n, from, err := p.pc.ReadFromUDPAddrPort(b)
		if err != nil {
			if p.closed.Load() {
				return
			}
			continue
		}
		l := lanes[from]
		if l == nil {
			up, err := net.DialUDP("udp", nil, p.target)
			if err != nil {
				p.t.Error(err)
				return
			}
			p.mu.Lock()
			p.ups[from] = up
			p.mu.Unlock()
			l = p.lane(func(b []byte) { _, _ = up.Write(b) })
			lanes[from] = l
			p.work.Go(func() { p.down(up, from) })
		}
		l.pass(b[:n])
	}
}

// down takes what the listener sends to one client.
func (p *Proxy) down(up *net.UDPConn, to netip.AddrPort) {
	l := p.lane(func(b []byte) { _, _ = p.pc.WriteToUDPAddrPort(b, to) })
	b := make([]byte, 2048)
	for !p.closed.Load() {
		n, err := up.Read(b)
		if err == nil {
			l.pass(b[:n])
		}
	}
}

// A lane is one way of one client's datagrams.
type lane struct {
	p    *Proxy
	rand *rand.Rand
	send func([]byte)
	held []byte
}

func (p *Proxy) lane(send func([]byte)) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lanes++
	return &lane{p: p, rand: rand.New(rand.NewPCG(p.faults.Seed, p.lanes)), send: send}
}

func (l *lane) pass(b []byte) {
	chance := func(percent int) bool { return l.rand.IntN(100) < percent }
	if l.p.healed.Load() && !l.p.blocks.Load() {
		l.send(b)
		return
	}
	drop, swap, twice := chance(l.p.faults.Drop), chance(l.p.faults.Swap), chance(l.p.faults.Twice)
	if drop || l.p.blocks.Load() {
		l.p.lost.Add(1)
		return
	}
	if swap && l.held == nil {
		l.held = append([]byte{}, b...)
		return
	}
	l.send(b)
	if twice {
		l.send(b)
	}
	if l.held != nil {
		l.send(l.held)
		l.held = nil
	}
}
