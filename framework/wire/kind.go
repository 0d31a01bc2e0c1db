package wire

import "strconv"

// A Kind says what a frame is for.
type Kind uint8

// Control frames, between a client and its gate. Their bodies are the messages of the same name in wire.proto, but for Ping, Pong and Kick.
const (
	// Hello is the client's first frame.
	Hello Kind = 1
	// Welcome is the gate's answer to Hello: the session is open.
	Welcome Kind = 2
	// Ping asks for a Pong with the same call number and body, plain bytes. Clients send it when they have had nothing else to send.
	Ping Kind = 3
	// Pong answers a Ping.
	Pong Kind = 4
	// Ack tells the backends what the client has received, so that they may forget it.
	Ack Kind = 5
	// Kick is the last frame to a client: the session ends. Its body is wirepb.Error.
	Kick Kind = 6
	// Reset tells the client that a stream starts over.
	Reset Kind = 7
	// Leave is the last frame of a client that will not come back to its session. It has no body.
	Leave Kind = 8
)

// Frames between a client and a backend.
const (
	// Send is a client's message that wants no answer.
	Send Kind = 16
	// Request is a client's message that is answered by one Reply or Error with the same call number.
	Request Kind = 17
	// Reply is the answer to a Request.
	Reply Kind = 18
	// Error is the other answer to a Request. Its body is wirepb.Error, and it carries no message number.
	Error Kind = 19
	// Push is a backend's message that nobody asked for.
	Push Kind = 20
)

var kindNames = [32]string{
	Hello: "hello", Welcome: "welcome", Ping: "ping", Pong: "pong", Ack: "ack", Kick: "kick", Reset: "reset", Leave: "leave",
	Send: "send", Request: "request", Reply: "reply", Error: "error", Push: "push",
}

// String is the kind's name, or "kind_N" for a number that has none.
func (k Kind) String() string {
	if k.Known() {
		return kindNames[k]
	}
	return "kind_" + strconv.Itoa(int(k))
}

// Known reports whether the kind is one of those above.
func (k Kind) Known() bool { return int(k) < len(kindNames) && kindNames[k] != "" }

// FromClient reports whether clients send this kind; every other known kind is only sent to them.
func (k Kind) FromClient() bool {
	switch k {
	case Hello, Ping, Ack, Leave, Send, Request:
		return true
	}
	return false
}

// Carries reports whether a frame of this kind carries a message of the registry, named by its number.
func (k Kind) Carries() bool {
	switch k {
	case Send, Request, Reply, Push:
		return true
	}
	return false
}

// Flags change how a frame is read. They share a byte with the kind.
type Flags uint8

const (
	// JSON in a Hello: the bodies of this session are JSON, this one's included. Nowhere else.
	JSON Flags = 0x20
	// Compressed in a frame that carries a message: its body is compressed, see [Pack]. Only in sessions whose handshake agreed on it.
	Compressed Flags = 0x40

	kindMask     = 0x1f
	reservedFlag = Flags(0x80)
)
