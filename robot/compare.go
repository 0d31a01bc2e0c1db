package robot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

const (
	maxReport  = 16 << 20 // bytes of a report that is read
	leastWorse = 1.0      // milliseconds: a latency that has grown by less is never worse, whatever share that is
)

// allRequests is what a comparison calls all requests of a report together.
const allRequests = "all requests"

// ReadReport reads a report that was written as JSON, of at most 16 MiB. A report of an older or newer build is good as long as it has the
// figures; what is no report is an error.
func ReadReport(r io.Reader) (*Report, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxReport {
		return nil, fmt.Errorf("more than %d bytes, which no report has", maxReport)
	}
	report := new(Report)
	if err := json.Unmarshal(data, report); err != nil {
		return nil, fmt.Errorf("not a report as JSON: %w", err)
	}
	if len(report.Funnel) == 0 || report.Operations == nil {
		return nil, fmt.Errorf("not a report: it has no funnel or no operations")
	}
	if err := report.Requests.check(); err != nil {
		return nil, fmt.Errorf("not a report: %s: %w", allRequests, err)
	}
	seen := map[string]bool{allRequests: true}
	for _, o := range report.Operations {
		if o.Name == "" || seen[o.Name] {
			return nil, fmt.Errorf("not a report: operation %q has no name of its own", o.Name)
		}
		seen[o.Name] = true
		if err := o.check(); err != nil {
			return nil, fmt.Errorf("not a report: operation %q: %w", o.Name, err)
		}
	}
	return report, nil
}

func (f Figures) check() error {
	if f.Count < 0 || f.Errors < 0 || f.P50 < 0 || f.P90 < 0 || f.P99 < 0 || f.Max < 0 {
		return fmt.Errorf("a figure is less than 0")
	}
	return nil
}

// errorShare is the share of attempts that failed, in percent.
func (f Figures) errorShare() float64 {
	if f.Errors == 0 {
		return 0
	}
	return 100 * float64(f.Errors) / (float64(f.Count) + float64(f.Errors))
}

// latency is a percentile that reports have, in milliseconds.
func (f Figures) latency(figure string) float64 {
	switch figure {
	case "p50":
		return f.P50
	case "p90":
		return f.P90
	case "p99":
		return f.P99
	default:
		return f.Max
	}
}

// Worse is by how much a figure of a report may be worse than that of the one before. See [ParseWorse].
type Worse struct {
	Operation string // and those of the group that begin so, each for itself; "" is all requests together
	Figure    string // p50, p90, p99, max or errors
	By        float64
	text      string
}

// String is the bound as it was given.
func (w Worse) String() string { return w.text }

// ParseWorse reads [OPERATION.]FIGURE=PERCENT: "p99=20%" (all requests together may be a fifth slower), "login.p50=10%" (each way to log
// in), "errors=1%" (of attempts, one in a hundred more may fail). Figures are p50, p90, p99, max and errors.
func ParseWorse(text string) (Worse, error) {
	w := Worse{text: text}
	bad := func(why string) (Worse, error) {
		return Worse{}, fmt.Errorf("bound %q: %s; must be like p99=20%%, login.p50=10%% or errors=1%%", text, why)
	}
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return bad("there is no \"=\"")
	}
	w.Figure = name
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		w.Operation, w.Figure = name[:i], name[i+1:]
		for part := range strings.SplitSeq(w.Operation, ".") {
			if part == "" {
				return bad("the operation has no name")
			}
		}
	}
	switch w.Figure {
	case "p50", "p90", "p99", "max", "errors":
	default:
		return bad("there is no such figure")
	}
	number, ok := strings.CutSuffix(value, "%")
	by, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(by >= 0) || math.IsInf(by, 0) { // so that NaN is refused too
		return bad("the value is no share in percent")
	}
	w.By = by
	return w, nil
}

// A Comparison is what has changed from one report to the next.
type Comparison struct {
	before, after *Report
	rows          []comparedRow
	// Failures is why the later report is worse than allowed; empty is good.
	Failures []string
}

type comparedRow struct {
	name          string
	before, after *Figures // nil where the report does not have the operation
}

// Compare compares two reports. The later one has failed when
//   - a latency has grown by more than its bound, and by a millisecond or more;
//   - the share of attempts that failed has grown by more than its bound, in percentage points;
//   - a bound is on what one of the two has not measured, as what cannot be compared has not been shown to be as good;
//   - it has a broken invariant, whatever the bounds.
func Compare(before, after *Report, bounds []Worse) *Comparison {
	c := &Comparison{before: before, after: after, rows: []comparedRow{{allRequests, &before.Requests, &after.Requests}}}
	later := map[string]*Figures{}
	for i := range after.Operations {
		later[after.Operations[i].Name] = &after.Operations[i].Figures
	}
	for i := range before.Operations {
		o := &before.Operations[i]
		c.rows = append(c.rows, comparedRow{o.Name, &o.Figures, later[o.Name]})
		delete(later, o.Name)
	}
	for i := range after.Operations {
		if o := &after.Operations[i]; later[o.Name] != nil {
			c.rows = append(c.rows, comparedRow{o.Name, nil, &o.Figures})
		}
	}
	for _, bound := range bounds {
		found := false
		for _, row := range c.rows {
			if !bound.covers(row.name) {
				continue
			}
			found = true
			if why := bound.broken(row); why != "" {
				c.Failures = append(c.Failures, fmt.Sprintf("%s: %s %s", bound, row.name, why))
			}
		}
		if !found {
			c.Failures = append(c.Failures, fmt.Sprintf("%s: neither report has an operation %q", bound, bound.Operation))
		}
	}
	for _, i := range after.Invariants {
		if i.Broken > 0 {
			c.Failures = append(c.Failures, fmt.Sprintf("broken %s: %s", times(i.Broken), i.Name))
		}
	}
	return c
}

func (w Worse) covers(name string) bool {
	if w.Operation == "" {
		return name == allRequests
	}
	return name == w.Operation || strings.HasPrefix(name, w.Operation+".")
}

// broken is how a row is worse than the bound allows; "" if it is not.
func (w Worse) broken(row comparedRow) string {
	measured := func(f *Figures) bool { return f != nil && (f.Count > 0 || w.Figure == "errors" && f.Errors > 0) }
	switch {
	case !measured(row.before):
		return "was not measured before"
	case !measured(row.after):
		return "is not measured any more"
	case w.Figure == "errors":
		was, is := row.before.errorShare(), row.after.errorShare()
		if is-was > w.By {
			return fmt.Sprintf("failed in %.2f%% of attempts, and now in %.2f%%", was, is)
		}
		return ""
	}
	was, is := row.before.latency(w.Figure), row.after.latency(w.Figure)
	if is-was >= leastWorse && is > was*(1+w.By/100) {
		return fmt.Sprintf("took %.1f ms, and now %.1f ms (%s)", was, is, change(was, is))
	}
	return ""
}

// Failed reports whether the later report is worse than allowed.
func (c *Comparison) Failed() bool { return len(c.Failures) > 0 }

// Print writes the comparison for people.
func (c *Comparison) Print(w io.Writer) error {
	var b bytes.Buffer // which takes everything, so that only the one Write at the end can fail
	for _, side := range []struct {
		name string
		of   *Report
	}{{"before", c.before}, {"after", c.after}} {
		fmt.Fprintf(&b, "%-6s  %s on %s for %.0f s, seed %d", side.name, side.of.crowd(), side.of.Login, side.of.Seconds, side.of.Seed)
		if side.of.Interrupted {
			b.WriteString(", interrupted")
		}
		b.WriteString("\n")
	}
	if c.before.crowd() != c.after.crowd() {
		b.WriteString("the numbers of robots differ, so that the figures may for that reason alone\n")
	}
	b.WriteString("\neach figure before and after\n\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "  operation\tcount\t\tfailed %%\t\tp50 ms\t\t\tp99 ms\t\t\t\n")
	for _, row := range c.rows {
		fmt.Fprintf(table, "  %s", row.name)
		pair := func(format string, of func(*Figures) any) {
			for _, f := range []*Figures{row.before, row.after} {
				if f == nil {
					fmt.Fprint(table, "\t-")
				} else {
					fmt.Fprintf(table, "\t"+format, of(f))
				}
			}
		}
		pair("%d", func(f *Figures) any { return f.Count })
		pair("%.2f", func(f *Figures) any { return f.errorShare() })
		for _, figure := range []string{"p50", "p99"} {
			pair("%.1f", func(f *Figures) any { return f.latency(figure) })
			if row.before == nil || row.after == nil {
				fmt.Fprint(table, "\t-")
			} else {
				fmt.Fprintf(table, "\t%s", change(row.before.latency(figure), row.after.latency(figure)))
			}
		}
		fmt.Fprint(table, "\t\n")
	}
	_ = table.Flush() // to a buffer
	if c.Failed() {
		b.WriteString("\nWORSE\n")
		for _, f := range c.Failures {
			fmt.Fprintf(&b, "  %s\n", f)
		}
	} else {
		b.WriteString("\nnot worse than allowed\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// change is from one number to another in percent, as in "+12%"; "-" from nothing.
func change(was, is float64) string {
	if was == 0 {
		return "-"
	}
	return fmt.Sprintf("%+.0f%%", 100*(is-was)/was)
}
