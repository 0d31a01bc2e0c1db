package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"loumiao/scripts/bench/harness"
)

// A Report is everything that a run found. It is written as JSON as it is.
type Report struct {
	Go       string
	Cores    int
	Rounds   int
	Seconds  float64 // that each row was measured in each round
	Load     string  // of the machine, at the begin and at the end
	Families []FamilyReport
}

// A FamilyReport is the rows of a family, and who could not be measured.
type FamilyReport struct {
	Name, Title string
	Rows        []RowReport
	Failed      []Failure
}

// A Failure is why rows of a contender are missing.
type Failure struct{ Contender, Reason string }

// A RowReport is one row of the comparison.
type RowReport struct {
	Row     Row
	Results []Result
}

// A Result is what one contender reached in one row.
type Result struct {
	Contender string
	Kind      Kind
	Samples   []harness.Sample // one a round
	Median    float64          // in the row's unit
	Low, High float64          // of all rounds
	Allocs    float64          // per operation; this and what follows are medians too
	Client    float64          // microseconds of CPU time per operation in the process that measures
	Server    float64          // the same in all others
	// OverPeer and OverLimit are how many times as good this is as the best peer, tuned or not, and as plain Go. 0: there is none.
	OverPeer, OverLimit float64
}

// cpu is the time that all processes took for one operation, in microseconds.
func (r Result) cpu() float64 { return r.Client + r.Server }

func newReport(families []Family, o options) *Report {
	r := &Report{Go: runtime.Version(), Cores: runtime.GOMAXPROCS(0), Rounds: o.turns, Seconds: o.length.Seconds(), Load: load()}
	for _, f := range families {
		fr := FamilyReport{Name: f.Name, Title: f.Title}
		for _, row := range f.Rows {
			rr := RowReport{Row: row}
			for _, c := range f.Contenders {
				rr.Results = append(rr.Results, Result{Contender: c.Name, Kind: c.Kind})
			}
			fr.Rows = append(fr.Rows, rr)
		}
		r.Families = append(r.Families, fr)
	}
	return r
}

// add takes what a contender's round has found.
func (r *Report) add(family, contender string, samples []harness.Sample, err error) {
	for i := range r.Families {
		f := &r.Families[i]
		if f.Name != family {
			continue
		}
		for _, s := range samples {
			f.add(contender, s)
		}
		if err != nil && !slices.ContainsFunc(f.Failed, func(x Failure) bool { return x.Contender == contender }) {
			f.Failed = append(f.Failed, Failure{contender, err.Error()})
		}
	}
}

func (f *FamilyReport) add(contender string, s harness.Sample) {
	for i := range f.Rows {
		for j := range f.Rows[i].Results {
			if r := &f.Rows[i].Results[j]; f.Rows[i].Row.Name == s.Row && r.Contender == contender {
				r.Samples = append(r.Samples, s)
			}
		}
	}
}

// finish works out what the samples come to.
func (r *Report) finish() {
	r.Load += ", at the end " + load()
	for _, f := range r.Families {
		for i := range f.Rows {
			f.Rows[i].finish()
		}
	}
}

func (r *RowReport) finish() {
	r.Results = slices.DeleteFunc(r.Results, func(x Result) bool { return len(x.Samples) == 0 })
	var limit, peer float64
	for i := range r.Results {
		x := &r.Results[i]
		of := func(get func(harness.Sample) float64) (low, median, high float64) {
			values := make([]float64, len(x.Samples))
			for i, s := range x.Samples {
				values[i] = get(s)
			}
			slices.Sort(values)
			return values[0], (values[(len(values)-1)/2] + values[len(values)/2]) / 2, values[len(values)-1]
		}
		x.Low, x.Median, x.High = of(func(s harness.Sample) float64 { return s.Value })
		_, x.Allocs, _ = of(func(s harness.Sample) float64 { return s.Allocs })
		_, x.Client, _ = of(func(s harness.Sample) float64 { return s.Client })
		_, x.Server, _ = of(func(s harness.Sample) float64 { return s.Server })
		switch x.Kind {
		case Limit:
			limit = x.Median
		case Peer, Tuned:
			if peer == 0 || r.over(x.Median, peer) > 1 {
				peer = x.Median
			}
		}
	}
	for i := range r.Results {
		x := &r.Results[i]
		x.OverPeer, x.OverLimit = r.over(x.Median, peer), r.over(x.Median, limit)
	}
}

// over is how many times as good a is as b; 0 if there is no b.
func (r *RowReport) over(a, b float64) float64 {
	switch {
	case a <= 0 || b <= 0:
		return 0
	case r.Row.Higher:
		return a / b
	}
	return b / a
}

// oursFailed says which of our own rows are missing: a peer that cannot be measured is left out, but we are not.
func (r *Report) oursFailed() error {
	var errs []error
	for _, f := range r.Families {
		for _, x := range f.Failed {
			if strings.HasPrefix(x.Contender, "ours") {
				errs = append(errs, fmt.Errorf("%s: %s: %s", f.Name, x.Contender, x.Reason))
			}
		}
	}
	return errors.Join(errs...)
}

// write prints the report as Markdown.
func (r *Report) write(w io.Writer) error {
	p := &printer{w: w}
	p.line("%s, %d cores, %d rounds of %v, load %s.", r.Go, r.Cores, r.Rounds, time.Duration(r.Seconds*float64(time.Second)), r.Load)
	p.line("Ratios are how many times as good as the best peer (tuned or not), and as plain Go: below 1 is a loss.")
	for _, f := range r.Families {
		p.line("\n## %s", f.Title)
		for _, row := range f.Rows {
			p.row(row)
		}
		for _, x := range f.Failed {
			p.line("\nNot measured in full: %s: %s", x.Contender, strings.Join(strings.Fields(x.Reason), " "))
		}
	}
	p.line("\n## Ours in short\n")
	p.table("row", "ours", "", "best peer", "", "x peer", "x plain Go", "CPU us/op", "best peer's", "plain Go's")
	for _, f := range r.Families {
		for _, row := range f.Rows {
			p.short(f.Name, row)
		}
	}
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) table(columns ...string) {
	p.line("| %s |", strings.Join(columns, " | "))
	p.line("|%s", strings.Repeat("---|", len(columns)))
}

func (p *printer) row(row RowReport) {
	if len(row.Results) == 0 {
		return
	}
	p.line("\n### %s, %s\n", row.Row.Name, row.Row.Unit)
	p.table("", "median", "low to high", "allocs/op", "CPU us/op: client + server", "x peer", "x plain Go")
	for _, x := range row.Results {
		use := "| |"
		if x.Client > 0 {
			use = fmt.Sprintf("%s | %s + %s |", number(x.Allocs), number(x.Client), number(x.Server))
		}
		name := x.Contender
		if x.Kind == Ours {
			name = "**" + name + "**"
		}
		p.line("| %s | %s | %s to %s | %s %s | %s |", name, number(x.Median), number(x.Low), number(x.High), use, ratio(x.OverPeer), ratio(x.OverLimit))
	}
}

// short prints our best result of a row, and what the others have: the best peer in the row may not be the one with the least CPU time.
func (p *printer) short(family string, row RowReport) {
	value := func(a, b Result) float64 { return row.over(a.Median, b.Median) }
	us, them := row.best(value, Ours), row.best(value, Peer, Tuned)
	if us.Contender == "" {
		return
	}
	cpu := func(x Result) string {
		if x.cpu() == 0 {
			return ""
		}
		return number(x.cpu())
	}
	less := func(a, b Result) float64 { return b.cpu() / a.cpu() }
	theirs := ""
	if them.Contender != "" {
		theirs = number(them.Median)
	}
	p.line("| %s: %s, %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |", family, row.Row.Name, row.Row.Unit,
		us.Contender, number(us.Median), them.Contender, theirs, ratio(us.OverPeer), ratio(us.OverLimit), cpu(us), cpu(row.best(less, Peer, Tuned)), cpu(row.best(less, Limit)))
}

// best is the best result of the kinds, by how many times as good one is as another.
func (r *RowReport) best(over func(a, b Result) float64, kinds ...Kind) (best Result) {
	for _, x := range r.Results {
		if slices.Contains(kinds, x.Kind) && (best.Contender == "" || over(x, best) > 1) {
			best = x
		}
	}
	return best
}

// number is x to three figures.
func number(x float64) string {
	switch size := math.Abs(x); {
	case size < 0.005:
		return "0"
	case size < 9.995:
		return fmt.Sprintf("%.2f", x)
	case size < 99.95:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

func ratio(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", x)
}

// load is the machine's load average, where the system tells it.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:2], " ")
}
