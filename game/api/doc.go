// Package api is where the game's node types meet: the ids they share and the calls they make to each other. No node type
// imports another; whoever needs something of another type finds it here as a typed method, checked by the compiler at
// both ends.
//
//	api.JoinMatch.Call(ctx, p.rpc, &pb.JoinMatch{...}, rpc.Any)      // in game/world
//	rpc.HandleFunc(n, api.JoinMatch, s.join)                                // in game/match
//
// Messages from clients are not here: their receivers stand in the .proto files.
package api
