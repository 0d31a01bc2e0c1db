// Package wire turns bytes into messages and back: the frames of the client protocol, the registry of the messages that may cross a gate, and
// the two codecs, protobuf and JSON.
//
// A frame is a fixed header and a body. Over TCP frames follow one another; in a WebSocket each binary message is one frame.
//
//	 0        4      5        6         8      12         16
//	+--------+------+--------+---------+------+----------+----------
//	|  size  | kind | stream | message | call | sequence | body ...
//	+--------+------+--------+---------+------+----------+----------
//
// A body that carries a message may be compressed, when the handshake has agreed on that: see [Pack] and [Unpack].
//
// Which messages exist, who may send them and where they go is declared in .proto files and nowhere else:
//
//	message StartMatch { option (wire.message) = {id: 3101, from: CLIENT, to: "world"}; string mode = 1; }
//
// A [Registry] is built from those files once, at start; a message that is not in it never crosses a gate. The protocol as a client's author
// sees it is described in framework/gate/PROTOCOL.md.
//
// wire does no I/O, starts no goroutine and knows no session. Every function here may be given hostile bytes: sizes are checked before memory is
// taken, and an error always has a code of package fault.
package wire
