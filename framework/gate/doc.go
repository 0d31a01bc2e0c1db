// Package gate holds the clients' sessions: it lets clients in, checks what they send, and carries it to the backends and back.
//
//	client ─ tcp ─┐    ┌──────────────── gate ────────────────┐
//	client ─ ws ──┼──► │ session: hello? size, rate, declared │ ══ line ══► world, zone, queue, ...
//	client ─ ...  ┘ ◄──│ session: bounded outbound queue      │ ◄═ line ═══
//	                   └──────────────────────────────────────┘
//
// The way in: a transport (gate/tcp, gate/ws, gate/kcp) reads frames and gives them to their session, which takes them one after another. The first is Hello: it
// is authenticated, takes the player's place from any older session, and is answered with Welcome. Each later one is looked up in the registry by its number: only what a .proto declares for clients goes on,
// and only to the type of node that stands there. The node is the one that the stream is bound to or, for messages that may open a stream, one that the
// gate picks. The body is not decoded, except for JSON sessions.
//
// The way out: lines call the gate (see downstream.go), which appends to the session's queue and, at the end of a batch, writes what the kernel takes without
// waiting. What is left over is written by a goroutine that exists only for as long as the client is slow. A queue is bounded: what is declared droppable goes first, then the session.
//
// A session is one goroutine that waits for its socket and holds no buffer meanwhile. Timeouts are found by one goroutine for all, which looks around a few
// times per heartbeat.
//
// The way back: a session whose connection broke lives on in the backends for a grace period, and any gate can ask them for it (see resume.go).
//
// A stream whose node stops goes on at another: what its client sends meanwhile waits here, and follows (see handover.go). So it does for the line to a node that
// the stream is bound to, for a while (see bind.go). Which node speaks for a session is
// a matter of epochs: one that comes with an older one than was seen is not heard.
//
// Long messages are compressed for clients that have asked for that, each by itself and a multicast once for all; what clients have compressed is decompressed
// here, within the limits, so that backends know nothing of it. See compress.go.
//
// TLS is the transports' to do, as is what a load balancer says of the client's address (PROXY protocol), on the connection's own goroutine before the first frame; a connection that has not come so far waits among those that have not
// said Hello, and is pushed out with them. Under TLS too, reading waits without a buffer and writing does not wait; only the handshake does.
//
// The package's example is a whole way, from a client to its player's actor and back. The protocol, for authors of clients, is in PROTOCOL.md, with test vectors. The gate knows no message of any game, no token's format and no database: those come as functions in [Config].
package gate
