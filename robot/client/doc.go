// Package client is a player's side of the game, as a Go library: it logs in over HTTP, connects to a gate over TCP, WebSocket or KCP, plain or with TLS, and
// sends and receives the messages of the client protocol.
//
//	Login ── HTTP ──► login web          a Ticket: a token, and the gates to bring it to
//	Dial ─── TCP, WebSocket, KCP ──► gate   a Conn: one session
//	  Request / Start ──► a reply, or the *fault.Error that the server answered
//	  Send ─────────────► no answer
//	  OnPush ◄──────────  what the server says unasked
//
// A client is written in five steps; the example goes through them.
//
//  1. Collect the messages of the game: wire.NewRegistry(pb.Files()...). A message's .proto says to which type of node it goes, so that a client
//     never names a node.
//  2. Log in with one of [Login]'s methods. The token lives for minutes and is good for one gate after another; for later there is
//     [Login.Refresh].
//  3. [Dial] the first of the ticket's gates, or the next when that fails.
//  4. Ask with [Request], or with [Start] to have several requests on their way. Most messages are refused until the player is in the world, so
//     the sample game's first ones are EnterQueue and then EnterWorld.
//  5. Take pushes in [Options].OnPush. It is called on the connection's one reading goroutine: hand the message to a channel or a queue of your
//     own, and return.
//
// Without a login web, [Options].LogIn logs in by the game's own messages, over the connection that the session is then opened on: see [Ask].
//
// When the session ends, [Conn.Done] is closed, every call that waits ends with the same error, and [Conn.Err] says why; a Conn is not opened
// again, a new one is dialled. The table "The end" in framework/gate/PROTOCOL.md says after which codes that makes sense. When only
// the node behind a stream is gone, OnPush gets a *wirepb.Reset: calls on the stream have ended with fault.Lost, and the session goes on;
// whoever wants the stream back opens it as at first.
//
// A session ends with its connection, unless [Options].Reconnect says where to go on:
//
//	session      Dial ──────────────────────────────────────────────────────────────────────► Close, or a Kick
//	connections  └── gate 1 ──► breaks ── pause, Reconnect, Hello{resume} ──► └── gate 2 ──► ...
//
// Then it takes part in *resume*: nothing that the server must deliver is missed or comes twice, calls go on waiting, and what is sent meanwhile waits for
// the next connection; only droppable pushes are missed. When that cannot be done within the time that the gate gave, or what was to be resumed is
// gone, the session ends. [Conn.Close] tells the gate that the client will not come back; [Conn.Cut] is for tests of those who do.
//
// The package keeps the connection alive, acknowledges what has come and follows the order of messages by itself. It knows the protocol from
// PROTOCOL.md and package wire, and nothing of how a server is built: what works here works for a client in any language. It also watches over
// the server: a reliable frame that comes twice, or not at all, is reported by [Conn.Disorder], however many connections it took.
package client
