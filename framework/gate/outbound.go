package gate

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

type wireMessage = proto.Message

// outbound is what waits for one client. A session that is owed nothing holds no buffer.
//
//	queue ──► pending ── flush: as much as the kernel takes without waiting ──► socket
//	             │                         the rest, if any
//	             └── pending, later ─────► writer, a goroutine until nothing is left
type outbound struct {
	pending *queue // nil: nothing
	writing bool   // a writer is at work: nobody else writes
	held    int    // bytes that the writer has taken
	frames  int    // frames that the writer has taken
	last    bool   // the last frame is queued
}

// A queue is encoded frames, one after another.
type queue struct {
	b     []byte
	marks []mark
}

// A mark is the length of one frame in a queue, times two, plus one if it may be dropped.
type mark uint32

const (
	keepQueue = 64 << 10 // the largest queue that goes back to the pool, in bytes
	keepMarks = 1024
)

var queues = sync.Pool{New: func() any { return new(queue) }}

func (q *queue) release() {
	if cap(q.b) > keepQueue || cap(q.marks) > keepMarks {
		return
	}
	q.b, q.marks = q.b[:0], q.marks[:0]
	queues.Put(q)
}

// shed takes out every frame that may be dropped, and returns how many those were.
func (q *queue) shed() (dropped int) {
	from, to := 0, 0
	marks := q.marks[:0]
	for _, m := range q.marks {
		size := int(m >> 1)
		if m&1 != 0 {
			dropped++
		} else {
			to += copy(q.b[to:], q.b[from:from+size])
			marks = append(marks, m)
		}
		from += size
	}
	q.b, q.marks = q.b[:to], marks
	return dropped
}

// forget throws away what nobody will read.
func (o *outbound) forget() {
	if o.pending != nil {
		o.pending.release()
		o.pending = nil
	}
}

// queueFrame appends a frame to what waits for the client. When that is over its bounds, droppable frames go first, the oldest of them and at last this one, and
// then the session. It is called with the lock.
func (s *session) queueFrame(h wire.Header, body []byte, droppable bool) {
	if s.phase == ended || s.conn == nil {
		return
	}
	if s.full(len(body)) {
		s.flushLocked() // a batch larger than the bound is no sign of a slow client
		if s.phase == ended {
			return
		}
		if s.full(len(body)) && !s.makeRoom(len(body), droppable) {
			return
		}
	}
	o := &s.out
	if o.pending == nil {
		o.pending = queues.Get().(*queue)
	}
	q := o.pending
	before := len(q.b)
	q.b = s.conn.AppendFrame(q.b, h, body)
	m := mark(len(q.b)-before) << 1
	if droppable {
		m |= 1
	}
	q.marks = append(q.marks, m)
}

// full reports whether another frame would be too much.
func (s *session) full(body int) bool {
	o, cfg := &s.out, &s.gate.cfg
	if o.pending == nil && !o.writing {
		return false
	}
	size, frames := o.held+wire.HeaderSize+body, o.frames+1
	if o.pending != nil {
		size += len(o.pending.b)
		frames += len(o.pending.marks)
	}
	return size > cfg.MaxQueueBytes || frames > cfg.MaxQueueFrames
}

// makeRoom drops what may be dropped, and reports whether the frame has room now. A client for which even that is not enough is too slow.
func (s *session) makeRoom(body int, droppable bool) bool {
	g := s.gate
	if s.out.pending != nil {
		g.stats.dropped.Add(int64(s.out.pending.shed()))
	}
	switch {
	case !s.full(body):
		return true
	case droppable:
		g.stats.dropped.Add(1)
	default:
		g.stats.slow.Add(1)
		s.dropLocked(fault.Slow)
	}
	return false
}

// queueBytes appends bytes that are the transport's own, or an end. It is called with the lock.
func (s *session) queueBytes(b []byte) {
	if len(b) == 0 {
		return
	}
	if s.out.pending == nil {
		s.out.pending = queues.Get().(*queue)
	}
	q := s.out.pending
	q.b = append(q.b, b...)
	q.marks = append(q.marks, mark(len(b))<<1)
}

// queueLast appends the Kick frame and what the transport sends last. It is called with the lock, when the session has ended; nothing is queued after it.
func (s *session) queueLast(code fault.Code, reason string) {
	body := s.bodyOf(&wirepb.Error{Code: uint32(code), Message: reason})
	s.queueBytes(s.conn.AppendFrame(nil, wire.Header{Kind: wire.Kick}, body))
	s.queueBytes(s.conn.AppendClose(nil))
	s.out.last = true
}

func (s *session) queueReset(number uint8, reason string) {
	s.queueFrame(wire.Header{Kind: wire.Reset}, s.bodyOf(&wirepb.Reset{Stream: uint32(number), Reason: reason}), false)
}

// flush writes what waits, as far as that goes without waiting.
func (s *session) flush() {
	s.mu.Lock()
	s.flushLocked()
	s.mu.Unlock()
}

func (s *session) flushLocked() {
	o := &s.out
	if o.writing || o.pending == nil {
		return
	}
	q := o.pending
	n, err := s.conn.TryWrite(q.b)
	switch {
	case err != nil:
		s.dropLocked(fault.Lost)
	case n == len(q.b):
		s.gate.stats.bytesOut.Add(int64(n))
		o.pending = nil
		q.release()
		s.finished()
	default:
		s.takeOver(q)
		s.gate.writers.Go(func() { s.write(q, n) })
	}
}

// takeOver makes q the writer's.
func (s *session) takeOver(q *queue) {
	o := &s.out
	o.pending, o.writing, o.held, o.frames = nil, true, len(q.b), len(q.marks)
}

// write is the writer: it writes the rest of q and whatever has come meanwhile, for as long as the client takes it.
func (s *session) write(q *queue, from int) {
	for q != nil {
		size := len(q.b)
		err := s.conn.Write(q.b[from:], s.gate.cfg.SlowAfter)
		from = 0
		q.release()
		q = s.written(size, err)
	}
}

// written notes the end of a write, and returns what to write next.
func (s *session) written(size int, err error) (next *queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.out
	o.writing, o.held, o.frames = false, 0, 0
	if err != nil {
		if isTimeout(err) {
			s.gate.stats.slow.Add(1)
			s.dropLocked(fault.Slow)
		} else {
			s.dropLocked(fault.Lost)
		}
		return nil
	}
	s.gate.stats.bytesOut.Add(int64(size))
	next = o.pending
	if next == nil {
		s.finished()
		return nil
	}
	s.takeOver(next)
	return next
}

// finished closes the gate's side once the last frame is written.
func (s *session) finished() {
	if s.out.last {
		s.conn.CloseWrite(linger)
	}
}
