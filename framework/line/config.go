package line

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"loumiao/framework/link"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

// A Config is what a [Server] needs. Required are Registry, Links and Types; a limit of 0 is its default.
type Config struct {
	// Registry is every message that may cross a gate.
	Registry *wire.Registry
	// Links accepts the gates' lines. It must not have been started when the Server is made.
	Links *link.Server
	// Types is the node types that this node serves: handlers for messages to any other are refused.
	Types []string
	// RequestTimeout is how long a client's request may wait and run: its handler's context ends then. Default 5 s.
	RequestTimeout time.Duration
	// MaxBody is the largest message to a client, in bytes when encoded. Default 1 MiB.
	MaxBody int
	// ReplayFrames is how many reliable frames to one client are kept until it acknowledges them. The oldest go first; a client that
	// would need them starts over. Default 256.
	ReplayFrames int
	// ReplayBytes bounds the memory that they take, for one client. Default 256 KiB.
	ReplayBytes int
	// Tracer records the handling of clients' messages that belong to a trace. nil: none.
	Tracer trace.Tracer
	// Logger gets what goes wrong with sessions and handlers. nil discards.
	Logger *slog.Logger
}

// Validate reports everything that is wrong with the configuration, joined.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("line: "+format, args...)) }
	if c.Registry == nil {
		bad("Registry: missing")
	}
	if c.Links == nil {
		bad("Links: missing")
	}
	if len(c.Types) == 0 {
		bad("Types: missing; the types of node that this one serves")
	}
	if c.RequestTimeout < 0 {
		bad("RequestTimeout: %v, must not be negative", c.RequestTimeout)
	}
	if c.MaxBody < 0 || c.MaxBody > wire.MaxBody/2 {
		bad("MaxBody: %d, must be 0 to %d", c.MaxBody, wire.MaxBody/2)
	}
	if c.ReplayFrames < 0 {
		bad("ReplayFrames: %d, must not be negative", c.ReplayFrames)
	}
	if c.ReplayBytes < 0 {
		bad("ReplayBytes: %d, must not be negative", c.ReplayBytes)
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.RequestTimeout == 0 {
		c.RequestTimeout = 5 * time.Second
	}
	if c.MaxBody == 0 {
		c.MaxBody = 1 << 20
	}
	if c.ReplayFrames == 0 {
		c.ReplayFrames = 256
	}
	if c.ReplayBytes == 0 {
		c.ReplayBytes = 256 << 10
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
