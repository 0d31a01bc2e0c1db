// Package stream is what transports have in common over which frames follow one another and nothing else is: those over TCP and over KCP.
package stream

import (
	"net"
	"time"

	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/accept"
	"loumiao/framework/gate/internal/sock"
	"loumiao/framework/wire"
)

// Serve takes what the loop accepts, and the guard lets pass, to the door.
func Serve(loop *accept.Loop, guard *accept.Guard, door gate.Door, limits wire.Limits) {
	loop.Serve(func(nc net.Conn) func() {
		visit, err := door.Admit(nc)
		if err != nil {
			return nil
		}
		return func() {
			defer visit.Leave()
			if socket := pass(guard, nc); socket != nil {
				socket.Begin()
				visit.Serve(&conn{Socket: socket, splitter: wire.NewSplitter(limits)})
			}
		}
	})
}

// pass is the connection as a socket, or nil if it is not let in.
func pass(guard *accept.Guard, nc net.Conn) (socket *sock.Socket) {
	pass := func() (err error) {
		socket, err = guard.Pass(nc)
		return err
	}
	if !guard.Waits(nc) {
		_ = pass() // which cannot fail then
	} else if accept.Aside(pass) != nil {
		return nil
	}
	return socket
}

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
