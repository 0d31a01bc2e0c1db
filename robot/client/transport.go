package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
)

const (
	readChunk    = 4 << 10          // bytes of a connection's read buffer
	usualBody    = 64 << 10         // bytes of the largest body whose memory is kept for the next one
	maxBody      = 1 << 20          // largest body that is taken from a server
	writeTimeout = 10 * time.Second // how long one frame may take to be written
)

// A transport moves whole frames. read is called by one goroutine, write by one at a time; a body is valid until the next read.
type transport interface {
	read() (wire.Header, []byte, error)
	write(frame []byte) error
	close() error
}

// open connects to tcp://host:port, tls://host:port, ws://host:port/path, wss://host/path, kcp://host:port or kcps://host:port.
func open(ctx context.Context, addr string, opts Options) (transport, error) {
	u, err := url.Parse(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	switch u.Scheme {
	case "tcp":
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", u.Host)
		if err != nil {
			return nil, err
		}
		return newStream(c), nil
	case "tls":
		d := tls.Dialer{Config: opts.TLS}
		c, err := d.DialContext(ctx, "tcp", u.Host)
		if err != nil {
			return nil, err
		}
		return newStream(c), nil
	case "kcp", "kcps":
		return talk(ctx, u, opts)
	case "ws", "wss":
		web := opts.HTTP
		if web == nil && opts.TLS != nil {
			web = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: opts.TLS.Clone()}}
			defer web.CloseIdleConnections() // that of a refusal: a WebSocket is not one of the client's any more
		}
		c, _, err := websocket.Dial(ctx, addr, &websocket.DialOptions{HTTPClient: web})
		if err != nil {
			return nil, err
		}
		c.SetReadLimit(wire.HeaderSize + maxBody)
		return &socket{conn: c}, nil
	}
	return nil, fmt.Errorf("address %q: must begin with tcp://, tls://, ws://, wss://, kcp:// or kcps://", addr)
}

// stream is frames over TCP, one after another.
type stream struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

func newStream(c net.Conn) *stream { return &stream{conn: c, in: bufio.NewReaderSize(c, readChunk)} }

func (s *stream) read() (wire.Header, []byte, error) {
	var head [wire.HeaderSize]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return wire.Header{}, nil, err
	}
	h, err := wire.ParseHeader(head[:])
	if err != nil {
		return wire.Header{}, nil, err
	}
	if err := (wire.Limits{MaxBody: maxBody}).Check(h); err != nil {
		return wire.Header{}, nil, err
	}
	if h.Size > usualBody {
		body := make([]byte, h.Size)
		_, err = io.ReadFull(s.in, body)
		return h, body, err
	}
	if cap(s.body) < h.Size {
		s.body = make([]byte, h.Size)
	}
	s.body = s.body[:h.Size]
	_, err = io.ReadFull(s.in, s.body)
	return h, s.body, err
}

func (s *stream) write(frame []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := s.conn.Write(frame)
	return err
}

func (s *stream) close() error { return s.conn.Close() }

// socket is frames over WebSocket, one in each binary message.
type socket struct{ conn *websocket.Conn }

func (s *socket) read() (wire.Header, []byte, error) {
	kind, frame, err := s.conn.Read(context.Background())
	if err != nil {
		return wire.Header{}, nil, err
	}
	if kind != websocket.MessageBinary {
		return wire.Header{}, nil, fault.New(fault.Invalid, "a WebSocket message is not binary")
	}
	return wire.ParseFrame(frame, wire.Limits{MaxBody: maxBody})
}

func (s *socket) write(frame []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageBinary, frame)
}

func (s *socket) close() error { return s.conn.CloseNow() }
