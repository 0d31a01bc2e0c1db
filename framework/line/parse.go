package line

import (
	"encoding/binary"
	"net/netip"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

// The parsers are given a frame without its op. They refuse what is short, has bytes left over, or says what no peer of this version
// says; the line that it came on is then closed, because its two ends do not speak the same language.

func parseAttach(b []byte) (SessionInfo, error) {
	r := reader{b: b}
	s := r.info()
	if !r.end() || s.check() != nil {
		return SessionInfo{}, errFrame
	}
	return s, nil
}

func parseDetach(b []byte) (detach, error) {
	r := reader{b: b}
	d := detach{session: id.Session(r.u64()), stream: r.u8(), code: fault.Code(r.u16())}
	if !r.end() {
		return detach{}, errFrame
	}
	return d, nil
}

func parseAck(b []byte) (ack, error) {
	r := reader{b: b}
	a := ack{session: id.Session(r.u64()), stream: r.u8(), sequence: r.u32()}
	if !r.end() {
		return ack{}, errFrame
	}
	return a, nil
}

func parseFind(b []byte) (find, error) {
	r := reader{b: b}
	f := find{session: id.Session(r.u64()), stream: r.u8(), turn: r.u64(), player: int64(r.u64()), resets: r.u32(), received: r.u32()}
	if !r.end() || f.stream == 0 {
		return find{}, errFrame
	}
	return f, nil
}

func parseResume(b []byte) (resume, error) {
	r := reader{b: b}
	v := resume{session: id.Session(r.u64()), stream: r.u8(), turn: r.u64(), received: r.u32(), live: r.bool(), typ: r.string()}
	if !r.end() || v.stream == 0 || v.typ == "" {
		return resume{}, errFrame
	}
	return v, nil
}

func parseFound(b []byte) (id.Session, Found, error) {
	r := reader{b: b}
	session, f := id.Session(r.u64()), Found{Stream: r.u8()}
	f.Found, f.Received, f.Since, f.Epoch = r.bool(), r.u32(), time.UnixMilli(int64(r.u64())), r.u64()
	if !r.end() || f.Stream == 0 {
		return 0, Found{}, errFrame
	}
	return session, f, nil
}

func parseOwn(b []byte) (own, error) {
	r := reader{b: b}
	o := own{session: id.Session(r.u64()), stream: r.u8(), epoch: r.u64(), owned: r.string()}
	if !r.end() || o.stream == 0 || o.epoch == 0 {
		return own{}, errFrame
	}
	return o, nil
}

// parsePlace reads what follows opHold or opHeld.
func parsePlace(b []byte) (place, error) {
	r := reader{b: b}
	p := place{session: id.Session(r.u64()), stream: r.u8()}
	if !r.end() || p.stream == 0 {
		return place{}, errFrame
	}
	return p, nil
}

func parseMove(b []byte) (move, error) {
	r := reader{b: b}
	m := move{place: place{session: id.Session(r.u64()), stream: r.u8()}, node: id.Node(r.u16()), sent: r.u32()}
	if !r.end() || m.stream == 0 || m.node == 0 {
		return move{}, errFrame
	}
	return m, nil
}

// parsePacket reads what follows opForward, if fromClient, or opDeliver.
func parsePacket(b []byte, fromClient bool) (packet, error) {
	r := reader{b: b}
	p := packet{session: id.Session(r.u64()), head: r.head()}
	p.body = r.rest()
	p.head.Size = len(p.body)
	if r.short || !travels(p.head, fromClient) {
		return packet{}, errFrame
	}
	return p, nil
}

// parseTraced reads what follows opTraced. A trace that is none is no reason to refuse the message.
func parseTraced(b []byte) (trace.Ref, packet, error) {
	if len(b) < trace.RefSize {
		return trace.Ref{}, packet{}, errFrame
	}
	p, err := parsePacket(b[trace.RefSize:], true)
	return trace.ParseRef(b), p, err
}

// parseMulticast appends the sessions to scratch, whose memory it so uses again.
func parseMulticast(b []byte, scratch []id.Session) (wire.Header, []id.Session, []byte, error) {
	r := reader{b: b}
	h := r.head()
	n := int(r.u16())
	if r.short || len(r.b) < 8*n || h.Stream == 0 || !pushed(h) {
		return wire.Header{}, nil, nil, errFrame
	}
	for range n {
		scratch = append(scratch, id.Session(r.u64()))
	}
	h.Size = len(r.b)
	return h, scratch, r.b, nil
}

func parseBroadcast(b []byte) (wire.Header, []byte, error) {
	r := reader{b: b}
	h := r.head()
	h.Size = len(r.b)
	if r.short || h.Stream != 0 || !pushed(h) {
		return wire.Header{}, nil, errFrame
	}
	return h, r.b, nil
}

func parseBind(b []byte) (bind, error) {
	r := reader{b: b}
	v := bind{session: id.Session(r.u64()), node: id.Node(r.u16()), typ: r.string()}
	if !r.end() || v.node == 0 || v.typ == "" {
		return bind{}, errFrame
	}
	return v, nil
}

func parseUnbind(b []byte) (bind, error) {
	r := reader{b: b}
	v := bind{session: id.Session(r.u64()), typ: r.string()}
	if !r.end() || v.typ == "" {
		return bind{}, errFrame
	}
	return v, nil
}

func parseKick(b []byte) (kick, error) {
	r := reader{b: b}
	k := kick{session: id.Session(r.u64()), code: fault.Code(r.u16()), reason: string(r.rest())}
	if r.short || len(k.reason) > maxReason {
		return kick{}, errFrame
	}
	return k, nil
}

// travels reports whether a message with the header may be on a line, from the client or to it.
func travels(h wire.Header, fromClient bool) bool {
	if h.Stream == 0 || h.Kind.Carries() == (h.Message == 0) {
		return false
	}
	if fromClient {
		return h.Kind == wire.Send || h.Kind == wire.Request
	}
	return h.Kind == wire.Push || h.Kind == wire.Reply || h.Kind == wire.Error
}

// pushed reports whether the header is one of a message to many: a push that has no number, as its receivers would each need their own.
func pushed(h wire.Header) bool {
	return h.Kind == wire.Push && h.Message != 0 && h.Call == 0 && h.Sequence == 0
}

// A reader takes values off the front of b. After it has run short it returns zeros.
type reader struct {
	b     []byte
	short bool
}

var zeros [headSize]byte

// take returns the next n bytes, n <= headSize or bounded by a length byte.
func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.short, r.b = true, nil
		return zeros[:min(n, headSize)]
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() uint8   { return r.take(1)[0] }
func (r *reader) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

func (r *reader) bool() bool {
	v := r.u8()
	r.short = r.short || v > 1
	return v == 1
}

func (r *reader) string() string {
	n := int(r.u8())
	if n > maxType {
		r.short = true
		return ""
	}
	s := r.take(n)
	if r.short {
		return ""
	}
	return string(s)
}

// address is one as it is written by us, or none.
func (r *reader) address() netip.Addr {
	text := r.string()
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.String() != text {
		r.short = true
	}
	return a
}

func (r *reader) head() wire.Header {
	b := r.take(headSize)
	return wire.Header{
		Kind:     wire.Kind(b[0]),
		Stream:   b[1],
		Message:  binary.BigEndian.Uint16(b[2:]),
		Call:     binary.BigEndian.Uint32(b[4:]),
		Sequence: binary.BigEndian.Uint32(b[8:]),
	}
}

func (r *reader) info() SessionInfo {
	s := SessionInfo{ID: id.Session(r.u64()), Stream: r.u8(), Resets: r.u32()}
	s.Grace, s.Turn = time.Duration(r.u32())*time.Millisecond, r.u64()
	s.Player, s.Account, s.Area = int64(r.u64()), int64(r.u64()), r.u16()
	s.Type = r.string()
	s.Address = r.address()
	s.Way = r.string()
	return s
}

func (r *reader) rest() []byte {
	b := r.b
	r.b = nil
	return b
}

// end reports whether everything was there and nothing is left.
func (r *reader) end() bool { return !r.short && len(r.b) == 0 }
