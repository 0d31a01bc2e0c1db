// Package rpc is how nodes call each other: typed methods, declared once, checked by the compiler at both ends.
//
//	// the contract, in a package that both ends import
//	var Join = rpc.Method[*pb.Join, *pb.JoinReply]("match.Join")
//	var Grant = rpc.Keyed[*pb.GrantReply]("player.Grant", func(r *pb.Grant) PlayerID { return PlayerID(r.GetPlayer()) })
//
//	// the callee, when its node starts
//	rpc.HandleFunc(n, Join, m.join)                 // stateless, on goroutines; on the link's reader with rpc.Inline
//	rpc.Handle(n, w.players, Grant, (*Player).grant) // on the actor of the key, in order
//
//	// the caller
//	reply, err := Join.Call(ctx, r, &pb.Join{...}, rpc.Any)
//	err := Grant.Send(ctx, r, &pb.Grant{...})
//
// One call's way:
//
//	Call ─ pick a node ─ slot ─► frame ══ link ══► decode ─► actor or goroutine
//	  ▲                   │                                        │
//	  └──── decode ◄─── slot ◄══════════ link ══ reply frame ◄─────┘
//
// # What a caller may rely on
//
// Every call ends exactly once: with the reply, with the callee's error under the callee's code, or with fault.Deadline, fault.Cancelled, fault.Lost (the link
// broke; it may have had its effect), fault.Overloaded or fault.Unavailable (it had none). A call is sent at most once, unless its method is declared
// [Idempotent]; one that surely reached no handler is tried on another node where the target leaves a choice. The deadline, a cancellation
// and the trace (package trace), if there is one, travel to the callee. Sends of one sender to one target arrive in the order sent, as long as the link holds, and are handled in that order if an actor does.
//
// # Who is chosen
//
// A method's name begins with the node type that serves it; membership says which nodes are of it. Ready nodes in the caller's area come first, draining
// ones serve only when there are no others, a call waits a moment when there are none at all ([Config.NodeWait]), and nodes that could not be reached a moment ago are left out while others are there. [Any] takes the less busy of two random ones; [ByKey] always the
// same for a key, and moves few keys when a node comes or goes; [Owner] asks the [Directory]. Calls to the own node take the same way through a marshalled copy, without a link.
//
// # By way of relays
//
// With [Config.Relayed], a node links itself to nodes of the type [Config.RelayType] only, and calls all others through them. To callers and handlers nothing changes: codes, deadlines,
// cancellations, order and [Caller] are as over a direct link, and nodes that call directly and such that do not call each other. A relay passes frames on without looking into bodies and keeps none of them. A pair
// of nodes keeps to one relay while that is there. When either half of the way breaks, calls end as over a broken link: fault.Lost; when the callee cannot be reached from the relay,
// fault.Unavailable. A relay that drains lets calls end and asks the callers to go another way.
//
// Links carry the link key's proof and nothing else protects them: see package link. This package knows no game and decides nothing about who owns what.
package rpc
