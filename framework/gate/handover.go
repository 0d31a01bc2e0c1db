package gate

import (
	"sync"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/wire"
)

const (
	maxHeld      = 512       // frames of one stream that wait while it moves
	maxHeldBytes = 256 << 10 // and their bytes, of bodies
	maxOwned     = 1024      // names whose newest epoch is remembered
)

// A waiting list is what a client sends on a stream while no node can take it: the stream moves to another one, or there is no line to the one that it is
// bound to (see bind.go). It belongs to the session's lock.
type waitingList struct {
	frames []waitingFrame
	bytes  int
	since  int64 // when the first of them came, by the gate's clock
	noLine bool  // it is for a line that they wait
}

type waitingFrame struct {
	head wire.Header
	body []byte
}

// wait keeps a frame, and reports false if there are too many.
func (w *waitingList) wait(h wire.Header, body []byte, now int64) bool {
	if len(w.frames) >= maxHeld || w.bytes+len(body) > maxHeldBytes {
		return false
	}
	if len(w.frames) == 0 {
		w.since = now
	}
	w.frames = append(w.frames, waitingFrame{h, append([]byte(nil), body...)})
	w.bytes += len(body)
	return true
}

// Hold has what the client sends on the stream wait, and tells the node so behind what has gone there already.
func (d downstream) Hold(from link.Peer, sid id.Session, number uint8) {
	d.onStream(from, sid, number, func(s *session, route int) {
		st := &s.streams[route]
		if st.held == nil {
			st.held = &waitingList{}
		}
		_ = d.gate.lines.Held(st.node, sid, number) // without a line the stream starts over
	})
}

// Move has the stream go on at another node. The client notices nothing; if the other node cannot take it, the stream starts over.
func (d downstream) Move(from link.Peer, sid id.Session, number uint8, node id.Node, sent uint32) {
	d.onStream(from, sid, number, func(s *session, route int) {
		held := s.streams[route].held
		s.detach(route, fault.OK)
		if err := d.gate.lines.GoOn(node, s.info(route), sent); err != nil {
			d.gate.log.Warn("a session does not go on where it was handed over to", "session", sid, "node", node, "error", err)
			s.reset(route, "the node is gone")
			return
		}
		d.gate.stats.moved.Add(1)
		d.gate.loads.add(node, 1)
		s.streams[route].node, s.streams[route].held = node, held
		s.sendHeld(route)
	})
}

// sendHeld has what has waited follow to the stream's node. It is called with the lock.
func (s *session) sendHeld(route int) {
	st := &s.streams[route]
	held := st.held
	st.held = nil
	if held == nil {
		return
	}
	for _, f := range held.frames {
		if err := s.gate.lines.Forward(st.node, s.id, f.head, f.body); err != nil {
			s.detach(route, fault.OK)
			s.reset(route, "the node cannot be reached")
			return
		}
	}
	s.gate.lines.Flush()
}

// Own notes the epoch under which a node serves a stream. A node whose epoch is older than one that was seen is not heard any more: it has been
// paused, or cut off, and does not know yet that the stream, or what it leads, is another's. The client opens the stream again.
func (d downstream) Own(from link.Peer, sid id.Session, number uint8, epoch uint64, owned string) {
	d.onStream(from, sid, number, func(s *session, route int) {
		st := &s.streams[route]
		newest := d.gate.owned.see(owned, epoch)
		if owned == "" {
			newest = max(epoch, st.epoch)
		}
		if epoch == newest {
			if owned == "" {
				st.epoch = epoch
			}
			return
		}
		d.gate.stats.fenced.Add(1)
		d.gate.log.Warn("a node serves a session under an old epoch", "session", sid, "node", from.Node, "owned", owned, "epoch", epoch, "newest", newest)
		s.detach(route, fault.Fenced)
		s.reset(route, "the session is another node's")
	})
}

// onStream calls fn with the session's lock if the stream leads to the node that it came from.
func (d downstream) onStream(from link.Peer, sid id.Session, number uint8, fn func(s *session, route int)) {
	s := d.gate.table.get(sid)
	if s == nil {
		d.gate.stats.stray.Add(1)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stream(number)
	if s.phase != open || st == nil || st.node != from.Node {
		d.gate.stats.stray.Add(1)
		return
	}
	fn(s, d.gate.routeOf[number])
	if !s.dirty {
		s.dirty = true
		d.gate.dirty.add(s)
	}
}

// owned is the newest epochs of what backends lead, by name. It is safe for concurrent use.
type owned struct {
	mu     sync.Mutex
	newest map[string]uint64
}

// see notes an epoch and returns the newest. Names beyond those that can be remembered are always new.
func (o *owned) see(name string, epoch uint64) (newest uint64) {
	if name == "" {
		return epoch
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.newest == nil {
		o.newest = map[string]uint64{}
	}
	last, known := o.newest[name]
	if known || len(o.newest) < maxOwned {
		o.newest[name] = max(last, epoch)
	}
	return max(last, epoch)
}
