package line

import (
	"encoding/binary"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/wire"
)

// An op is the first byte of a frame on a line and says what follows. Numbers are big-endian; strings that are not last have a length
// of one byte before them. A head is what a client's frame has after its size: kind, stream, message, call and sequence.
type op uint8

const (
	// From gates.
	opAttach  op = 1 // session u64, stream u8, flags u8 (0), player i64, account i64, area u16, type string
	opDetach  op = 2 // session u64, stream u8, code u16
	opForward op = 3 // session u64, head, body
	opAck     op = 4 // session u64, stream u8, sequence u32

	// From backends.
	opDeliver   op = 16 // session u64, head, body
	opMulticast op = 17 // head, count u16, sessions u64 each, body
	opBroadcast op = 18 // head, body
	opBind      op = 19 // session u64, node u16, type string
	opUnbind    op = 20 // session u64, type string
	opKick      op = 21 // session u64, code u16, reason (the rest)
)

const (
	headSize   = 12
	maxType    = 64    // bytes of a node type's name
	maxReason  = 512   // bytes of what a kicked client is told
	maxTargets = 65535 // sessions in one multicast frame
)

var errFrame = fault.New(fault.Invalid, "malformed frame on a line")

type detach struct {
	session id.Session
	stream  uint8
	code    fault.Code
}

type ack struct {
	session  id.Session
	stream   uint8
	sequence uint32
}

// A packet is one client's message on its way, in either direction. The body is a part of the frame.
type packet struct {
	session id.Session
	head    wire.Header
	body    []byte
}

type bind struct {
	session id.Session
	node    id.Node // 0 in unbind
	typ     string
}

type kick struct {
	session id.Session
	code    fault.Code
	reason  string
}

func appendAttach(b []byte, s SessionInfo) []byte {
	b = append(b, byte(opAttach))
	b = binary.BigEndian.AppendUint64(b, uint64(s.ID))
	b = append(b, s.Stream, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Player))
	b = binary.BigEndian.AppendUint64(b, uint64(s.Account))
	b = binary.BigEndian.AppendUint16(b, s.Area)
	return appendString(b, s.Type)
}

func appendDetach(b []byte, session id.Session, stream uint8, code fault.Code) []byte {
	b = append(b, byte(opDetach))
	b = binary.BigEndian.AppendUint64(b, uint64(session))
	b = append(b, stream)
	return binary.BigEndian.AppendUint16(b, uint16(code))
}

func appendAck(b []byte, session id.Session, stream uint8, sequence uint32) []byte {
	b = append(b, byte(opAck))
	b = binary.BigEndian.AppendUint64(b, uint64(session))
	b = append(b, stream)
	return binary.BigEndian.AppendUint32(b, sequence)
}

func appendPacket(b []byte, o op, session id.Session, h wire.Header, body []byte) []byte {
	b = append(b, byte(o))
	b = binary.BigEndian.AppendUint64(b, uint64(session))
	return append(appendHead(b, h), body...)
}

func appendMulticast(b []byte, h wire.Header, sessions []id.Session, body []byte) []byte {
	b = appendHead(append(b, byte(opMulticast)), h)
	b = binary.BigEndian.AppendUint16(b, uint16(len(sessions)))
	for _, s := range sessions {
		b = binary.BigEndian.AppendUint64(b, uint64(s))
	}
	return append(b, body...)
}

func appendBroadcast(b []byte, h wire.Header, body []byte) []byte {
	return append(appendHead(append(b, byte(opBroadcast)), h), body...)
}

func appendBind(b []byte, session id.Session, typ string, node id.Node) []byte {
	b = append(b, byte(opBind))
	b = binary.BigEndian.AppendUint64(b, uint64(session))
	b = binary.BigEndian.AppendUint16(b, uint16(node))
	return appendString(b, typ)
}

func appendUnbind(b []byte, session id.Session, typ string) []byte {
	b = append(b, byte(opUnbind))
	b = binary.BigEndian.AppendUint64(b, uint64(session))
	return appendString(b, typ)
}

func appendKick(b []byte, session id.Session, code fault.Code, reason string) []byte {
	b = append(b, byte(opKick))
	b = binary.BigEndian.AppendUint64(b, uint64(session))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(b, reason[:min(len(reason), maxReason)]...)
}

func appendHead(b []byte, h wire.Header) []byte {
	var head [headSize]byte
	putHead(&head, h)
	return append(b, head[:]...)
}

func putHead(b *[headSize]byte, h wire.Header) {
	b[0], b[1] = byte(h.Kind), h.Stream
	binary.BigEndian.PutUint16(b[2:], h.Message)
	binary.BigEndian.PutUint32(b[4:], h.Call)
	binary.BigEndian.PutUint32(b[8:], h.Sequence)
}

func appendString(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }
