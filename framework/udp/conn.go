package udp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xtaci/kcp-go/v5"
)

// ErrIdle is why a conversation ended of which nothing was heard any more.
var ErrIdle = errors.New("udp: nothing was heard of the other side")

const byes = 3 // how often it is said: nobody answers it

// A Conn is one conversation. It is safe for concurrent use, as far as a net.Conn is. It has no half-close, and what has just been written when it is closed may
// be lost: whoever wants to know that it arrived lets the other side close.
type Conn struct {
	socket  socket
	opening opening
	remote  *net.UDPAddr
	kcp     *kcp.UDPSession
	receive func(b []byte, from net.Addr, err error) // the library's
	heard   atomic.Int64                             // when something last came, in ns since 1970

	once sync.Once
	over atomic.Pointer[error]
	done chan struct{}
}

// A socket is what conversations are sent over. What cannot be sent is lost, like any datagram.
type socket interface {
	send(b []byte, to *net.UDPAddr)
	// gone forgets the conversation.
	gone(c *Conn)
	local() net.Addr
}

func newConn(s socket, o opening, remote *net.UDPAddr, send, receive int) *Conn {
	c := &Conn{socket: s, opening: o, remote: remote, done: make(chan struct{})}
	c.heard.Store(time.Now().UnixNano())
	// It cannot fail: nothing is opened.
	c.kcp, _ = kcp.NewConn4(o.conv, remote, nil, 0, 0, false, &port{c})
	c.kcp.SetMtu(datagram)
	c.kcp.SetWindowSize(send, receive)
	c.kcp.SetNoDelay(1, flushEvery, fastResend, noCongestion)
	return c
}

// input takes one datagram that is KCP's, and of this conversation. One goroutine calls it at a time.
func (c *Conn) input(b []byte) {
	c.heard.Store(time.Now().UnixNano())
	c.receive(b, c.remote, nil)
}

// Heard is when something last came from the other side, if only that it has received something.
func (c *Conn) Heard() time.Time { return time.Unix(0, c.heard.Load()) }

// silent reports whether nothing has come since then.
func (c *Conn) silent(since time.Time) bool { return c.Heard().Before(since) }

// end ends the conversation, once. tell has the other side know.
func (c *Conn) end(why error, tell bool) (first bool) {
	c.once.Do(func() {
		first = true
		c.over.Store(&why)
		_ = c.kcp.Close() // of something that is open, which says no error
		if tell {
			for range byes {
				c.socket.send(c.opening.as(bye), c.remote)
			}
		}
		close(c.done)
		c.socket.gone(c)
	})
	return first
}

// Read reads what has come. The error is io.EOF when the other side has ended the conversation, and [ErrIdle] when nothing was heard of it.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.kcp.Read(b)
	return n, c.explain(err)
}

// Write waits, within the deadline, while the other side does not take what was written before.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.kcp.Write(b)
	if err = c.explain(err); err == io.EOF {
		err = net.ErrClosed
	}
	return n, err
}

// explain is an error of the library as ours.
func (c *Conn) explain(err error) error {
	if err == nil {
		return nil
	}
	if why := c.over.Load(); why != nil {
		return *why
	}
	return os.ErrDeadlineExceeded // the library has no other errors while a conversation is open
}

// Close ends the conversation, and tells the other side so.
func (c *Conn) Close() error {
	if !c.end(net.ErrClosed, true) {
		return net.ErrClosed
	}
	return nil
}

// Done is closed when the conversation has ended, whoever ended it.
func (c *Conn) Done() <-chan struct{} { return c.done }

// LocalAddr is this side.
func (c *Conn) LocalAddr() net.Addr { return c.socket.local() }

// RemoteAddr is the other side, a *net.UDPAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error { return c.kcp.SetDeadline(t) }

// SetReadDeadline is until when Read waits.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.kcp.SetReadDeadline(t) }

// SetWriteDeadline is until when Write waits.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.kcp.SetWriteDeadline(t) }

// A port is what the library has for a socket. It is handed datagrams (see kcp.PacketPusher), and reads none.
type port struct{ c *Conn }

func (p *port) SetPacketReceiver(fn func(b []byte, from net.Addr, err error)) {
	if fn != nil { // after its end a conversation may still be handed datagrams, which do no harm
		p.c.receive = fn
	}
}

func (p *port) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.c.socket.send(b, p.c.remote)
	return len(b), nil
}

func (p *port) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, net.ErrClosed }
func (p *port) Close() error                           { return nil }
func (p *port) LocalAddr() net.Addr                    { return p.c.socket.local() }
func (p *port) SetDeadline(time.Time) error            { return nil }
func (p *port) SetReadDeadline(time.Time) error        { return nil }
func (p *port) SetWriteDeadline(time.Time) error       { return nil }
