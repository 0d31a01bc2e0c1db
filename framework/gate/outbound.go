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

// A queue is encoded frames, one after another. Those that are dropped stay in it until they are more than the others, so that dropping one by one for a slow
// client does not move what is kept each time.
type queue struct {
	b     []byte
	marks []mark
	next  int // no mark before it is of a frame that can be dropped
	gone  int // bytes of frames that were dropped
	gaps  int // how many those were
}

// A mark is the length of one frame in a queue, and two bits.
type mark uint32

const (
	mayDrop  mark = 1 << iota // the frame may be dropped
	dropped                   // and was
	markBits = iota
)

func markOf(size int, droppable bool) mark {
	m := mark(size) << markBits
	if droppable {
		m |= mayDrop
	}
	return m
}

const (
	keepQueue = 64 << 10 // the largest queue that goes back to the pool, in bytes
	keepMarks = 1024

	writeAtOnce = 32 << 10 // what the writer takes at least, if there is so much, in bytes; more than a transport may hold encrypted
)

var queues = sync.Pool{New: func() any { return new(queue) }}

func (q *queue) release() {
	if cap(q.b) > keepQueue || cap(q.marks) > keepMarks {
		return
	}
	*q = queue{b: q.b[:0], marks: q.marks[:0]}
	queues.Put(q)
}

// drop drops the oldest frame that may be, and reports whether there was one.
func (q *queue) drop() bool {
	for ; q.next < len(q.marks); q.next++ {
		if m := &q.marks[q.next]; *m&(mayDrop|dropped) == mayDrop {
			*m |= dropped
			q.gone += int(*m >> markBits)
			q.gaps++
			return true
		}
	}
	return false
}

// close takes out what was dropped: before the queue is written, and when it would hold more of that than of what is kept.
func (q *queue) close() {
	if q.gaps == 0 {
		return
	}
	from, to, next := 0, 0, q.next
	marks := q.marks[:0]
	for i, m := range q.marks {
		size := int(m >> markBits)
		if m&dropped == 0 {
			to += copy(q.b[to:], q.b[from:from+size])
			marks = append(marks, m)
		} else if i < q.next {
			next--
		}
		from += size
	}
	*q = queue{b: q.b[:to], marks: marks, next: next}
}

// split cuts the queue, which is closed, where a frame begins that many bytes in or later, and returns the rest; nil if there is none.
func (q *queue) split(at int) (rest *queue) {
	size := 0
	for i, m := range q.marks {
		if size >= at {
			rest = queues.Get().(*queue)
			rest.b, rest.marks = append(rest.b, q.b[size:]...), append(rest.marks, q.marks[i:]...)
			q.b, q.marks, q.next = q.b[:size], q.marks[:i], 0
			return rest
		}
		size += int(m >> markBits)
	}
	return nil
}

// forget throws away what nobody will read.
func (o *outbound) forget() {
	if o.pending != nil {
		o.pending.release()
		o.pending = nil
	}
}

// queueFrame appends a frame to what waits for the client. When that is over its bounds, it depends on the message, as its .proto declares it: for a droppable
// one, and for any other as long as there are such, the oldest that may be dropped make room, so that the newest arrive. One that may not be dropped and has
// no room ends the session. It is called with the lock.
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
	if q.gone > len(q.b)/2 {
		q.close()
	}
	before := len(q.b)
	q.b = s.conn.AppendFrame(q.b, h, body)
	q.marks = append(q.marks, markOf(len(q.b)-before, droppable))
}

// full reports whether another frame would be too much.
func (s *session) full(body int) bool {
	o, cfg := &s.out, &s.gate.cfg
	if o.pending == nil && !o.writing {
		return false
	}
	size, frames := o.held+wire.HeaderSize+body, o.frames+1
	if o.pending != nil {
		size += len(o.pending.b) - o.pending.gone
		frames += len(o.pending.marks) - o.pending.gaps
	}
	return size > cfg.MaxQueueBytes || frames > cfg.MaxQueueFrames
}

// makeRoom drops no more than it has to of what may be dropped, the oldest first, and reports whether the frame has room now. A client for which even that
// is not enough is too slow.
func (s *session) makeRoom(body int, droppable bool) bool {
	g := s.gate
	for s.out.pending != nil && s.out.pending.drop() {
		g.stats.dropped.Add(1)
		if !s.full(body) {
			return true
		}
	}
	if droppable {
		g.stats.dropped.Add(1)
		return false
	}
	g.stats.slow.Add(1)
	s.dropLocked(fault.Slow)
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
	q.marks = append(q.marks, markOf(len(b), false))
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
	q.close()
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
		s.takeOver(q, n)
		s.gate.writers.Go(func() { s.write(q, n) })
	}
}

// takeOver makes the beginning of what is pending the writer's: from the byte that is to be written next, some and then to a frame's end. What is the
// writer's cannot be dropped any more, so that it takes no more than it is likely to be rid of soon.
func (s *session) takeOver(q *queue, from int) {
	q.close()
	o := &s.out
	o.pending = q.split(from + writeAtOnce)
	o.writing, o.held, o.frames = true, len(q.b), len(q.marks)
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
	s.takeOver(next, 0)
	return next
}

// finished closes the gate's side once the last frame is written.
func (s *session) finished() {
	if s.out.last {
		s.conn.CloseWrite(linger)
	}
}
