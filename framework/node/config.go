package node

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"loumiao/framework/id"
	"loumiao/framework/live"
	"loumiao/framework/store"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

// An Env is what the nodes of one process share. All fields but Join, Live, Version, LeaseTTL, Debug and Trace are required.
type Env struct {
	// Stores is the process's SQL and Redis.
	Stores *store.Stores
	// Registry knows every message of the client protocol.
	Registry *wire.Registry
	// GossipKey encrypts gossip; 32 bytes.
	GossipKey []byte
	// LinkKey authenticates links between nodes; 32 bytes, and not the gossip key. Observers do not use it.
	LinkKey []byte
	// Join is the gossip addresses of any members, host:port. Empty for the first node of a cluster.
	Join []string
	// Owned is the kind of key whose owner keyed methods go to, as in lease.NewOwners: "player".
	Owned string
	// Live brings settings that change while the nodes run. Nil: they stay at their defaults.
	Live *live.Feed
	// Version is the build, for people.
	Version string
	// LeaseTTL is how long a silent node keeps what it owns. 0 is 10 seconds.
	LeaseTTL time.Duration
	// Debug stretches deadlines, leases and heartbeats, so that a breakpoint does not take a node out of the cluster.
	Debug bool
	// Trace makes the nodes' tracers. nil: nothing is traced.
	Trace trace.Source
	// Log is where the nodes log; each adds its type and id.
	Log *slog.Logger
}

// Stretch multiplies the durations that guard against silence when debugging.
const Stretch = 100

// stretch is d, or much more of it when debugging.
func (e Env) stretch(d time.Duration) time.Duration {
	if e.Debug {
		return d * Stretch
	}
	return d
}

// A Config is one node's own settings. Its zero values are good for a node on one's own machine; Type is required.
type Config struct {
	// Type is the node's type, as it stands in tags and methods.
	Type string
	// ID is the node's number. 0 takes any that is free.
	ID id.Node
	// Area is the area that the node serves. 0 serves all.
	Area uint16
	// Observer is a node that finds others and serves no calls: it has no link key, no RPC and no line.
	Observer bool
	// RelayType is the type of the nodes that relay calls for others: rpc.Config's field of the same name. "": there are none.
	RelayType string
	// Relayed sends this node's calls through them. False: over links to each node.
	Relayed bool
	// Needs is the types that must have a ready node before Ready is called.
	Needs []string
	// Link, Gossip and Admin are addresses to listen on, host:port; port 0 takes a free one. Default: 127.0.0.1:0.
	Link, Gossip, Admin string
	// Advertise is the host under which others reach Link and Gossip. Default: the host listened on; required for a wildcard.
	Advertise string
	// StartTimeout bounds everything up to Ready, apart from waiting for Needs. Default 30 s.
	StartTimeout time.Duration
	// StopTimeout bounds everything from draining on; three quarters of it are the service's. Default 10 s.
	StopTimeout time.Duration
}

func (c Config) withDefaults() Config {
	for _, addr := range []*string{&c.Link, &c.Gossip, &c.Admin} {
		if *addr == "" {
			*addr = "127.0.0.1:0"
		}
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = 30 * time.Second
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = 10 * time.Second
	}
	return c
}

// validate reports everything that is wrong with the node's environment and configuration, joined.
func validate(e Env, c Config) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("node: "+format, args...)) }
	if c.Type == "" {
		bad("Type: missing")
	}
	if e.Stores == nil {
		bad("Stores: missing")
	}
	if e.Registry == nil {
		bad("Registry: missing")
	}
	if e.Log == nil {
		bad("Log: missing")
	}
	if e.Owned == "" {
		bad("Owned: missing")
	}
	if c.Relayed && c.RelayType == "" {
		bad("Relayed: RelayType is missing")
	}
	if c.StartTimeout < 0 || c.StopTimeout < 0 {
		bad("StartTimeout and StopTimeout must not be negative")
	}
	return errors.Join(errs...)
}
