package robot

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
)

//go:embed report.html
var pageText string

// HTML writes the report as one page for browsers, which needs nothing else: no script, no style sheet and no font from anywhere. Texts that
// came from servers are escaped.
func (r *Report) HTML(w io.Writer) error {
	page, err := template.New("report").Funcs(template.FuncMap{"ms": shortMS, "operations": operationsOf}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("page of the report: %w", err)
	}
	var b bytes.Buffer // so that a page is written whole or not at all
	if err := page.Execute(&b, pageOf(r)); err != nil {
		return fmt.Errorf("page of the report: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// A page is a report as the template shows it.
type page struct {
	*Report
	Verdict    string
	Crowd      string
	Corrected  string // what the mark of corrected latencies means; "": there are none
	Steps      []pageStep
	Requests   []Operation // and all of them together
	Waits      []Operation
	Invariants []pageInvariant
	Errors     []pageError
	Charts     []chart
	Moments    []moment
}

type pageStep struct {
	Step
	Percent float64
}

type pageInvariant struct {
	InvariantSeen
	Verdict string
}

type pageError struct {
	Operation, Text string
	Count           int64
}

// operations is a table of them.
type operations struct {
	Title string
	Rows  []Operation
}

func operationsOf(title string, rows []Operation) operations { return operations{title, rows} }

// A moment is a bucket of the series and when it began.
type moment struct {
	Second float64
	Bucket
}

func pageOf(r *Report) page {
	p := page{Report: r, Verdict: r.verdict(), Crowd: r.crowd(), Charts: charts(r.Series)}
	if r.Arrivals != nil {
		p.Corrected = corrected
	}
	for _, s := range r.Funnel {
		p.Steps = append(p.Steps, pageStep{s, min(100, 100*r.share(s))})
	}
	for _, o := range r.Operations {
		for _, text := range slices.Sorted(maps.Keys(o.Examples)) {
			p.Errors = append(p.Errors, pageError{o.Name, text, o.Examples[text]})
		}
		o.Name = o.shownName()
		if o.Waits {
			p.Waits = append(p.Waits, o)
		} else {
			p.Requests = append(p.Requests, o)
		}
	}
	slices.SortStableFunc(p.Errors, func(a, b pageError) int { return int(max(min(b.Count-a.Count, 1), -1)) })
	p.Requests = append(p.Requests, Operation{Name: allRequests, Figures: r.Requests})
	for _, i := range r.Invariants {
		p.Invariants = append(p.Invariants, pageInvariant{i, i.verdict()})
	}
	for i, b := range r.Series.Buckets {
		p.Moments = append(p.Moments, moment{float64(i) * r.Series.Seconds, b})
	}
	return p
}

// Measures of a chart, in units of its drawing.
const (
	chartWidth  = 600
	chartHeight = 160
)

// A chart is lines over the time of the run.
type chart struct {
	ID, Title   string
	About       string // what there is to see, for who does not see it
	Top, Middle string // labels of the axis
	End         string // label of the end of the time
	Lines       []line
}

type line struct {
	Class, Name string
	Path        string // as SVG has it
}

// charts are those of a series; none without buckets.
func charts(s Series) []chart {
	if len(s.Buckets) == 0 || !(s.Seconds > 0) {
		return nil
	}
	perSecond := func(of func(Bucket) int64) func(Bucket) (float64, bool) {
		return func(b Bucket) (float64, bool) { return float64(of(b)) / s.Seconds, true }
	}
	latency := func(of func(Bucket) float64) func(Bucket) (float64, bool) {
		return func(b Bucket) (float64, bool) { return of(b), b.Requests > 0 }
	}
	return []chart{
		draw(s, "requests", "Requests a second", "", curve{"first", "requests", perSecond(func(b Bucket) int64 { return b.Requests })}),
		draw(s, "errors", "Errors a second", "", curve{"bad", "errors", perSecond(func(b Bucket) int64 { return b.Errors })}),
		draw(s, "latency", "Latency of requests", " ms",
			curve{"second", "p99", latency(func(b Bucket) float64 { return b.P99 })},
			curve{"first", "p50", latency(func(b Bucket) float64 { return b.P50 })}),
	}
}

// A curve is a figure of each bucket; false where a bucket has none.
type curve struct {
	class, name string
	of          func(Bucket) (float64, bool)
}

// draw draws curves as stairs, a step a bucket, so that a run of one bucket shows too and nothing is made up between two.
func draw(s Series, id, title, unit string, curves ...curve) chart {
	most := 0.0
	for _, c := range curves {
		for _, b := range s.Buckets {
			if v, is := c.of(b); is {
				most = max(most, v)
			}
		}
	}
	top := roundUp(most)
	end := float64(len(s.Buckets)) * s.Seconds
	drawn := chart{ID: id, Title: title, Top: shortNumber(top) + unit, Middle: shortNumber(top/2) + unit, End: shortNumber(end) + " s"}
	var about []string
	for _, c := range curves {
		var path strings.Builder
		highest, pen := 0.0, "M"
		for i, b := range s.Buckets {
			v, is := c.of(b)
			if !is {
				pen = "M"
				continue
			}
			highest = max(highest, v)
			x := func(i int) float64 { return float64(i) * chartWidth / float64(len(s.Buckets)) }
			fmt.Fprintf(&path, "%s%.1f %.1fH%.1f", pen, x(i), chartHeight*(1-v/top), x(i+1))
			pen = "L"
		}
		drawn.Lines = append(drawn.Lines, line{c.class, c.name, path.String()})
		about = append(about, fmt.Sprintf("%s at most %s%s", c.name, shortNumber(highest), unit))
	}
	drawn.About = fmt.Sprintf("Over %s: %s.", drawn.End, strings.Join(about, ", "))
	return drawn
}

// roundUp is the next 1, 2 or 5 times a power of ten; 1 for nothing.
func roundUp(v float64) float64 {
	if !(v > 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if v <= n*power {
			return n * power
		}
	}
	return 10 * power
}

func shortNumber(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// shortMS is a latency in milliseconds, as the printed report has it.
func shortMS(v float64) string { return fmt.Sprintf("%.1f", v) }
