package robot

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	maxBuckets   = 300         // of a series; when they are all taken, two become one
	firstWidth   = time.Second // of a bucket
	seriesDigits = 2           // that latencies of a bucket are kept to: 300 histograms of the tally's would be 60 MB
	seriesMost   = 60_000_000  // microseconds that they are kept up to; requests are given up long before
)

// A series is the requests of a run over its time, in at most maxBuckets buckets of the same width, which doubles whenever the run has
// outgrown them. So it needs as much memory after a day as after five minutes. It is not safe for concurrent use; the tally's lock is over it.
type series struct {
	width   time.Duration
	buckets []bucket
}

type bucket struct {
	errors    int64                   // of waits too
	latencies *hdrhistogram.Histogram // of requests that succeeded; nil: there was none
}

func newSeries() *series { return &series{width: firstWidth} }

// at is the bucket of a moment, counted from the beginning of the run.
func (s *series) at(since time.Duration) *bucket {
	since = max(since, 0)
	for since/s.width >= maxBuckets {
		s.halve()
	}
	for i := int(since / s.width); i >= len(s.buckets); {
		s.buckets = append(s.buckets, bucket{})
	}
	return &s.buckets[since/s.width]
}

// halve makes one bucket of two.
func (s *series) halve() {
	for i := range s.buckets {
		if i%2 == 0 {
			s.buckets[i/2] = s.buckets[i]
		} else {
			s.buckets[i/2].add(s.buckets[i])
		}
	}
	left := (len(s.buckets) + 1) / 2
	clear(s.buckets[left:])
	s.buckets, s.width = s.buckets[:left], 2*s.width
}

func (b *bucket) add(other bucket) {
	b.errors += other.errors
	switch {
	case b.latencies == nil:
		b.latencies = other.latencies
	case other.latencies != nil:
		b.latencies.Merge(other.latencies)
	}
}

// request counts one that took so many microseconds.
func (b *bucket) request(us int64) {
	if b.latencies == nil {
		b.latencies = hdrhistogram.New(shortest, seriesMost, seriesDigits)
	}
	_ = b.latencies.RecordValue(min(us, seriesMost)) // within its bounds
}

// report is the series for a report.
func (s *series) report() Series {
	r := Series{Seconds: s.width.Seconds(), Buckets: []Bucket{}}
	for _, b := range s.buckets {
		shown := Bucket{Errors: b.errors}
		if b.latencies != nil {
			f := figures(b.latencies, 0)
			shown.Requests, shown.P50, shown.P99 = f.Count, f.P50, f.P99
		}
		r.Buckets = append(r.Buckets, shown)
	}
	return r
}
