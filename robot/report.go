package robot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Report is what a run has shown. It is also good as JSON.
type Report struct {
	Login   string  `json:"login"`
	Robots  int     `json:"robots"`
	Seed    int64   `json:"seed"`
	Seconds float64 `json:"seconds"`
	// Interrupted says that the run was ended before its time, so that what is missing was perhaps only still to come.
	Interrupted bool            `json:"interrupted"`
	Arrivals    *Arrivals       `json:"arrivals,omitempty"` // nil unless robots arrived at a rate
	Funnel      []Step          `json:"funnel"`
	Requests    Figures         `json:"requests"` // all of them together; errors are those of waits too
	Operations  []Operation     `json:"operations"`
	Invariants  []InvariantSeen `json:"invariants"`
	Thresholds  []ThresholdSeen `json:"thresholds"`
	Series      Series          `json:"series"`
	// Failures is why the run is not good: broken invariants and thresholds, and that nobody came through. Empty is good.
	Failures []string `json:"failures"`
}

// Arrivals are the robots that came at a rate, whatever the others did. Arrived is NoRoom, Whole, Failed and CutShort together.
type Arrivals struct {
	Rate     float64 `json:"rate"`      // a second
	Arrived  int64   `json:"arrived"`   // in all
	NoRoom   int64   `json:"no_room"`   // that were sent away, as Report.Robots were inside
	Unmade   int64   `json:"unmade"`    // that were due and never came, as this side was behind; they are not in Arrived
	Whole    int64   `json:"whole"`     // visits to their end
	Failed   int64   `json:"failed"`    // visits that an error ended
	CutShort int64   `json:"cut_short"` // visits that the end of the run ended
}

// A Step is how many robots came so far; of arrivals, how many visits.
type Step struct {
	Name   string `json:"name"`
	Robots int64  `json:"robots"`
}

// Figures are latencies, in milliseconds.
type Figures struct {
	Count  int64   `json:"count"`  // that succeeded
	Errors int64   `json:"errors"` // that failed
	P50    float64 `json:"p50_ms"`
	P90    float64 `json:"p90_ms"`
	P99    float64 `json:"p99_ms"`
	Max    float64 `json:"max_ms"`
}

// An Operation is one kind of thing that robots do.
type Operation struct {
	Name  string `json:"name"`
	Waits bool   `json:"waits"` // for other players or a turn: not a request
	// Corrected says that the latencies count from when the robot was due. All others count from when something was sent or begun.
	Corrected bool             `json:"corrected,omitempty"`
	Examples  map[string]int64 `json:"examples,omitempty"`
	Figures
}

// An InvariantSeen is an invariant and how often it was checked.
type InvariantSeen struct {
	Name       string   `json:"name"`
	Checked    int64    `json:"checked"`
	Broken     int64    `json:"broken"`
	Violations []string `json:"violations,omitempty"`
}

// A ThresholdSeen is a threshold and how the run was over it; "" is that it was not.
type ThresholdSeen struct {
	Threshold string `json:"threshold"`
	Failure   string `json:"failure,omitempty"`
}

// A Series is what happened over the time of the run, in buckets of so many seconds; the last one is perhaps not whole. There are 300 at most.
type Series struct {
	Seconds float64  `json:"bucket_seconds"`
	Buckets []Bucket `json:"buckets"`
}

// A Bucket is the requests that were answered in a part of the run, with their latencies in milliseconds to two digits, and the errors of
// requests and waits. Without requests, the latencies are 0.
type Bucket struct {
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
}

func (t *tally) report(cfg Config, took time.Duration, interrupted bool) *Report {
	givenUp, hopeless := t.hopeless()
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &Report{
		Login: cfg.Login, Robots: cfg.Robots, Seed: cfg.Seed, Seconds: took.Seconds(), Interrupted: interrupted,
		Operations: []Operation{}, Thresholds: []ThresholdSeen{}, Series: t.series.report(), Failures: []string{},
	}
	if cfg.Rate > 0 {
		arrivals := t.arrivals
		arrivals.Rate = cfg.Rate
		r.Arrivals = &arrivals
	}
	fail := func(format string, args ...any) { r.Failures = append(r.Failures, fmt.Sprintf(format, args...)) }
	for s := range stages {
		r.Funnel = append(r.Funnel, Step{stageNames[s], t.reached[s].Load()})
	}
	r.Requests = figures(t.requests, t.errors)
	for _, name := range t.order {
		op := t.operations[name]
		r.Operations = append(r.Operations, Operation{Name: name, Waits: op.waits, Corrected: op.corrected, Examples: op.examples, Figures: figures(op.latencies, op.errors)})
	}
	switch {
	case interrupted:
	case hopeless:
		fail("nobody came as far as through a gate; the last error is %s", givenUp)
	case t.reached[finished].Load() > 0:
	case t.operations["match.start"] != nil || t.operations["party.start"] != nil:
		fail("nobody finished a match")
	case !slices.ContainsFunc(t.order, func(name string) bool { return strings.HasPrefix(name, scenarioPrefix) }):
		fail("nobody played a scenario to its end")
	}
	for i := range invariants {
		seen := InvariantSeen{Name: invariantNames[i], Checked: t.checks[i], Broken: t.broken[i], Violations: t.violations[i]}
		r.Invariants = append(r.Invariants, seen)
		if seen.Broken > 0 {
			fail("broken %s: %s", times(seen.Broken), seen.Name)
		}
	}
	for _, threshold := range cfg.Thresholds {
		seen := ThresholdSeen{Threshold: threshold.String(), Failure: t.over(threshold, interrupted)}
		r.Thresholds = append(r.Thresholds, seen)
		if seen.Failure != "" {
			fail("threshold %s: %s", seen.Threshold, seen.Failure)
		}
	}
	return r
}

func figures(h *hdrhistogram.Histogram, errors int64) Figures {
	ms := func(us int64) float64 { return float64(us) / 1000 }
	return Figures{
		Count: h.TotalCount(), Errors: errors,
		P50: ms(h.ValueAtQuantile(50)), P90: ms(h.ValueAtQuantile(90)), P99: ms(h.ValueAtQuantile(99)), Max: ms(h.Max()),
	}
}

// over is how the figures are over the threshold; "" if they are not. A threshold on an operation that never ran has not been met, unless the
// run was interrupted. It is called with the lock.
func (t *tally) over(threshold Threshold, interrupted bool) string {
	f, name := figures(t.requests, t.errors), "all requests"
	if threshold.Operation != "" {
		name = threshold.Operation
		all, errors, found := newHistogram(), int64(0), false
		for _, is := range t.order {
			if threshold.covers(is) {
				all.Merge(t.operations[is].latencies)
				errors += t.operations[is].errors
				found = true
			}
		}
		if !found {
			if interrupted {
				return ""
			}
			return fmt.Sprintf("there was no operation %q", name)
		}
		f = figures(all, errors)
	}
	switch {
	case threshold.Errors && float64(f.Errors) > threshold.Most:
		return fmt.Sprintf("%s had %d errors", name, f.Errors)
	case threshold.Errors:
		return ""
	case f.Count == 0 && interrupted:
		return ""
	case f.Count == 0:
		return fmt.Sprintf("%s never succeeded", name)
	}
	is := f.Max
	switch threshold.Percentile {
	case 50:
		is = f.P50
	case 90:
		is = f.P90
	case 99:
		is = f.P99
	}
	if is > threshold.Most {
		return fmt.Sprintf("%s took %.1f ms (%d measured)", name, is, f.Count)
	}
	return ""
}

// Failed reports whether an invariant was broken, a threshold not met, or nobody came through.
func (r *Report) Failed() bool { return len(r.Failures) > 0 }
