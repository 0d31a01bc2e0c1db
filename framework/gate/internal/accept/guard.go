package accept

import (
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"time"

	"loumiao/framework/gate/internal/proxy"
	"loumiao/framework/gate/internal/sock"
)

// A Guard is what a connection passes before anything of a transport's own is on it.
type Guard struct {
	// Proxies are the networks of load balancers: a connection from there begins with a PROXY header, or is closed. One from elsewhere has none.
	Proxies []netip.Prefix
	// TLS is what follows. nil: none.
	TLS *tls.Config
	// Timeout bounds it all.
	Timeout time.Duration
}

// Waits reports whether the connection has something to pass, for which it waits for the client.
func (g *Guard) Waits(nc net.Conn) bool { return g.TLS != nil || g.fromProxy(nc) }

// Pass makes a socket of a connection. It may wait for the client, within the timeout, and calls deep then. The socket has no deadline after it, and has
// not begun.
func (g *Guard) Pass(nc net.Conn) (*sock.Socket, error) {
	s := sock.New(nc)
	if !g.Waits(nc) {
		return s, nil
	}
	if err := nc.SetDeadline(time.Now().Add(g.Timeout)); err != nil {
		return nil, err
	}
	if g.fromProxy(nc) {
		client, err := proxy.Read(nc)
		if err != nil {
			return nil, err
		}
		if client.IsValid() {
			s.ComeFrom(net.TCPAddrFromAddrPort(client))
		}
	}
	if g.TLS != nil {
		if err := s.StartTLS(g.TLS); err != nil {
			return nil, err
		}
	}
	return s, nc.SetDeadline(time.Time{})
}

func (g *Guard) fromProxy(nc net.Conn) bool {
	if len(g.Proxies) == 0 {
		return false
	}
	peer, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return false
	}
	addr := peer.AddrPort().Addr().Unmap()
	return slices.ContainsFunc(g.Proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// Aside does something on a goroutine of its own, for which the caller waits: what calls deep would leave the caller, who stays for as long as the
// connection, a larger stack.
func Aside(do func() error) error {
	done := make(chan error)
	go func() { done <- do() }()
	return <-done
}
