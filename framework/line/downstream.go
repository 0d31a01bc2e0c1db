package line

import (
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/wire"
)

// A Downstream takes what backends send to a gate's clients. What comes on one line comes in order and one call at a time, on that
// line's reader, but for Up; calls of different lines run at the same time. No call may wait. Slices are valid during the call only.
//
// A backend is authenticated and yet not trusted with every session: the gate acts only for sessions that are attached to from.
type Downstream interface {
	// Deliver has a Reply, Error or Push for one session.
	Deliver(from link.Peer, session id.Session, h wire.Header, body []byte)
	// Multicast has a droppable Push for many sessions.
	Multicast(from link.Peer, sessions []id.Session, h wire.Header, body []byte)
	// Broadcast has a droppable Push for every session. h.Stream is 0: the number under which a client knows from's type is the gate's
	// to fill in.
	Broadcast(from link.Peer, h wire.Header, body []byte)
	// Bind has the session's messages to type typ go to node from now on, or as soon as there is a line to it.
	Bind(from link.Peer, session id.Session, typ string, node id.Node)
	// Unbind takes a binding back.
	Unbind(from link.Peer, session id.Session, typ string)
	// Kick ends the session.
	Kick(from link.Peer, session id.Session, code fault.Code, reason string)
	// Own says under which epoch from serves the session's stream, before anything that it sends there; owned is what the epoch is of, and
	// empty for the stream itself. When a newer one of the same has been seen, from is refused: the session is detached from it with [fault.Fenced].
	Own(from link.Peer, session id.Session, stream uint8, epoch uint64, owned string)
	// Hold has what the client sends on the stream wait, from now on, and from told so with [Lines.Held], until the stream is moved or ends.
	Hold(from link.Peer, session id.Session, stream uint8)
	// Move has the stream go on at node, with [Lines.GoOn], and what was held follow. sent is the last number that from has given out.
	Move(from link.Peer, session id.Session, stream uint8, node id.Node, sent uint32)
	// Found answers Find.
	Found(from link.Peer, session id.Session, f Found)
	// Up says that there is a line to the node: what could not be attached there before can be now. It may come after others of the same line, and not on
	// its reader.
	Up(node link.Peer)
	// Lost is the last call for a line: every session is detached from that backend, and what it had not delivered will not come.
	Lost(from link.Peer, err error)
	// Flush ends a batch of the calls above: now is the time to write to clients what they were given.
	Flush()
}
