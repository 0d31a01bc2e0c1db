package line

import (
	"encoding/binary"
	"math"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// A session's state is what one node writes and another reads when a stream moves:
//
//	version u8 (2), what follows the op in an attach frame,
//	sent u32, acked u32, received u32,
//	bindings u8, each: node u16, type string,
//	frames u32, each: length of the body u32, head, body
const stateVersion = 2

// adoptFor is how long an adopted session waits for its gate at least.
const adoptFor = 10 * time.Second

var errState = fault.New(fault.Invalid, "the state of a session cannot be read")

// appendState appends the session's state. It is called with in and mu.
func (s *Session) appendState(b []byte) []byte {
	at := len(b)
	b = appendAttach(b, SessionInfo{
		ID: s.ID, Stream: s.number, Type: s.typ, Player: s.Player, Account: s.Account, Area: s.Area, Grace: s.grace, Turn: s.turn, Resets: s.resets,
		Address: s.Address, Way: s.Way,
	})
	b[at] = stateVersion // in the op's place
	b = binary.BigEndian.AppendUint32(b, s.stream.sent)
	b = binary.BigEndian.AppendUint32(b, s.stream.acked)
	b = binary.BigEndian.AppendUint32(b, s.stream.received)
	b = append(b, byte(min(len(s.bound), math.MaxUint8)))
	bindings := 0
	for typ, node := range s.bound {
		if bindings++; bindings > math.MaxUint8 {
			break // no node has so many types
		}
		b = binary.BigEndian.AppendUint16(b, uint16(node))
		b = appendString(b, typ)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(s.stream.replay.frames))
	s.stream.replay.each(func(head, body []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		b = append(append(b, head...), body...)
	})
	return b
}

// readState makes a session of such a state, attached to nobody.
func (srv *Server) readState(b []byte) (*Session, error) {
	r := reader{b: b}
	if r.u8() != stateVersion {
		return nil, errState
	}
	info := r.info()
	if r.short || info.check() != nil {
		return nil, errState
	}
	s := newSession(srv, nil, info)
	sent, acked := r.u32(), r.u32()
	s.stream.received = r.u32()
	for range r.u8() {
		node, typ := id.Node(r.u16()), r.string()
		if node == 0 || typ == "" {
			return nil, errState
		}
		if s.bound == nil {
			s.bound = map[string]id.Node{}
		}
		s.bound[typ] = node
	}
	frames := r.u32()
	if r.short || acked > sent || frames > sent-acked {
		return nil, errState
	}
	s.stream.sent, s.stream.acked = sent-frames, acked
	for range frames {
		size := r.u32()
		if uint32(len(r.b)) < headSize || size > uint32(len(r.b))-headSize {
			return nil, errState
		}
		head, body := r.b[:headSize], r.b[headSize:headSize+size]
		r.b = r.b[headSize+size:]
		h := (&reader{b: head}).head()
		if !travels(h, false) || h.Stream != s.number || h.Sequence != s.stream.sent+1 {
			return nil, errState
		}
		s.stream.keep(head, body, srv.replay)
	}
	if !r.end() {
		return nil, errState
	}
	return s, nil
}
