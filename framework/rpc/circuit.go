package rpc

import (
	"encoding/binary"
	"sync"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
)

// A circuit is a link between two nodes that hold none: it consists of two, from the caller to a relay and from there to the callee, and frames on it are those of a direct
// link behind eight bytes that say which circuit they are of. Whoever dialed a link numbers the circuits on it.
//
//	caller                        relay                         callee
//	  ── open 7: node, boot ──────►  (dials, unless linked)
//	                                ── accept 3: the caller ─────►
//	  ◄──────────────── opened 7 ──
//	  ── data 7: call ────────────►── data 3: call ──────────────►
//	  ◄──────────── data 7: reply ──◄───────────── data 3: reply ──
//	  ◄──────────────── closed 7 ──   when the link to the callee ends, and the reverse
//
// A circuit frame, big-endian:
//
//	 0 u8  kindCircuit
//	 1 u8  op
//	 2 u16 0
//	 4 u32 circuit, never 0
//
//	open:    8 u16 node, 10 u64 boot, of the callee
//	accept:  8 u16 node, 10 u64 boot, 18 type, of the caller
//	closed:  8 u16 code, 10 the message
//	data:    8 a frame, of which the relay reads the head only
//	opened, retire: nothing more
const (
	circuitHead = 8
	partySize   = circuitHead + 10
)

const kindCircuit kind = 16

type circuitOp uint8

const (
	opOpen circuitOp = 1 + iota
	opAccept
	opOpened
	opClosed
	opRetire // the relay is about to stop: what is under way ends, new calls go another way
	opData
)

type circuitFrame struct {
	op    circuitOp
	id    uint32
	party link.Peer
	code  fault.Code
	body  []byte // points into what was parsed
}

func isCircuit(b []byte) bool { return len(b) > 0 && kind(b[0]) == kindCircuit }

func parseCircuit(b []byte) (circuitFrame, error) {
	if len(b) < circuitHead || b[2] != 0 || b[3] != 0 {
		return circuitFrame{}, errFrame
	}
	f := circuitFrame{op: circuitOp(b[1]), id: binary.BigEndian.Uint32(b[4:])}
	ok := f.id != 0
	switch f.op {
	case opOpen, opAccept:
		if ok = ok && len(b) >= partySize && (f.op == opAccept || len(b) == partySize); ok {
			f.party = link.Peer{Node: id.Node(binary.BigEndian.Uint16(b[8:])), Boot: id.Boot(binary.BigEndian.Uint64(b[10:])), Type: string(b[partySize:])}
			ok = f.party.Node != 0 && f.party.Boot != 0
		}
	case opClosed:
		if ok = ok && len(b) >= circuitHead+2; ok {
			f.code, f.body = fault.Code(binary.BigEndian.Uint16(b[8:])), b[circuitHead+2:]
			ok = f.code != fault.OK
		}
	case opData:
		f.body = b[circuitHead:]
	case opOpened, opRetire:
		ok = ok && len(b) == circuitHead
	default:
		ok = false
	}
	if !ok {
		return circuitFrame{}, errFrame
	}
	return f, nil
}

func appendCircuit(b []byte, op circuitOp, id uint32) []byte {
	b = append(b, byte(kindCircuit), byte(op), 0, 0)
	return binary.BigEndian.AppendUint32(b, id)
}

func appendParty(b []byte, op circuitOp, id uint32, p link.Peer) []byte {
	b = appendCircuit(b, op, id)
	b = binary.BigEndian.AppendUint16(b, uint16(p.Node))
	b = binary.BigEndian.AppendUint64(b, uint64(p.Boot))
	if op == opAccept {
		b = append(b, p.Type...)
	}
	return b
}

func appendClosed(b []byte, id uint32, err error) []byte {
	code, text := fault.Outside(err)
	b = binary.BigEndian.AppendUint16(appendCircuit(b, opClosed, id), uint16(code))
	return append(b, text...)
}

// maxCircuits is how many circuits one link carries at most: more than there are nodes.
const maxCircuits = 1 << 16

// circuits is the ends of the circuits on one link, by number.
type circuits[E any] struct {
	mu     sync.Mutex
	ends   map[uint32]E
	last   uint32
	closed error
}

// add gives e a number; for the side that dialed.
func (s *circuits[E]) add(e E) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return 0, s.closed
	}
	if len(s.ends) >= maxCircuits {
		return 0, fault.Errorf(fault.Overloaded, "%d circuits on one link", len(s.ends))
	}
	for {
		s.last++
		if _, taken := s.ends[s.last]; s.last != 0 && !taken {
			s.put(s.last, e)
			return s.last, nil
		}
	}
}

// take enters e under the number that the other side gave it; false when that cannot be.
func (s *circuits[E]) take(id uint32, e E) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.ends[id]; taken || s.closed != nil || len(s.ends) >= maxCircuits {
		return false
	}
	s.put(id, e)
	return true
}

func (s *circuits[E]) put(id uint32, e E) {
	if s.ends == nil {
		s.ends = map[uint32]E{}
	}
	s.ends[id] = e
}

func (s *circuits[E]) get(id uint32) (E, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.ends[id]
	return e, ok
}

func (s *circuits[E]) remove(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ends, id)
}

// close returns every end, and refuses those to come.
func (s *circuits[E]) close(err error) []E {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = err
	var all []E
	for _, e := range s.ends {
		all = append(all, e)
	}
	s.ends = nil
	return all
}

// touched is the links that frames were appended to during one read, to be flushed once when it is over.
type touched []*link.Conn

func (t *touched) add(c *link.Conn) {
	for _, other := range *t {
		if other == c {
			return
		}
	}
	*t = append(*t, c)
}

func (t *touched) flush() {
	for i, c := range *t {
		c.Flush()
		(*t)[i] = nil
	}
	*t = (*t)[:0]
}
