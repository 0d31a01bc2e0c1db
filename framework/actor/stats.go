package actor

import (
	"math/bits"
	"reflect"
	"sync/atomic"
	"time"
)

// A kind is what all actors of one behavior in one system share: the handlers and what is counted of them.
type kind struct {
	*behavior
	routes  map[reflect.Type]*route
	unknown *route // counts messages that nobody handles

	panics   atomic.Uint64
	restarts atomic.Uint64
	rejected atomic.Uint64 // found the mailbox full
	expired  atomic.Uint64 // in the mailbox until after their deadline
	dropped  atomic.Uint64 // queued at an actor that died of a panic or could not be loaded
}

func newKind(b *behavior) *kind {
	b.freeze()
	k := &kind{behavior: b, routes: make(map[reflect.Type]*route, len(b.handlers))}
	for message, h := range b.handlers {
		k.routes[message] = &route{handler: h, name: typeName(message)}
	}
	k.unknown = &route{name: "unknown"}
	return k
}

// A route is a handler in one system, with its counts.
type route struct {
	*handler
	name   string
	shards [statShards]routeShard
}

// statShards spread the counts of one message type over cache lines, so that actors on different cores do not share one.
const statShards = 4

type routeShard struct {
	handled atomic.Uint64
	failed  atomic.Uint64
	latency histogram
	_       [64]byte
}

// A histogram counts durations in buckets that grow by four: below 1 us, 4 us, 16 us, ..., 16.8 s, and above.
type histogram struct {
	buckets [latencyBuckets + 1]atomic.Uint64
	sum     atomic.Int64 // ns
}

const latencyBuckets = 13

// latencyBound is the upper bound of a bucket.
func latencyBound(bucket int) time.Duration { return 1024 << (2 * bucket) }

func (h *histogram) observe(ns int64) {
	bucket := (bits.Len64(uint64(max(ns, 0))>>10) + 1) / 2
	h.buckets[min(bucket, latencyBuckets)].Add(1)
	h.sum.Add(ns)
}

// A census is what is known of all kinds that share a state type, and so a label.
type census struct {
	kinds          []*kind
	actors         int
	depth, deepest int
}

func (s *System) census() map[string]*census {
	all := map[string]*census{}
	s.mu.Lock()
	for _, k := range s.kinds {
		if all[k.name] == nil {
			all[k.name] = new(census)
		}
		all[k.name].kinds = append(all[k.name].kinds, k)
	}
	s.mu.Unlock()
	for _, c := range s.roster.all() {
		if l := all[c.kind.name]; l != nil {
			c.mu.Lock()
			depth := int(c.depth)
			c.mu.Unlock()
			l.actors++
			l.depth += depth
			l.deepest = max(l.deepest, depth)
		}
	}
	return all
}

func (l *census) sum(value func(*kind) uint64) (total uint64) {
	for _, k := range l.kinds {
		total += value(k)
	}
	return total
}

// routeTotal is the sum over a route's shards. Buckets are cumulative, by upper bound in seconds.
type routeTotal struct {
	handled, failed, count uint64
	sum                    int64
	buckets                map[float64]uint64
}

func (l *census) routes() map[string]*routeTotal {
	totals := map[string]*routeTotal{}
	for _, k := range l.kinds {
		k.unknown.addTo(totals)
		for _, r := range k.routes {
			r.addTo(totals)
		}
	}
	return totals
}

func (r *route) addTo(totals map[string]*routeTotal) {
	t := totals[r.name]
	if t == nil {
		t = &routeTotal{buckets: map[float64]uint64{}}
		totals[r.name] = t
	}
	for i := range r.shards {
		s := &r.shards[i]
		t.handled += s.handled.Load()
		t.failed += s.failed.Load()
		t.sum += s.latency.sum.Load()
		count := uint64(0)
		for bucket := range s.latency.buckets {
			count += s.latency.buckets[bucket].Load()
			if bucket < latencyBuckets {
				t.buckets[latencyBound(bucket).Seconds()] += count
			}
		}
		t.count += count
	}
}
