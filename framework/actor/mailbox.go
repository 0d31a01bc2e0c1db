package actor

import "sync"

// An envelope is one queued message.
type envelope struct {
	msg      any
	reply    Responder // nil for a tell
	deadline int64     // on the system's clock; 0 is none
}

// chunkSize is the number of envelopes that a producer and a consumer exchange under one lock. It makes a chunk fit the
// allocator's 1,024-byte class.
const chunkSize = 24

// A chunk is a short run of envelopes, of which [read, write) are queued. Chunks are recycled through a chunkPool, so that
// an actor that has nothing queued owns none.
type chunk struct {
	next        *chunk
	read, write int32
	envelopes   [chunkSize]envelope
}

func (b *chunk) len() int { return int(b.write - b.read) }

// A chunkPool recycles empty chunks.
type chunkPool struct{ pool sync.Pool }

func (p *chunkPool) get() *chunk {
	if b, ok := p.pool.Get().(*chunk); ok {
		return b
	}
	return new(chunk)
}

// put takes back a chunk whose envelopes have all been read, and cleared by whoever read them.
func (p *chunkPool) put(b *chunk) {
	b.next, b.read, b.write = nil, 0, 0
	p.pool.Put(b)
}

// A queue is a first-in first-out list of envelopes. Its owner locks it. A message that finds the queue empty, which is the
// usual case, has a place in the queue itself and needs no chunk.
type queue struct {
	one        envelope // older than the chunks
	full       bool     // there is one
	head, tail *chunk
}

func (q *queue) push(e envelope, free *chunkPool) {
	b := q.tail
	if b == nil {
		if !q.full {
			q.one, q.full = e, true
			return
		}
		b = free.get()
		q.head, q.tail = b, b
	} else if b.write == chunkSize {
		b = free.get()
		q.tail.next, q.tail = b, b
	}
	b.envelopes[b.write] = e
	b.write++
}

// takeOne moves the envelope that has a place of its own to e, and reports whether there was one.
func (q *queue) takeOne(e *envelope) bool {
	if !q.full {
		return false
	}
	*e, q.one, q.full = q.one, envelope{}, false
	return true
}

// take removes the oldest chunk; nil when there is none. takeOne comes first.
func (q *queue) take() *chunk {
	b := q.head
	if b == nil {
		return nil
	}
	if q.head = b.next; q.head == nil {
		q.tail = nil
	}
	b.next = nil
	return b
}

// pop moves the oldest envelope to e, and reports whether there was one.
func (q *queue) pop(e *envelope, free *chunkPool) bool {
	if q.takeOne(e) {
		return true
	}
	b := q.head
	if b == nil {
		return false
	}
	*e, b.envelopes[b.read] = b.envelopes[b.read], envelope{}
	if b.read++; b.read == b.write {
		free.put(q.take())
	}
	return true
}

// untake puts a chunk back in front of everything. It may be full, or partly read.
func (q *queue) untake(b *chunk, free *chunkPool) {
	if q.full {
		later := free.get()
		later.write = 1
		q.takeOne(&later.envelopes[0])
		q.untake(later, free)
	}
	if b.next = q.head; q.head == nil {
		q.tail = b
	}
	q.head = b
}
