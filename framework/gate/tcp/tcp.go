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
	"loumiao/framework/gate/internal/stream"
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
	stream.Serve(&t.loop, &t.guard, door, limits)
}

// Stop takes no new connections and waits for those that are there to end.
func (t *Transport) Stop() { t.loop.Stop() }
