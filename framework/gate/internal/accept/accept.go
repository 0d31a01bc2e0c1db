// Package accept takes connections from a listener, each to a goroutine of its own, and survives what goes wrong with single ones: running out of
// file descriptors makes it wait, not end.
package accept

import (
	"errors"
	"net"
	"sync"
	"time"
)

const (
	minPause = 5 * time.Millisecond // after a failed accept; doubles while they go on failing
	maxPause = time.Second
)

// A Loop accepts connections. The zero Loop is ready for Listen, or Use.
type Loop struct {
	listener net.Listener
	conns    sync.WaitGroup
	accept   sync.WaitGroup
	stop     chan struct{}
	once     sync.Once
}

// Listen opens addr.
func (l *Loop) Listen(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	l.Use(listener)
	return nil
}

// Use has the loop accept from a listener that is open already, instead of Listen.
func (l *Loop) Use(listener net.Listener) {
	l.listener = listener
	l.stop = make(chan struct{})
}

// Addr is where the loop listens; nil before Listen.
func (l *Loop) Addr() net.Addr {
	if l.listener == nil {
		return nil
	}
	return l.listener.Addr()
}

// Serve begins to accept. admit is called for each connection by the accepting goroutine, and returns what to run on the connection's own, or nil to
// close it at once. Connections are closed when that returns.
func (l *Loop) Serve(admit func(net.Conn) func()) {
	l.accept.Go(func() {
		pause := minPause
		for {
			c, err := l.listener.Accept()
			switch {
			case err == nil:
				pause = minPause
			case errors.Is(err, net.ErrClosed):
				return
			default:
				select {
				case <-time.After(pause):
				case <-l.stop:
					return
				}
				pause = min(2*pause, maxPause)
				continue
			}
			run := admit(c)
			if run == nil {
				_ = c.Close()
				continue
			}
			l.conns.Go(func() {
				defer c.Close()
				run()
			})
		}
	})
}

// Stop closes the listener, and waits for every goroutine. It does not end connections.
func (l *Loop) Stop() {
	l.once.Do(func() {
		if l.listener != nil {
			close(l.stop)
			_ = l.listener.Close()
		}
	})
	l.accept.Wait()
	l.conns.Wait()
}
