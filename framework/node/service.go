package node

import "context"

// A Service is what a node type does. Its methods are called once each, in this order, never at the same time; the context of each ends
// when the time for that step is over.
type Service interface {
	// Start makes the service's actors and registers its handlers, and listens where clients come in. Peers cannot be called yet, and none
	// calls until it returns. An error ends the node.
	Start(ctx context.Context, n *Node) error
	// Ready may call peers: every type in Config.Needs has a ready node. The node is offered to others when it returns nil. An error
	// ends the node, after Stop.
	Ready(ctx context.Context) error
	// Stop refuses new work, hands over what others can go on with, and saves the rest. The others know already that the node is
	// draining; calls still work in both directions. It is also called when Ready failed or was never reached, but not when Start failed.
	Stop(ctx context.Context) error
}
