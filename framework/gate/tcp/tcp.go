// Package tcp is a gate's transport over TCP: frames follow one another, nothing else is on the connection.
//
//	transport := tcp.New()
//	gate.Config{Listen: []gate.Listen{{Transport: transport, Addr: ":7001"}}}
//
// An idle connection costs a goroutine and a socket, and no buffer.
package tcp

import (
	"net"
	"time"

	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/accept"
	"loumiao/framework/gate/internal/sock"
	"loumiao/framework/wire"
)

// A Transport is a [gate.Transport] over TCP.
type Transport struct{ loop accept.Loop }

// New is a transport. It does nothing before Listen.
func New() *Transport { return &Transport{} }

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
			visit.Serve(&conn{Socket: sock.New(nc), splitter: wire.NewSplitter(limits)})
		}
	})
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
