// Package client is a player's side of the game, as a Go library: it logs in over HTTP, connects to a gate over TCP or WebSocket, and
// sends and receives the messages of the client protocol.
//
//	login := client.Login{Base: "http://127.0.0.1:8080"}
//	ticket, err := login.Guest(ctx, device, 1)
//	conn, err := client.Dial(ctx, "tcp://"+ticket.Gates[0].TCP, client.Options{Token: ticket.Token, Registry: registry, OnPush: push})
//	reply, err := client.Request[*pb.QueueStatus](ctx, conn, &pb.EnterQueue{})
//
// It knows the protocol from framework/gate/PROTOCOL.md and package wire, and nothing of how a server is built: what works here
// works for a client in any language. It also watches over the server: a reliable frame that comes twice, or not at all, is reported
// by [Conn.Disorder].
package client
