package line

import (
	"encoding/binary"
	"sync"
)

// A replay is a queue of the frames that a client has not acknowledged. They lie one after another in chunks; a session that is owed
// nothing holds none, and chunks of the usual size go round between sessions, so that one whose client acknowledges regularly
// allocates nothing.
type replay struct {
	head, tail *chunk
	frames     int
	bytes      int // of the chunks held, used or not
}

// replayLimits bound one replay. The oldest frames make room for new ones. Both are at least 1.
type replayLimits struct {
	frames int
	bytes  int
}

const (
	chunkSize  = 1 << 10 // bytes of a usual chunk; a frame that does not fit has a chunk to itself
	recordSize = 4       // bytes of the body's length, before each frame
)

type chunk struct {
	next *chunk
	data []byte // frames; grows up to its capacity and no further
	read int    // where in data the oldest frame begins
}

var chunks = sync.Pool{New: func() any { return &chunk{data: make([]byte, 0, chunkSize)} }}

// push appends a frame. One that is over the limit by itself leaves nothing behind: it cannot be replayed, and so what was before it
// cannot either.
func (r *replay) push(head, body []byte, limits replayLimits) {
	for r.frames >= limits.frames {
		r.pop()
	}
	size := recordSize + len(head) + len(body)
	if r.tail == nil || cap(r.tail.data)-len(r.tail.data) < size {
		need := max(size, chunkSize)
		for r.frames > 0 && r.bytes+need > limits.bytes {
			r.pop()
		}
		if need > limits.bytes {
			return
		}
		r.extend(need)
	}
	c := r.tail
	c.data = binary.BigEndian.AppendUint32(c.data, uint32(len(body)))
	c.data = append(append(c.data, head...), body...)
	r.frames++
}

// pop removes the oldest frame. There must be one.
func (r *replay) pop() {
	c := r.head
	_, _, c.read = c.frame(c.read)
	r.frames--
	if c.read == len(c.data) {
		r.drop()
	}
}

// each gives the frames to fn, the oldest first.
func (r *replay) each(fn func(head, body []byte)) {
	for c := r.head; c != nil; c = c.next {
		for at := c.read; at < len(c.data); {
			head, body, next := c.frame(at)
			fn(head, body)
			at = next
		}
	}
}

// clear removes every frame.
func (r *replay) clear() {
	for r.head != nil {
		r.drop()
	}
	r.frames = 0
}

// extend adds a chunk for at least size bytes.
func (r *replay) extend(size int) {
	var c *chunk
	if size > chunkSize {
		c = &chunk{data: make([]byte, 0, size)}
	} else {
		c = chunks.Get().(*chunk)
	}
	if r.tail == nil {
		r.head = c
	} else {
		r.tail.next = c
	}
	r.tail = c
	r.bytes += cap(c.data)
}

// drop gives the oldest chunk back.
func (r *replay) drop() {
	c := r.head
	r.head = c.next
	if r.head == nil {
		r.tail = nil
	}
	r.bytes -= cap(c.data)
	if cap(c.data) == chunkSize {
		*c = chunk{data: c.data[:0]}
		chunks.Put(c)
	}
}

// frame is the frame that begins at, and where the next one does.
func (c *chunk) frame(at int) (head, body []byte, next int) {
	start := at + recordSize
	next = start + headSize + int(binary.BigEndian.Uint32(c.data[at:]))
	return c.data[start : start+headSize], c.data[start+headSize : next], next
}
