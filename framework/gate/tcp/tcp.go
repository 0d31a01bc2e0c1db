// Package tcp is a gate's transport over TCP: frames follow one another, nothing else is on the connection.
//
//	transport := tcp.New(tcp.Config{})
//	gate.Config{Listen: []gate.Listen{{Transport: transport, Addr: ":7001"}}}
//
// An idle connection costs a goroutine and a socket, and no buffer. With TLS it waits without a buffer of ours too, but crypto/tls keeps the state of a
// connection and some space for the beginning of a record: about 8 KB more.
package tcp

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/accept"
	"loumiao/framework/gate/internal/sock"
	"loumiao/framework/wire"
)

// Config is what comes before the frames. The zero Config is frames at once.
type Config struct {
	// Proxies are the networks of load balancers that say whose connection they pass on: each connection from there has to begin with a header of the
	// PROXY protocol, version 2. One from anywhere else is a client's own, and such a header in it no more than a broken frame.
	Proxies []netip.Prefix
	// TLS is the server's side of TLS, with its certificate. nil: none.
	TLS *tls.Config
	// HandshakeTimeout bounds the PROXY header and the TLS handshake together. Default 5 s.
	HandshakeTimeout time.Duration
}

// A Transport is a [gate.Transport] over TCP.
type Transport struct {
	loop  accept.Loop
	guard accept.Guard
}

// New is a transport. It does nothing before Listen.
func New(cfg Config) *Transport {
	return &Transport{guard: accept.Guard{Proxies: cfg.Proxies, TLS: cfg.TLS, Timeout: cmp.Or(cfg.HandshakeTimeout, 5*time.Second)}}
}

// Name is "tcp".
func (t *Transport) Name() string { return "tcp" }

// Listen opens addr.
func (t *Transport) Listen(addr string) error { return t.loop.Listen(addr) }

// Addr is where the transport listens.
func (t *Transport) Addr() net.Addr { return t.loop.Addr() }

// Serve begins to take connections to the door.
func (t *Transport) Serve(door gate.Door, limits wire.Limits) {
	t.loop.Serve(func(nc net.Conn) func() {
		visit, err := door.Admit(nc)
		if err != nil {
			return nil
		}
		return func() {
			defer visit.Leave()
			if socket := t.pass(nc); socket != nil {
				socket.Begin()
				visit.Serve(&conn{Socket: socket, splitter: wire.NewSplitter(limits)})
			}
		}
	})
}

// pass is the connection as a socket, or nil if it is not let in.
func (t *Transport) pass(nc net.Conn) (socket *sock.Socket) {
	pass := func() (err error) {
		socket, err = t.guard.Pass(nc)
		return err
	}
	if !t.guard.Waits(nc) {
		_ = pass() // which cannot fail then
	} else if accept.Aside(pass) != nil {
		return nil
	}
	return socket
}

// Stop takes no new connections and waits for those that are there to end.
func (t *Transport) Stop() { t.loop.Stop() }

type conn struct {
	*sock.Socket
	splitter *wire.Splitter
}

func (c *conn) Receive(r gate.Receiver) error {
	for {
		buf, err := c.ReadBuffer()
		if err != nil {
			return err
		}
		err = c.dispatch(buf.Bytes(), r)
		buf.Release()
		r.Flush()
		if err != nil {
			return err
		}
	}
}

func (c *conn) dispatch(chunk []byte, r gate.Receiver) error {
	c.splitter.Feed(chunk)
	for {
		h, body, ok, err := c.splitter.Next()
		if err != nil || !ok {
			if h.Kind == wire.Hello {
				r.Announce(h)
			}
			return err
		}
		if err := r.Frame(h, body); err != nil {
			return err
		}
	}
}

func (c *conn) AppendFrame(dst []byte, h wire.Header, body []byte) []byte {
	return wire.Append(dst, h, body)
}

func (c *conn) AppendClose(dst []byte) []byte { return dst }

func (c *conn) Write(b []byte, limit time.Duration) error { return c.WriteAll(b, limit) }
