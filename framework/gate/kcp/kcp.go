// Package kcp is a gate's transport over KCP, which is to UDP what TCP is to IP and resends sooner: frames follow one another in a conversation of package udp.
//
//	transport := kcp.New(kcp.Config{})
//	gate.Config{Listen: []gate.Listen{{Transport: transport, Addr: ":7003"}}}
//
// Package udp sees to it that strangers cost nothing; whoever begins a conversation is then one of those who have not said Hello, of whom the gate has
// room for so many. Without TLS a conversation is as open to those on its way as a TCP connection, and Hello's token with it.
//
// A conversation costs a goroutine, about 23 KB, and some work every 20 ms, idle or not.
package kcp

import (
	"cmp"
	"crypto/tls"
	"net"
	"time"

	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/accept"
	"loumiao/framework/gate/internal/stream"
	"loumiao/framework/udp"
	"loumiao/framework/wire"
)

// Config is what comes before the frames, and what bounds the conversations. The zero Config is frames at once.
type Config struct {
	// UDP bounds the conversations. Its Idle must be longer than the silence for which a gate cuts a client off, which is three heartbeats.
	UDP udp.Config
	// TLS is the server's side of TLS, with its certificate. nil: none.
	TLS *tls.Config
	// HandshakeTimeout bounds the TLS handshake. Default 5 s.
	HandshakeTimeout time.Duration
}

// A Transport is a [gate.Transport] over KCP.
type Transport struct {
	cfg      udp.Config
	guard    accept.Guard
	loop     accept.Loop
	listener *udp.Listener
}

// New is a transport. It does nothing before Listen.
func New(cfg Config) *Transport {
	return &Transport{cfg: cfg.UDP, guard: accept.Guard{TLS: cfg.TLS, Timeout: cmp.Or(cfg.HandshakeTimeout, 5*time.Second)}}
}

// Name is "kcp".
func (t *Transport) Name() string { return "kcp" }

// Listen opens addr.
func (t *Transport) Listen(addr string) error {
	l, err := udp.Listen(addr, t.cfg)
	if err != nil {
		return err
	}
	t.listener = l
	t.loop.Use(l)
	return nil
}

// Addr is where the transport listens; nil before Listen.
func (t *Transport) Addr() net.Addr { return t.loop.Addr() }

// Serve begins to take conversations to the door.
func (t *Transport) Serve(door gate.Door, limits wire.Limits) {
	stream.Serve(&t.loop, &t.guard, door, limits)
}

// Stop takes no new conversations and waits for those that are there to end.
func (t *Transport) Stop() {
	t.loop.Stop()
	if t.listener != nil {
		t.listener.Wait()
	}
}
