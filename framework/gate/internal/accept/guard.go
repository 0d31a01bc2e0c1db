package accept

import (
	"crypto/tls"
	"net"
	"time"

	"loumiao/framework/gate/internal/sock"
)

// A Guard is what a connection passes before anything of a transport's own is on it.
type Guard struct {
	TLS     *tls.Config   // nil: none
	Timeout time.Duration // of it all
}

// Plain reports whether connections pass as they come, without waiting for the client.
func (g *Guard) Plain() bool { return g.TLS == nil }

// Pass makes a socket of a connection. It waits for the client, within the timeout, and calls deep. The socket has no deadline then, and has not begun.
func (g *Guard) Pass(nc net.Conn) (*sock.Socket, error) {
	s := sock.New(nc)
	if g.Plain() {
		return s, nil
	}
	if err := nc.SetDeadline(time.Now().Add(g.Timeout)); err != nil {
		return nil, err
	}
	if err := s.StartTLS(g.TLS); err != nil {
		return nil, err
	}
	return s, nc.SetDeadline(time.Time{})
}

// Aside does something on a goroutine of its own, for which the caller waits: what calls deep would leave the caller, who stays for as long as the
// connection, a larger stack.
func Aside(do func() error) error {
	done := make(chan error)
	go func() { done <- do() }()
	return <-done
}
