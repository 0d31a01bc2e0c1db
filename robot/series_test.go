package robot

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestSeriesLosesNothing counts at random moments of runs of any length: whatever the width has become, each bucket has what happened in its time.
func TestSeriesLosesNothing(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		s := newSeries()
		length := time.Duration(1 + random.Int64N(int64(24*time.Hour)))
		if random.IntN(2) == 0 {
			length = time.Duration(1 + random.Int64N(int64(10*time.Minute)))
		}
		var requests, errors []time.Duration
		for i := range 500 {
			at := time.Duration(float64(length) * float64(i) / 500)
			if random.IntN(3) == 0 {
				at = time.Duration(random.Int64N(int64(length))) // answers come in any order
			}
			if random.IntN(4) == 0 {
				s.at(at).errors++
				errors = append(errors, at)
			} else {
				s.at(at).request(1000)
				requests = append(requests, at)
			}
		}
		r := s.report()
		if len(r.Buckets) > maxBuckets || length <= maxBuckets*firstWidth && s.width != firstWidth {
			t.Fatalf("%s are %d buckets of %s", length, len(r.Buckets), s.width)
		}
		for _, at := range requests {
			r.Buckets[at/s.width].Requests--
		}
		for _, at := range errors {
			r.Buckets[at/s.width].Errors--
		}
		for i, b := range r.Buckets {
			if b.Requests != 0 || b.Errors != 0 {
				t.Fatalf("bucket %d of %s in a run of %s is wrong by %+v", i, s.width, length, b)
			}
		}
	}
}

func TestLatenciesOfASeries(t *testing.T) {
	t.Parallel()
	s := newSeries()
	s.at(-time.Second).request(1000) // a clock that was set back
	s.at(0).request(3000)
	s.at(4 * time.Second).request(longest)
	s.at(maxBuckets*time.Second).errors++
	r := s.report()
	near := func(got, want float64) bool { return got >= want*0.99 && got <= want*1.01 }
	if r.Seconds != 2 || len(r.Buckets) != maxBuckets/2+1 {
		t.Fatalf("%d buckets of %v s", len(r.Buckets), r.Seconds)
	}
	if b := r.Buckets[0]; b.Requests != 2 || !near(b.P50, 1) || !near(b.P99, 3) {
		t.Errorf("%+v", b)
	}
	if b := r.Buckets[2]; b.Requests != 1 || !near(b.P50, seriesMost/1000) {
		t.Errorf("%+v", b)
	}
	if b := r.Buckets[1]; b != (Bucket{}) {
		t.Errorf("%+v", b)
	}
}
