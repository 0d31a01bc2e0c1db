package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/trace"
)

// A Directory knows who owns a key now.
type Directory interface {
	// Owner is the node that owns the key, in the life in which it does. When nobody does, it is an error with code fault.NotOwner or
	// fault.Unavailable.
	Owner(ctx context.Context, key int64) (id.Node, id.Boot, error)
}

// A Forgetter is a [Directory] that remembers answers. Forget is called when the node did not own the key, before Owner is asked again.
type Forgetter interface {
	Forget(key int64, node id.Node, boot id.Boot)
}

// A Config is what an [RPC] needs. The zero value of a limit is its default.
type Config struct {
	// Self is this node. Required.
	Self link.Peer
	// View is who is there. Required.
	View cluster.View
	// Links is how to connect to others. Required, except for nodes that only call themselves.
	Links link.Config
	// Server accepts the links of others. nil: this node only calls.
	Server *link.Server
	// Owners resolves [Owner] and keyed methods. nil: they are Unavailable.
	Owners Directory
	// Area is this node's area: nodes of other areas are not chosen, except those of area 0, which serve all. 0: any node is.
	Area uint16
	// RelayType is the type of the nodes that relay: whoever cannot or should not be linked to every other node calls through them. A node of this type relays for others and itself
	// calls directly. "": there are none.
	RelayType string
	// Relayed sends every call to another node through a relay, except those to the relays themselves.
	Relayed bool
	// CallTimeout is the deadline of a call whose context has none. Default 5 s.
	CallTimeout time.Duration
	// NodeWait is how long a call waits for a node of the method's type when none is ready: one that has just become so is not known everywhere at
	// once, and one that was lost may be back soon. Sends do not wait. Default 2 s; negative: not at all.
	NodeWait time.Duration
	// MaxInFlight is how many calls may wait for their answer on one link; more are Overloaded. At most, and by default, 65,536.
	MaxInFlight int
	// Tracer records calls and their handlers, where they belong to a trace. nil: none.
	Tracer trace.Tracer
	// Logger gets broken links and the details of internal errors. nil discards.
	Logger *slog.Logger
}

const (
	defaultTimeout  = 5 * time.Second
	defaultNodeWait = 2 * time.Second
	maxSlots        = 1 << slotBits
)

// Validate reports every field that is wrong, in one error.
func (c Config) Validate() error {
	var errs []error
	if c.Self.Node == 0 || c.Self.Boot == 0 {
		errs = append(errs, errors.New("rpc: Self: node and boot must not be 0"))
	}
	if c.View == nil {
		errs = append(errs, errors.New("rpc: View is missing"))
	}
	if c.Relayed && c.RelayType == "" {
		errs = append(errs, errors.New("rpc: Relayed: RelayType is missing"))
	}
	if c.CallTimeout < 0 {
		errs = append(errs, fmt.Errorf("rpc: CallTimeout: %v, must not be negative", c.CallTimeout))
	}
	if c.MaxInFlight < 0 || c.MaxInFlight > maxSlots {
		errs = append(errs, fmt.Errorf("rpc: MaxInFlight: %d, must be 0 to %d", c.MaxInFlight, maxSlots))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.CallTimeout == 0 {
		c.CallTimeout = defaultTimeout
	}
	if c.NodeWait == 0 {
		c.NodeWait = defaultNodeWait
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = maxSlots
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// maxFrame is the largest frame of the links, which holds for calls to the own node as well.
func (r *RPC) maxFrame() int {
	if n := r.cfg.Links.MaxFrame; n > 0 {
		return n
	}
	return link.DefaultMaxFrame
}
