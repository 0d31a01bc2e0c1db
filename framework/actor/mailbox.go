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

// A queue is a first-in first-out list of envelopes. Its owner locks it.
type queue struct{ head, tail *chunk }

func (q *queue) push(e envelope, free *chunkPool) {
	b := q.tail
	if b == nil || b.write == chunkSize {
		b = free.get()
		if q.tail == nil {
			q.head = b
		} else {
			q.tail.next = b
		}
		q.tail = b
	}
	b.envelopes[b.write] = e
	b.write++
}

// take removes the oldest chunk; nil when the queue is empty.
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

// takeOne moves the oldest envelope into b, which is empty, and reports whether there was one.
func (q *queue) takeOne(b *chunk, free *chunkPool) bool {
	head := q.head
	if head == nil {
		return false
	}
	b.envelopes[0] = head.envelopes[head.read]
	b.read, b.write = 0, 1
	head.envelopes[head.read] = envelope{}
	head.read++
	if head.read == head.write {
		free.put(q.take())
	}
	return true
}

// untake puts a chunk back, in front of all others. The chunk may be full, or partly read.
func (q *queue) untake(b *chunk) {
	b.next = q.head
	q.head = b
	if q.tail == nil {
		q.tail = b
	}
}
