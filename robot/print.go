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
	fmt.Fprintf(&b, "\n%d robots on %s for %.0f s, seed %d", r.Robots, r.Login, r.Seconds, r.Seed)
	if r.Interrupted {
		b.WriteString(", interrupted")
	}
	b.WriteString("\n\n")
	for _, s := range r.Funnel {
		share := float64(s.Robots) / float64(max(r.Robots, 1))
		line := fmt.Sprintf("  %-10s %6d  %3.0f%%  %s", s.Name, s.Robots, 100*share, strings.Repeat("█", int(40*share+0.5)))
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	r.printOperations(&b)
	r.printInvariants(&b)
	r.printVerdict(&b)
	_, err := w.Write(b.Bytes())
	return err
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
				row(o.Name, o.Figures)
			}
		}
		if !waits {
			row("all requests", r.Requests)
		}
	}
	_ = table.Flush() // to a buffer
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
		verdict := "held"
		switch {
		case i.Broken > 0:
			verdict = "BROKEN " + times(i.Broken)
		case i.Checked == 0:
			verdict = "not checked"
		}
		fmt.Fprintf(b, "  %s: %s (%d checks)\n", i.Name, verdict, i.Checked)
		for _, v := range i.Violations {
			fmt.Fprintf(b, "      %s\n", v)
		}
	}
}

func (r *Report) printVerdict(b *bytes.Buffer) {
	switch {
	case r.Failed():
		b.WriteString("\nFAILED\n")
		for _, f := range r.Failures {
			fmt.Fprintf(b, "  %s\n", f)
		}
	case r.Interrupted:
		b.WriteString("\ninterrupted; until then no invariant was broken\n")
	default:
		b.WriteString("\nall invariants held\n")
	}
}

// times is "once" or "5 times".
func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
