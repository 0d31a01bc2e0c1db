package id

import (
	"sync/atomic"
	"time"
)

// Layout of a generated id, from the highest bit: 1 zero bit, 40 bits of milliseconds since [Epoch] (34 years), 16 bits of node,
// 7 bits of sequence. The idea is Twitter's Snowflake.
const (
	nodeBits     = 16
	sequenceBits = 7
)

// Epoch is the zero of the ids' time.
var Epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// A Generator makes ids that are unique in the cluster, positive, and roughly ordered by time. It is safe for concurrent
// use. Two generators must not run for one node at a time.
type Generator struct {
	node uint64
	last atomic.Uint64 // milliseconds<<sequenceBits | sequence of the newest id
	now  func() time.Time
}

// NewGenerator makes ids for node, by the given clock; nil is time.Now.
func NewGenerator(node Node, now func() time.Time) *Generator {
	if now == nil {
		now = time.Now
	}
	return &Generator{node: uint64(node), now: now}
}

// Next is a new id, between 1 and 1<<63-1. It does not block: beyond 128 ids in one millisecond it borrows from the next, and
// while the clock stands still or goes back it counts on from the newest id.
func (g *Generator) Next() int64 {
	for {
		last := g.last.Load()
		next := uint64(g.now().Sub(Epoch).Milliseconds()) << sequenceBits
		if next <= last {
			next = last + 1
		}
		if g.last.CompareAndSwap(last, next) {
			return int64(next>>sequenceBits<<(nodeBits+sequenceBits) | g.node<<sequenceBits | next&(1<<sequenceBits-1))
		}
	}
}

// TimeOf is when a generator made n, to the millisecond; later if it had borrowed.
func TimeOf(n int64) time.Time {
	return Epoch.Add(time.Duration(n>>(nodeBits+sequenceBits)) * time.Millisecond)
}
