package robot

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	var b bytes.Buffer // which takes everything, so that only the one Write at the end can fail
	fmt.Fprintf(&b, "\n%s on %s for %.0f s, seed %d", r.crowd(), r.Login, r.Seconds, r.Seed)
	if r.Interrupted {
		b.WriteString(", interrupted")
	}
	b.WriteString("\n\n")
	if r.Arrivals != nil {
		fmt.Fprintf(&b, "  %s\n\n", r.Arrivals)
	}
	for _, s := range r.Funnel {
		share := r.share(s)
		line := fmt.Sprintf("  %-10s %6d  %3.0f%%  %s", s.Name, s.Robots, 100*share, strings.Repeat("█", int(40*share+0.5)))
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	r.printOperations(&b)
	r.printInvariants(&b)
	r.printVerdict(&b)
	_, err := w.Write(b.Bytes())
	return err
}

// crowd is how many robots played.
func (r *Report) crowd() string {
	if r.Arrivals != nil {
		return fmt.Sprintf("%g robots a second, %d at once at most,", r.Arrivals.Rate, r.Robots)
	}
	return fmt.Sprintf("%d robots", r.Robots)
}

// share is the part of those who came that have come so far.
func (r *Report) share(s Step) float64 {
	all := int64(r.Robots)
	if r.Arrivals != nil {
		all = r.Arrivals.Arrived
	}
	return float64(s.Robots) / float64(max(all, 1))
}

// String is what became of them, for people.
func (a *Arrivals) String() string {
	return fmt.Sprintf("%d arrived: %d found no room, %d visits were whole, %d failed, %d were cut short by the end; %d more were due and never made",
		a.Arrived, a.NoRoom, a.Whole, a.Failed, a.CutShort, a.Unmade)
}

// corrected is said of latencies where some count from when a robot was due.
const corrected = "* from when the robot was due, whenever it got round to it; all others from when they were sent or begun"

// shownName is the operation's name as tables have it.
func (o Operation) shownName() string {
	if o.Corrected {
		return o.Name + " *"
	}
	return o.Name
}

func (r *Report) printOperations(b *bytes.Buffer) {
	b.WriteString("\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "  operation\tcount\terrors\tp50 ms\tp90 ms\tp99 ms\tmax ms\t\n")
	row := func(name string, f Figures) {
		fmt.Fprintf(table, "  %s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", name, f.Count, f.Errors, f.P50, f.P90, f.P99, f.Max)
	}
	for _, waits := range []bool{false, true} {
		for _, o := range r.Operations {
			if o.Waits == waits {
				row(o.shownName(), o.Figures)
			}
		}
		if !waits {
			row("all requests", r.Requests)
		}
	}
	_ = table.Flush() // to a buffer
	if r.Arrivals != nil {
		fmt.Fprintf(b, "  %s\n", corrected)
	}
	if r.Requests.Errors == 0 {
		return
	}
	b.WriteString("\nerrors\n")
	for _, o := range r.Operations {
		for _, text := range slices.Sorted(maps.Keys(o.Examples)) {
			fmt.Fprintf(b, "  %s failed %s: %s\n", o.Name, times(o.Examples[text]), text)
		}
	}
}

func (r *Report) printInvariants(b *bytes.Buffer) {
	b.WriteString("\ninvariants\n")
	for _, i := range r.Invariants {
		fmt.Fprintf(b, "  %s: %s (%d checks)\n", i.Name, i.verdict(), i.Checked)
		for _, v := range i.Violations {
			fmt.Fprintf(b, "      %s\n", v)
		}
	}
}

func (r *Report) printVerdict(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n%s\n", r.verdict())
	for _, f := range r.Failures {
		fmt.Fprintf(b, "  %s\n", f)
	}
}

// verdict is what the run has come to, in a few words.
func (r *Report) verdict() string {
	switch {
	case r.Failed():
		return "FAILED"
	case r.Interrupted:
		return "interrupted; until then no invariant was broken"
	default:
		return "all invariants held"
	}
}

// verdict is whether the invariant held.
func (i InvariantSeen) verdict() string {
	switch {
	case i.Broken > 0:
		return "BROKEN " + times(i.Broken)
	case i.Checked == 0:
		return "not checked"
	default:
		return "held"
	}
}

// times is "once" or "5 times".
func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
