// Package node is the life of one node: it builds what a node type needs, hands it over, and takes it down again in order.
//
// A node type is a [Service], a value with Start, Ready and Stop:
//
//	func (w *World) Start(ctx context.Context, n *node.Node) error {
//		w.players = actor.NewPool(n.Actors(), w.load, actor.PoolConfig{Name: "player", IdleAfter: 10 * time.Minute})
//		line.Handle(n, w.players, (*Player).startMatch)          // a client's message
//		rpc.Handle(n, w.players, api.PlayerMatched, (*Player).matched) // a peer's call
//		return nil
//	}
//
// [Node.Run] is one life; its order stands in life.go and nowhere else:
//
//	claim id ► lease ► live settings ► admin ► listen ► Start ► join ► needs ► Ready ► ready ... draining ► Stop ► finish calls ► stop actors ► leave ► close
//
// Many nodes may run in one process; they share the [Env] and nothing else, and there are no globals. The package imports the rest of
// the framework and nothing of it imports this: rpc and line ask for the small interface that they need.
package node
