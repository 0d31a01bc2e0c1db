package robot

import (
	"fmt"
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
	Funnel      []Step          `json:"funnel"`
	Requests    Figures         `json:"requests"` // all of them together; errors are those of waits too
	Operations  []Operation     `json:"operations"`
	Invariants  []InvariantSeen `json:"invariants"`
	// Failures is why the run is not good: broken invariants and thresholds, and that nobody came through. Empty is good.
	Failures []string `json:"failures"`
}

// A Step is how many robots came so far.
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
	Name     string           `json:"name"`
	Waits    bool             `json:"waits"` // for other players or a turn: not a request
	Examples map[string]int64 `json:"examples,omitempty"`
	Figures
}

// An InvariantSeen is an invariant and how often it was checked.
type InvariantSeen struct {
	Name       string   `json:"name"`
	Checked    int64    `json:"checked"`
	Broken     int64    `json:"broken"`
	Violations []string `json:"violations,omitempty"`
}

func (t *tally) report(cfg Config, took time.Duration, interrupted bool) *Report {
	givenUp, hopeless := t.hopeless()
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &Report{
		Login: cfg.Login, Robots: cfg.Robots, Seed: cfg.Seed, Seconds: took.Seconds(), Interrupted: interrupted,
		Operations: []Operation{}, Failures: []string{},
	}
	fail := func(format string, args ...any) { r.Failures = append(r.Failures, fmt.Sprintf(format, args...)) }
	for s := range stages {
		r.Funnel = append(r.Funnel, Step{stageNames[s], t.reached[s].Load()})
	}
	r.Requests = figures(t.requests, t.errors)
	for _, name := range t.order {
		op := t.operations[name]
		r.Operations = append(r.Operations, Operation{Name: name, Waits: op.waits, Examples: op.examples, Figures: figures(op.latencies, op.errors)})
	}
	switch {
	case interrupted:
	case hopeless:
		fail("nobody came as far as through a gate; the last error is %s", givenUp)
	case t.reached[finished].Load() == 0:
		fail("nobody finished a match")
	}
	for i := range invariants {
		seen := InvariantSeen{Name: invariantNames[i], Checked: t.checks[i], Broken: t.broken[i], Violations: t.violations[i]}
		r.Invariants = append(r.Invariants, seen)
		if seen.Broken > 0 {
			fail("broken %s: %s", times(seen.Broken), seen.Name)
		}
	}
	for _, threshold := range cfg.Thresholds {
		if failure := t.over(threshold, interrupted); failure != "" {
			fail("threshold %s: %s", threshold, failure)
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
