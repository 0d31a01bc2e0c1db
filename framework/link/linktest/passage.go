package linktest

import (
	"net"
	"sync"
	"time"
)

// A passage is one connection through the proxy: one to the dialer, one to the server.
type passage struct {
	proxy          *Proxy
	dialer, server net.Conn
	once           sync.Once
	over           chan struct{} // closed when it is cut, or one end ended it
}

// A chunk is some bytes on their way.
type chunk struct {
	b   []byte
	due time.Time
}

// cut ends both connections, with a reset, so that what their ends have not read yet is lost as well.
func (c *passage) cut() {
	c.once.Do(func() {
		close(c.over)
		for _, nc := range []net.Conn{c.dialer, c.server} {
			if tcp, ok := nc.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = nc.Close()
		}
	})
}

// flow carries one way until the connection is over. An end that sends no more is passed on; one that broke breaks the other.
func (c *passage) flow(w Way, from, to net.Conn) {
	transit := make(chan chunk, inTransit)
	var arrive sync.WaitGroup
	arrive.Go(func() { c.arrive(w, to, transit) })
	defer arrive.Wait()
	defer close(transit)
	for {
		if !c.held(w) {
			return
		}
		b := make([]byte, chunkSize)
		n, err := from.Read(b)
		if n > 0 {
			if !c.held(w) {
				return
			}
			now := c.proxy.now(w)
			if !now.lose {
				select {
				case transit <- chunk{b[:n], time.Now().Add(now.delay)}:
				case <-c.over:
					return
				}
			}
		}
		if err != nil {
			return
		}
	}
}

// held waits while the way is held; false when the connection is over.
func (c *passage) held(w Way) bool {
	for {
		now := c.proxy.now(w)
		if !now.hold {
			return true
		}
		select {
		case <-now.changed:
		case <-c.over:
			return false
		}
	}
}

// arrive writes what comes out of transit, when it is due and no faster than the way allows.
func (c *passage) arrive(w Way, to net.Conn, transit <-chan chunk) {
	for k := range transit {
		if !c.wait(time.Until(k.due)) || !c.trickle(w, to, k.b) {
			c.cut()
			return
		}
	}
	// The sending end has ended. Lost bytes include the news of it.
	if c.proxy.now(w).lose {
		<-c.over
		return
	}
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

func (c *passage) trickle(w Way, to net.Conn, b []byte) bool {
	for len(b) > 0 {
		if !c.held(w) {
			return false
		}
		n, rate := len(b), c.proxy.now(w).rate
		if rate > 0 {
			n = min(n, max(1, rate/trickles))
		}
		if _, err := to.Write(b[:n]); err != nil {
			return false
		}
		b = b[n:]
		if rate > 0 && !c.wait(time.Duration(n)*time.Second/time.Duration(rate)) {
			return false
		}
	}
	return true
}

// trickles is in how many portions a slow way carries what it may in a second.
const trickles = 50

func (c *passage) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.over:
		return false
	}
}
