package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"loumiao/framework/id"
)

// A Role says what a connection is for. Both ends know it from the handshake on.
type Role uint8

const (
	// RPC carries typed calls between nodes.
	RPC Role = 1
	// Line carries the messages of a gate's clients.
	Line Role = 2
)

// String is the role's name.
func (r Role) String() string {
	switch r {
	case RPC:
		return "rpc"
	case Line:
		return "line"
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// A Peer is one end of a connection. Both ends have proved that they hold the link key; with it, they are believed who they say they are.
type Peer struct {
	Node id.Node
	Boot id.Boot
	Type string // node type by name, at most 63 bytes; several are separated by commas
}

// String is "world 3/18f2a", for logs and errors.
func (p Peer) String() string { return fmt.Sprintf("%s %v/%v", p.Type, p.Node, p.Boot) }

// DefaultMaxFrame is the default of [Config.MaxFrame], in bytes.
const DefaultMaxFrame = 16 << 20

// KeySize is the length of a link key in bytes.
const KeySize = 32

// A Config is what both ends of a connection need. The zero value of a limit is its default.
type Config struct {
	// Self is who this end is. Required: Node and Boot not 0.
	Self Peer
	// Key is the link key, [KeySize] secret bytes that every node of the cluster holds. Required.
	Key []byte
	// MaxFrame is the largest frame in bytes, to send or to accept. Default 16 MiB. All nodes of a cluster must agree.
	MaxFrame int
	// MaxQueued is how many bytes may wait to be sent on one connection. Default 8 MiB. A single frame may exceed it when nothing waits.
	MaxQueued int
	// Heartbeat is how often a sign of life is sent and looked for: a peer silent for three of them is given up. Default 2 s.
	Heartbeat time.Duration
	// HandshakeTimeout bounds dialing and the handshake, together. Default 3 s.
	HandshakeTimeout time.Duration
	// HalfOpen is how many accepted connections may be in their handshake at a time; one more pushes out the oldest. Default 64.
	HalfOpen int
	// Dialer opens the connection below; nil is TCP. For tests that inject faults.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)
	// Logger gets connections that were refused and those that broke. nil discards.
	Logger *slog.Logger
}

// Validate reports every field that is wrong, in one error.
func (c Config) Validate() error {
	var errs []error
	if c.Self.Node == 0 || c.Self.Boot == 0 {
		errs = append(errs, errors.New("link: Self: node and boot must not be 0"))
	}
	if len(c.Self.Type) > maxType {
		errs = append(errs, fmt.Errorf("link: Self: type %q is longer than %d bytes", c.Self.Type, maxType))
	}
	if len(c.Key) != KeySize {
		errs = append(errs, fmt.Errorf("link: Key: %d bytes, must be %d", len(c.Key), KeySize))
	}
	if c.MaxFrame < 0 || c.MaxFrame > 1<<30 {
		errs = append(errs, fmt.Errorf("link: MaxFrame: %d, must be 0 to 1 GiB", c.MaxFrame))
	}
	if c.MaxQueued < 0 || c.MaxQueued > 1<<30 {
		errs = append(errs, fmt.Errorf("link: MaxQueued: %d, must be 0 to 1 GiB", c.MaxQueued))
	}
	if c.Heartbeat < 0 {
		errs = append(errs, fmt.Errorf("link: Heartbeat: %v, must not be negative", c.Heartbeat))
	}
	if c.HandshakeTimeout < 0 {
		errs = append(errs, fmt.Errorf("link: HandshakeTimeout: %v, must not be negative", c.HandshakeTimeout))
	}
	if c.HalfOpen < 0 {
		errs = append(errs, fmt.Errorf("link: HalfOpen: %d, must not be negative", c.HalfOpen))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.MaxFrame == 0 {
		c.MaxFrame = DefaultMaxFrame
	}
	if c.MaxQueued == 0 {
		c.MaxQueued = 8 << 20
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 2 * time.Second
	}
	if c.HandshakeTimeout == 0 {
		c.HandshakeTimeout = 3 * time.Second
	}
	if c.HalfOpen == 0 {
		c.HalfOpen = 64
	}
	if c.Dialer == nil {
		c.Dialer = func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
