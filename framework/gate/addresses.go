package gate

import (
	"net"
	"net/netip"
	"sync"
)

// addresses counts connections by the address that they come from.
type addresses struct {
	max int // 0: whatever there is

	mu    sync.Mutex
	count map[netip.Addr]int
}

// enter counts one more, unless there are as many as may be.
func (a *addresses) enter(from netip.Addr) bool {
	if a.max == 0 || !from.IsValid() {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count[from] >= a.max {
		return false
	}
	if a.count == nil {
		a.count = map[netip.Addr]int{}
	}
	a.count[from]++
	return true
}

// leave counts one less.
func (a *addresses) leave(from netip.Addr) {
	if a.max == 0 || !from.IsValid() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count[from]--; a.count[from] == 0 {
		delete(a.count, from)
	}
}

// clientOf is whom an address stands for in limits: a host or, with IPv6, the network that one subscriber has, 64 bits. It is not valid for an address that
// has no IP.
func clientOf(addr net.Addr) netip.Addr {
	ip := hostOf(addr)
	if !ip.Is6() {
		return ip
	}
	network, _ := ip.Prefix(64) // fails only for another number of bits
	return network.Addr()
}

// hostOf is an address's IP, without a zone. It is not valid for an address that has none.
func hostOf(addr net.Addr) netip.Addr {
	var ip netip.Addr
	switch a := addr.(type) {
	case *net.TCPAddr:
		ip = a.AddrPort().Addr()
	case *net.UDPAddr:
		ip = a.AddrPort().Addr()
	}
	return ip.Unmap().WithZone("")
}
