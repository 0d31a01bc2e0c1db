package rpc

import (
	"maps"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/fault"
)

// A statsBook has the counters of every method that this node called or served. Looking one up takes no lock: the map is never changed, only replaced.
type statsBook struct {
	mu      sync.Mutex // of those who replace it
	methods atomic.Pointer[map[uint32]*methodStats]
}

func (b *statsBook) of(m *method) *methodStats {
	if methods := b.methods.Load(); methods != nil {
		if s := (*methods)[m.hash]; s != nil {
			return s
		}
	}
	return b.add(m)
}

func (b *statsBook) add(m *method) *methodStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := b.all()
	if s := next[m.hash]; s != nil {
		return s
	}
	s := &methodStats{name: m.name}
	next[m.hash] = s
	b.methods.Store(&next)
	return s
}

// all is a copy of the map.
func (b *statsBook) all() map[uint32]*methodStats {
	all := map[uint32]*methodStats{}
	if methods := b.methods.Load(); methods != nil {
		maps.Copy(all, *methods)
	}
	return all
}

type methodStats struct {
	name                  string
	calls, sends          outcomes
	serves, refusals      outcomes
	callTimes, serveTimes latencies
	group                 atomic.Pointer[foundGroup] // the nodes that serve it, as last looked up
}

func (s *methodStats) called(code fault.Code, d time.Duration) {
	s.calls.add(code)
	s.callTimes.add(d)
}
func (s *methodStats) sent(code fault.Code) { s.sends.add(code) }
func (s *methodStats) handled(code fault.Code, d time.Duration) {
	s.serves.add(code)
	s.serveTimes.add(d)
}
func (s *methodStats) handledSend(code fault.Code) { s.serves.add(code) }
func (s *methodStats) refused(code fault.Code)     { s.refusals.add(code) }

// outcomes counts by code. Codes of a fork are counted together.
type outcomes [32]atomic.Uint64

func (o *outcomes) add(code fault.Code) { o[min(int(code), len(o)-1)].Add(1) }

// latencies is a histogram with a bucket for each power of two microseconds, from 32 us on to 8 s.
type latencies struct {
	buckets [20]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

const firstBucket = 5 // 2^5 us

func (l *latencies) add(d time.Duration) {
	l.buckets[min(max(bits.Len64(uint64(d/time.Microsecond)), firstBucket)-firstBucket, len(l.buckets)-1)].Add(1)
	l.sum.Add(int64(d))
}

func (l *latencies) read() (count uint64, sum float64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(l.buckets)-1)
	for i := range l.buckets {
		count += l.buckets[i].Load()
		if i < len(l.buckets)-1 {
			buckets[float64(uint64(1)<<(i+firstBucket))/1e6] = count
		}
	}
	return count, float64(l.sum.Load()) / 1e9, buckets
}

type collector struct {
	rpc                             *RPC
	calls, sends, serves, refusals  *prometheus.Desc
	callTime, serveTime             *prometheus.Desc
	inFlight, running, links, unfit *prometheus.Desc
	relayed, passages               *prometheus.Desc
}

// Collector is the node's figures for Prometheus: calls made, sent and served by method and code, how long they took, and what is under way.
func (r *RPC) Collector() prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("rpc_"+name, help, labels, nil)
	}
	return &collector{
		rpc:       r,
		calls:     desc("calls_total", "Calls made, by how they ended.", "method", "code"),
		sends:     desc("sends_total", "One-way messages, by whether they could be handed to a link.", "method", "code"),
		serves:    desc("handled_total", "Requests handled, by how that ended.", "method", "code"),
		refusals:  desc("refused_total", "Requests refused before any handler saw them.", "method", "code"),
		callTime:  desc("call_seconds", "How long calls took, tries and waits included.", "method"),
		serveTime: desc("handle_seconds", "From arrival of a call to its answer.", "method"),
		inFlight:  desc("calls_in_flight", "Calls that wait for their answer."),
		running:   desc("requests_running", "Requests that handlers work on or that wait for one."),
		links:     desc("links", "Links that this node opened."),
		unfit:     desc("peers_unreachable", "Nodes that could not be reached when last tried."),
		relayed:   desc("relayed_frames_total", "Frames passed on between other nodes."),
		passages:  desc("relayed_pairs", "Pairs of a caller and a callee that this node relays for."),
	}
}

// Describe is part of prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.calls, c.sends, c.serves, c.refusals, c.callTime, c.serveTime, c.inFlight, c.running, c.links, c.unfit, c.relayed, c.passages} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.rpc.stats.all() {
		count := func(d *prometheus.Desc, o *outcomes) {
			for code := range o {
				if n := o[code].Load(); n > 0 {
					name := fault.Code(code).String()
					if code == len(o)-1 {
						name = "other"
					}
					ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), s.name, name)
				}
			}
		}
		count(c.calls, &s.calls)
		count(c.sends, &s.sends)
		count(c.serves, &s.serves)
		count(c.refusals, &s.refusals)
		for d, l := range map[*prometheus.Desc]*latencies{c.callTime: &s.callTimes, c.serveTime: &s.serveTimes} {
			if n, sum, buckets := l.read(); n > 0 {
				ch <- prometheus.MustNewConstHistogram(d, n, sum, buckets, s.name)
			}
		}
	}
	links, unfit := 0, 0
	c.rpc.mu.Lock()
	for _, p := range c.rpc.peers {
		if c := p.live.Load(); c != nil && c.circuit == 0 {
			links++
		}
		if p.bad.Load() {
			unfit++
		}
	}
	passages := len(c.rpc.passages)
	c.rpc.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(c.relayed, prometheus.CounterValue, float64(c.rpc.relayed.Load()))
	for d, v := range map[*prometheus.Desc]int{c.inFlight: c.rpc.InFlight(), c.running: c.rpc.Running(), c.links: links, c.unfit: unfit, c.passages: passages} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
	}
}
