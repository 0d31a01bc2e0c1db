// Package rpcgate is the node type that relays RPC for the others, where links between all of them would be too many or are not allowed.
//
//	world ══ link ══► rpcgate ══ link ══► db      with rpc.route: relay
//	world ══════════ link ══════════════► db      with rpc.route: direct, the default
//
// Relaying itself is framework/rpc's: every node of this type does it, whatever the route of the others. The node keeps nothing of what passes, so there may be any number, and one that is
// lost costs the calls that were under way through it. It serves no methods and has no state.
package rpcgate

import (
	"context"

	"loumiao/framework/node"
)

// An RPCGate is one node. Create it with New; the node runs it.
type RPCGate struct{}

// New is a node that has not started.
func New() *RPCGate { return &RPCGate{} }

// Start does nothing: the node relays once it has joined.
func (*RPCGate) Start(context.Context, *node.Node) error { return nil }

// Ready does nothing.
func (*RPCGate) Ready(context.Context) error { return nil }

// Stop does nothing: the node lets the calls under way end, and sends those to come to other relays.
func (*RPCGate) Stop(context.Context) error { return nil }
