package line

import (
	"encoding/binary"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

// An op is the first byte of a frame on a line and says what follows. Numbers are big-endian; strings that are not last have a length
// of one byte before them. A head is what a client's frame has after its size: kind, stream, message, call and sequence.
type op uint8

const (
	// From gates.
	opAttach  op = 1 // session u64, stream u8, resets u32, grace u32 (ms), turn u64, player i64, account i64, area u16, type string, address string
	opDetach  op = 2 // session u64, stream u8, code u16
	opForward op = 3 // session u64, head, body
	opAck     op = 4 // session u64, stream u8, sequence u32
	opFind    op = 5 // session u64, stream u8, turn u64, player i64, resets u32, received u32
	opResume  op = 6 // session u64, stream u8, turn u64, received u32, live u8 (0 or 1), type string
	opHeld    op = 7 // session u64, stream u8
	// Only where tracing is on, which it is not before every backend knows it.
	opTraced op = 8 // trace and span, 16 and 8 bytes, and then as opForward

	// From backends.
	opDeliver   op = 16 // session u64, head, body
	opMulticast op = 17 // head, count u16, sessions u64 each, body
	opBroadcast op = 18 // head, body
	opBind      op = 19 // session u64, node u16, type string
	opUnbind    op = 20 // session u64, type string
	opKick      op = 21 // session u64, code u16, reason (the rest)
	opFound     op = 22 // session u64, stream u8, found u8 (0 or 1), received u32, since i64 (ms), epoch u64
	opOwn       op = 23 // session u64, stream u8, epoch u64, owned string
	opHold      op = 24 // session u64, stream u8
	opMove      op = 25 // session u64, stream u8, node u16, sent u32
)

const (
	headSize   = 12
	maxType    = 64    // bytes of a node type's name
	maxWay     = 64    // bytes of how a client has logged in
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

// A find asks a backend whether it has a stream of the player's session that can go on after what its client has received.
type find struct {
	session  id.Session
	stream   uint8
	turn     uint64
	player   int64
	resets   uint32
	received uint32
}

// A resume has it go on.
type resume struct {
	session  id.Session
	stream   uint8
	turn     uint64
	received uint32
	live     bool // the client has not been away: received is what it has been sent, and it has not acknowledged that
	typ      string
}

// Found is a backend's answer to [Lines.Find].
type Found struct {
	// Stream is the stream that was asked for.
	Stream uint8
	// Found says that the backend has it, and everything that the client has not received.
	Found bool
	// Received is the last number of the client's that the backend has taken in.
	Received uint32
	// Epoch is under which the backend serves the stream; 0: it has said none. Should two backends have a stream of the same number, the newer
	// epoch counts.
	Epoch uint64
	// Since is when the session was attached there. Of two that have the same epoch, the later one counts.
	Since time.Time
}

// An own says under which epoch a stream is served.
type own struct {
	session id.Session
	stream  uint8
	epoch   uint64
	owned   string // what it is an epoch of; empty: of the stream
}

// A place names a stream of a session.
type place struct {
	session id.Session
	stream  uint8
}

// A move has a stream go on at another node, whose first number is the one after sent.
type move struct {
	place
	node id.Node
	sent uint32
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
	b = append(b, s.Stream)
	b = binary.BigEndian.AppendUint32(b, s.Resets)
	b = binary.BigEndian.AppendUint32(b, uint32(s.Grace.Milliseconds()))
	b = binary.BigEndian.AppendUint64(b, s.Turn)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Player))
	b = binary.BigEndian.AppendUint64(b, uint64(s.Account))
	b = binary.BigEndian.AppendUint16(b, s.Area)
	b = appendString(b, s.Type)
	address := ""
	if s.Address.IsValid() {
		address = s.Address.String()
	}
	return appendString(appendString(b, address), s.Way)
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

func appendTraced(b []byte, ref trace.Ref, session id.Session, h wire.Header, body []byte) []byte {
	b = ref.Append(append(b, byte(opTraced)))
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

// appendReplay is a packet of a head and a body that were kept.
func appendReplay(b []byte, session id.Session, head, body []byte) []byte {
	b = append(b, byte(opDeliver))
	b = binary.BigEndian.AppendUint64(b, uint64(session))
	return append(append(b, head...), body...)
}

func appendFind(b []byte, f find) []byte {
	b = append(b, byte(opFind))
	b = binary.BigEndian.AppendUint64(b, uint64(f.session))
	b = append(b, f.stream)
	b = binary.BigEndian.AppendUint64(b, f.turn)
	b = binary.BigEndian.AppendUint64(b, uint64(f.player))
	b = binary.BigEndian.AppendUint32(b, f.resets)
	return binary.BigEndian.AppendUint32(b, f.received)
}

func appendResume(b []byte, r resume) []byte {
	b = append(b, byte(opResume))
	b = binary.BigEndian.AppendUint64(b, uint64(r.session))
	b = append(b, r.stream)
	b = binary.BigEndian.AppendUint64(b, r.turn)
	b = binary.BigEndian.AppendUint32(b, r.received)
	return appendString(appendBool(b, r.live), r.typ)
}

func appendFound(b []byte, session id.Session, f Found) []byte {
	b = append(b, byte(opFound))
	b = binary.BigEndian.AppendUint64(b, uint64(session))
	b = appendBool(append(b, f.Stream), f.Found)
	b = binary.BigEndian.AppendUint32(b, f.Received)
	b = binary.BigEndian.AppendUint64(b, uint64(f.Since.UnixMilli()))
	return binary.BigEndian.AppendUint64(b, f.Epoch)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendOwn(b []byte, o own) []byte {
	b = appendPlace(b, opOwn, place{o.session, o.stream})
	b = binary.BigEndian.AppendUint64(b, o.epoch)
	return appendString(b, o.owned)
}

func appendMove(b []byte, m move) []byte {
	b = appendPlace(b, opMove, m.place)
	b = binary.BigEndian.AppendUint16(b, uint16(m.node))
	return binary.BigEndian.AppendUint32(b, m.sent)
}

// appendPlace is an opHold or opHeld, or the beginning of another frame.
func appendPlace(b []byte, o op, p place) []byte {
	b = append(b, byte(o))
	b = binary.BigEndian.AppendUint64(b, uint64(p.session))
	return append(b, p.stream)
}
