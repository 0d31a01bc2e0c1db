package plain

import (
	"errors"
	"io"
	"net"

	"loumiao/scripts/bench/harness"
)

const readSize = 4096 // bytes that a goroutine reads at a time

// ServeEcho is a goroutine for each connection that writes back what it reads.
func ServeEcho(*harness.Host) (addr string, err error) {
	return serve(func(c net.Conn) {
		buf := make([]byte, readSize)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
	})
}

// ServeRelay passes each connection on to one of its own to the server behind it.
func ServeRelay(h *harness.Host) (addr string, err error) {
	if len(h.Upstream) == 0 {
		return "", errors.New("a relay needs a server behind it")
	}
	behind := h.Upstream[len(h.Upstream)-1]
	return serve(func(c net.Conn) {
		b, err := net.Dial("tcp", behind)
		if err != nil {
			return
		}
		defer b.Close()
		// Not by splice, which needs a pipe for each connection.
		go func() {
			_, _ = io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{b}, make([]byte, readSize))
			c.Close()
		}()
		_, _ = io.CopyBuffer(struct{ io.Writer }{b}, struct{ io.Reader }{c}, make([]byte, readSize))
	})
}

// serve has each connection handled on a goroutine of its own, and then closed.
func serve(handle func(net.Conn)) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return l.Addr().String(), nil
}

// DialRPC opens a connection for each caller.
func DialRPC(e *harness.Env, callers int) (*harness.Caller, error) {
	conns := make([]net.Conn, callers)
	bufs := make([][]byte, callers)
	for i := range conns {
		c, err := net.Dial("tcp", e.Servers[0].Addr)
		if err != nil {
			return nil, err
		}
		conns[i], bufs[i] = c, make([]byte, harness.PayloadSize)
	}
	payload := []byte(harness.Payload)
	return &harness.Caller{
		Call: func(i int) error {
			if _, err := conns[i].Write(payload); err != nil {
				return err
			}
			if _, err := io.ReadFull(conns[i], bufs[i]); err != nil {
				return err
			}
			if string(bufs[i]) != harness.Payload {
				return errAnswer
			}
			return nil
		},
		Close: func() {
			for _, c := range conns {
				c.Close()
			}
		},
	}, nil
}

// DialGate opens a connection. There is no handshake.
func DialGate(addr string, _ int) (*harness.Session, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &harness.Session{Conn: c, Request: []byte(harness.Payload), Answer: []byte(harness.Payload)}, nil
}
