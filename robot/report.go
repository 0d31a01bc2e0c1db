package robot

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Report is what a run has shown. It is also good as JSON.
type Report struct {
	Login      string          `json:"login"`
	Robots     int             `json:"robots"`
	Seed       int64           `json:"seed"`
	Seconds    float64         `json:"seconds"`
	Funnel     []Step          `json:"funnel"`
	Requests   Figures         `json:"requests"` // all of them together
	Operations []Operation     `json:"operations"`
	Invariants []InvariantSeen `json:"invariants"`
	Failures   []string        `json:"failures"` // broken invariants and thresholds; empty is good
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

// totals is how many requests there were and how many errors.
func (t *tally) totals() (requests, errors int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.requests.TotalCount(), t.errors
}

func (t *tally) report(cfg Config, took time.Duration) *Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &Report{Login: cfg.Login, Robots: cfg.Robots, Seed: cfg.Seed, Seconds: took.Seconds(), Failures: []string{}}
	for s := range stages {
		r.Funnel = append(r.Funnel, Step{stageNames[s], t.reached[s].Load()})
	}
	r.Requests = figures(t.requests, t.errors)
	for _, name := range t.order {
		op := t.operations[name]
		r.Operations = append(r.Operations, Operation{Name: name, Waits: op.waits, Examples: op.examples, Figures: figures(op.latencies, op.errors)})
	}
	for i := range invariants {
		seen := InvariantSeen{Name: invariantNames[i], Checked: t.checks[i], Broken: t.broken[i], Violations: t.violations[i]}
		r.Invariants = append(r.Invariants, seen)
		if seen.Broken > 0 {
			r.Failures = append(r.Failures, fmt.Sprintf("broken %d times: %s", seen.Broken, seen.Name))
		}
	}
	for _, threshold := range cfg.Thresholds {
		if failure := r.check(threshold); failure != "" {
			r.Failures = append(r.Failures, failure)
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

// check is how the report is over the threshold; "" if it is not. A threshold on an operation that never ran is over: it was not met.
func (r *Report) check(t Threshold) string {
	f, name := r.Requests, "all requests"
	if t.Operation != "" {
		name = t.Operation
		i := slices.IndexFunc(r.Operations, func(o Operation) bool { return o.Name == t.Operation })
		if i < 0 {
			return fmt.Sprintf("threshold %s: there was no operation %q", t, t.Operation)
		}
		f = r.Operations[i].Figures
	}
	if t.Errors {
		if float64(f.Errors) > t.Most {
			return fmt.Sprintf("threshold %s: %s had %d errors", t, name, f.Errors)
		}
		return ""
	}
	is := map[float64]float64{50: f.P50, 90: f.P90, 99: f.P99, 100: f.Max}[t.Percentile]
	if f.Count == 0 || is > t.Most {
		return fmt.Sprintf("threshold %s: %s took %.1f ms (%d measured)", t, name, is, f.Count)
	}
	return ""
}

// Failed reports whether an invariant was broken or a threshold not met.
func (r *Report) Failed() bool { return len(r.Failures) > 0 }

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "\n%d robots on %s for %.0f s, seed %d\n\n", r.Robots, r.Login, r.Seconds, r.Seed)
	for _, s := range r.Funnel {
		share := float64(s.Robots) / float64(r.Robots)
		fmt.Fprintf(w, "  %-10s %6d  %3.0f%%  %s\n", s.Name, s.Robots, 100*share, strings.Repeat("█", int(40*share+0.5)))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\n  operation\tcount\terrors\tp50 ms\tp90 ms\tp99 ms\tmax ms\t\n")
	row := func(name string, f Figures) {
		fmt.Fprintf(table, "  %s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", name, f.Count, f.Errors, f.P50, f.P90, f.P99, f.Max)
	}
	for _, waits := range []bool{false, true} {
		for _, o := range r.Operations {
			if o.Waits == waits {
				row(o.Name, o.Figures)
			}
		}
		if !waits {
			row("all requests", r.Requests)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, o := range r.Operations {
		for _, text := range slices.Sorted(maps.Keys(o.Examples)) {
			fmt.Fprintf(w, "  %s failed %d times: %s\n", o.Name, o.Examples[text], text)
		}
	}
	fmt.Fprintf(w, "\ninvariants\n")
	for _, i := range r.Invariants {
		verdict := "held"
		switch {
		case i.Broken > 0:
			verdict = fmt.Sprintf("BROKEN %d times", i.Broken)
		case i.Checked == 0:
			verdict = "not checked"
		}
		fmt.Fprintf(w, "  %s: %s (%d checks)\n", i.Name, verdict, i.Checked)
		for _, v := range i.Violations {
			fmt.Fprintf(w, "      %s\n", v)
		}
	}
	if r.Failed() {
		fmt.Fprintf(w, "\nFAILED\n")
		for _, f := range r.Failures {
			fmt.Fprintf(w, "  %s\n", f)
		}
		return nil
	}
	_, err := fmt.Fprintf(w, "\nall invariants held\n")
	return err
}
