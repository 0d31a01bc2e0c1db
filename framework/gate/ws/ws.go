// Package ws is a gate's transport over WebSocket, for browsers and whatever else speaks it: each binary message is one frame, header included.
//
//	transport := ws.New(ws.Config{Path: "/ws", Origins: []string{"https://play.example.com"}})
//	gate.Config{Listen: []gate.Listen{{Transport: transport, Addr: ":7002"}}}
//
// The opening handshake is gobwas/ws's; frames are parsed here, from whatever a read brought, so that an idle connection holds no buffer. Pings are
// answered, fragments put together, and everything that RFC 6455 forbids a client is refused with the status that it names. No extensions.
package ws

import (
	"cmp"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/accept"
	"loumiao/framework/gate/internal/sock"
	"loumiao/framework/wire"
)

// Config is what the opening handshake demands.
type Config struct {
	// Path is the only path that is served. "" serves every one.
	Path string
	// Origins are the web origins, "https://play.example.com", whose pages may connect. Empty allows all: a session is opened by a token in the first
	// frame and never by a cookie, so a foreign page gains nothing. Clients that are not browsers send no origin and are always allowed.
	Origins []string
	// Proxies are the networks of load balancers that say whose connection they pass on: each connection from there has to begin with a header of the
	// PROXY protocol, version 2. One from anywhere else is a client's own, and such a header in it no opening handshake.
	Proxies []netip.Prefix
	// TLS is the server's side of TLS, with its certificate: wss instead of ws. nil: none.
	TLS *tls.Config
	// HandshakeTimeout bounds the opening handshake and, again, what comes before it: the PROXY header and the TLS handshake together. 0 is 5 s.
	HandshakeTimeout time.Duration
}

const (
	maxRequest    = 16 << 10 // bytes of an opening handshake
	refuseTimeout = 100 * time.Millisecond
)

// A Transport is a [gate.Transport] over WebSocket.
type Transport struct {
	cfg   Config
	loop  accept.Loop
	guard accept.Guard
}

// New is a transport. It does nothing before Listen.
func New(cfg Config) *Transport {
	cfg.HandshakeTimeout = cmp.Or(cfg.HandshakeTimeout, 5*time.Second)
	return &Transport{cfg: cfg, guard: accept.Guard{Proxies: cfg.Proxies, TLS: cfg.TLS, Timeout: cfg.HandshakeTimeout}}
}

// Name is "ws".
func (t *Transport) Name() string { return "ws" }

// Listen opens addr.
func (t *Transport) Listen(addr string) error { return t.loop.Listen(addr) }

// Addr is where the transport listens.
func (t *Transport) Addr() net.Addr { return t.loop.Addr() }

// Serve begins to take connections to the door.
func (t *Transport) Serve(door gate.Door, limits wire.Limits) {
	t.loop.Serve(func(nc net.Conn) func() {
		visit, err := door.Admit(nc)
		if err != nil {
			if t.cfg.TLS == nil {
				_ = nc.SetWriteDeadline(time.Now().Add(refuseTimeout))
				_, _ = io.WriteString(nc, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			}
			return nil
		}
		return func() {
			defer visit.Leave()
			var socket *sock.Socket
			err := accept.Aside(func() (err error) {
				if socket, err = t.guard.Pass(nc); err != nil {
					return err
				}
				return t.upgrade(socket)
			})
			if err == nil {
				socket.Begin()
				visit.Serve(newConn(socket, limits))
			}
		}
	})
}

// Stop takes no new connections and waits for those that are there to end.
func (t *Transport) Stop() { t.loop.Stop() }

// upgrade does the opening handshake. The library answers a request that it refuses.
func (t *Transport) upgrade(nc net.Conn) error {
	if err := nc.SetDeadline(time.Now().Add(t.cfg.HandshakeTimeout)); err != nil {
		return err
	}
	upgrader := ws.Upgrader{OnRequest: t.checkPath, OnHeader: t.checkOrigin}
	request := struct {
		io.Reader
		io.Writer
	}{io.LimitReader(nc, maxRequest), nc}
	if _, err := upgrader.Upgrade(request); err != nil {
		return err
	}
	return nc.SetDeadline(time.Time{})
}

func (t *Transport) checkPath(uri []byte) error {
	if t.cfg.Path == "" {
		return nil
	}
	if u, err := url.ParseRequestURI(string(uri)); err != nil || u.Path != t.cfg.Path {
		return reject(http.StatusNotFound, "no WebSocket here")
	}
	return nil
}

func (t *Transport) checkOrigin(key, value []byte) error {
	if len(t.cfg.Origins) == 0 || !strings.EqualFold(string(key), "Origin") || slices.Contains(t.cfg.Origins, string(value)) {
		return nil
	}
	return reject(http.StatusForbidden, "this origin may not connect")
}

func reject(status int, reason string) error {
	return ws.RejectConnectionError(ws.RejectionStatus(status), ws.RejectionReason(reason))
}
