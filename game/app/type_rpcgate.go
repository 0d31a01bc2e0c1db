package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/rpcgate"
)

// TypeRPCGate is node type 10.
type TypeRPCGate struct{}

func (*TypeRPCGate) defaults() {}

func (*TypeRPCGate) row() nodeType {
	return nodeType{
		number: 10, name: api.RPCGate, job: "relays calls between nodes, with rpc.route: relay",
		make: func(*process, int) (node.Service, error) { return rpcgate.New(), nil },
	}
}
