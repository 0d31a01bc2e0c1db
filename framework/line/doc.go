// Package line carries clients' sessions between gates and backends, both ends of it.
//
// A gate keeps one dedicated link, the line, to every node of the types that its clients may reach, and multiplexes all its sessions
// on it. A session is attached to a node when its first message goes there, or when another node binds it there, and from then on that node may send to it.
//
//	            gate                                      backend
//	client ─► session ─► Lines.Forward ═══ line ═══► Server ─► handler, on the player's actor
//	client ◄─ session ◄─ Downstream    ◄══ line ════ Session.Push, the handler's reply
//
// A backend registers typed handlers; what may come from clients, and that it comes to this type of node, stands in the .proto and is
// checked when the server starts. A handler runs on an actor, alone with its state, in the order in which the client sent:
//
//	line.Handle(n, w.players, (*Player).startMatch)
//
//	func (p *Player) startMatch(ctx *actor.Context, m *pb.StartMatch) (*pb.StartMatchReply, error)
//
// Order is kept per session and backend, in both directions: pushes, replies and bindings of one session arrive as they were made.
// Messages to clients that are declared reliable are numbered and kept until the client acknowledges them; messages from clients that are
// seen a second time are dropped. So a session outlives its client's connection, its gate and its line: it is kept for a while, and goes on
// where it stopped when the client comes back by any gate (see keep.go).
//
// A stream can also move to another node of its type while its client is connected and notices nothing: a node that stops hands it over (see handover.go). A
// node says under which epoch it serves a session ([Session.Own]), and a gate that has seen a newer one hears it no more.
//
// Nothing here waits for a slow client or a busy actor: a full mailbox answers a request with [fault.Overloaded], and a full line does
// the same to whoever sends. line knows no client's connection (that is the gate's) and decides nothing about who plays where (that is
// the game's); it never decodes a body on the gate's side.
package line
