package robot

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func bound(t *testing.T, text string) Worse {
	t.Helper()
	w, err := ParseWorse(text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestParseWorse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Worse{
		"p99=20%":              {Figure: "p99", By: 20},
		"errors=0.5%":          {Figure: "errors", By: 0.5},
		"max=0%":               {Figure: "max"},
		"login.p50=10%":        {Operation: "login", Figure: "p50", By: 10},
		"login.guest.p90=150%": {Operation: "login.guest", Figure: "p90", By: 150},
	} {
		want.text = text
		if got, err := ParseWorse(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"":               `there is no "="`,
		"p99":            `there is no "="`,
		"p98=1%":         "no such figure",
		"p99=":           "no share",
		"p99=20":         "no share",
		"p99=%":          "no share",
		"p99=-1%":        "no share",
		"p99=NaN%":       "no share",
		"p99=Inf%":       "no share",
		"p99=1%%":        "no share",
		".p99=1%":        "the operation has no name",
		"login..p99=1%":  "the operation has no name",
		"login.guest=1%": "no such figure",
	} {
		if got, err := ParseWorse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %+v, %v; want an error with %q", text, got, err, says)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	of := func(f Figures) *Report {
		return &Report{Requests: f, Operations: []Operation{{Name: "login.guest", Figures: f}}}
	}
	base := Figures{Count: 99, Errors: 1, P50: 10, P90: 20, P99: 100, Max: 200}
	with := func(change func(*Figures)) *Report { f := base; change(&f); return of(f) }
	for name, test := range map[string]struct {
		before, after *Report
		bound         string
		says          string // "": good
	}{
		"as before":             {of(base), of(base), "p99=0%", ""},
		"at the bound":          {of(base), with(func(f *Figures) { f.P99 = 120 }), "p99=20%", ""},
		"over the bound":        {of(base), with(func(f *Figures) { f.P99 = 121 }), "p99=20%", "took 100.0 ms, and now 121.0 ms (+21%)"},
		"another figure":        {of(base), with(func(f *Figures) { f.P99 = 500 }), "p50=0%", ""},
		"p90":                   {of(base), with(func(f *Figures) { f.P90 = 50 }), "p90=20%", "+150%"},
		"max":                   {of(base), with(func(f *Figures) { f.Max = 500 }), "max=20%", "+150%"},
		"a group":               {of(base), with(func(f *Figures) { f.P50 = 20 }), "login.p50=20%", "login.guest took"},
		"faster":                {of(base), with(func(f *Figures) { f.P50 = 1 }), "p50=0%", ""},
		"by less than a ms":     {of(Figures{Count: 1, P50: 0.1}), of(Figures{Count: 1, P50: 1}), "p50=0%", ""},
		"from nothing":          {of(Figures{Count: 1}), of(Figures{Count: 1, P50: 1}), "p50=900%", "took 0.0 ms, and now 1.0 ms (-)"},
		"more errors, allowed":  {of(base), with(func(f *Figures) { f.Count, f.Errors = 98, 2 }), "errors=1%", ""},
		"more errors":           {of(base), with(func(f *Figures) { f.Count, f.Errors = 97, 3 }), "errors=1%", "in 1.00% of attempts, and now in 3.00%"},
		"only errors":           {of(base), of(Figures{Errors: 5}), "errors=50%", "now in 100.00%"},
		"not measured any more": {of(base), of(Figures{Errors: 5}), "p99=20%", "is not measured any more"},
		"not measured before":   {of(Figures{}), of(base), "p99=20%", "was not measured before"},
		"gone":                  {of(base), &Report{Requests: base}, "login.guest.p50=20%", "is not measured any more"},
		"new":                   {&Report{Requests: base}, of(base), "login.guest.p50=20%", "was not measured before"},
		"unknown":               {of(base), of(base), "pay.p50=20%", `neither report has an operation "pay"`},
	} {
		c := Compare(test.before, test.after, []Worse{bound(t, test.bound)})
		if got := strings.Join(c.Failures, "\n"); c.Failed() != (test.says != "") || !strings.Contains(got, test.says) {
			t.Errorf("%s: failures are %q; want %q", name, got, test.says)
		}
	}
	broken := of(base)
	broken.Invariants = []InvariantSeen{{Name: "one match", Checked: 3, Broken: 2}}
	if c := Compare(of(base), broken, nil); len(c.Failures) != 1 || c.Failures[0] != "broken 2 times: one match" {
		t.Errorf("with a broken invariant, failures are %q", c.Failures)
	}
	if c := Compare(broken, of(base), nil); c.Failed() {
		t.Errorf("with an invariant that holds again, failures are %q", c.Failures)
	}
}

// TestComparePrinted holds a comparison of two golden reports, as people read it, against testdata.
func TestComparePrinted(t *testing.T) {
	t.Parallel()
	read := func(name string) *Report {
		f, err := os.Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := ReadReport(f)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var b bytes.Buffer
	bounds := []Worse{bound(t, "p99=20%"), bound(t, "errors=1%"), bound(t, "zone.p50=20%")}
	if err := Compare(read("good.json"), read("failed.json"), bounds).Print(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "compare.txt")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the comparison has changed; if that is meant, run the test with -update and commit %s. It is now:\n%s", path, b.String())
	}
}

func TestReadReport(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                           "not a report as JSON",
		"[]":                         "not a report as JSON",
		"null":                       "no funnel",
		"{}":                         "no funnel",
		`{"funnel":[{"name":"in"}]}`: "no operations",
		`{"funnel":[{"name":"in"}],"operations":[{"name":""}]}`:                          "no name of its own",
		`{"funnel":[{"name":"in"}],"operations":[{"name":"a"},{"name":"a"}]}`:            "no name of its own",
		`{"funnel":[{"name":"in"}],"operations":[{"name":"a","count":-1}]}`:              "less than 0",
		`{"funnel":[{"name":"in"}],"operations":[],"requests":{"p99_ms":-1}}`:            "less than 0",
		`{"funnel":[{"name":"in"}],"operations":[],"requests":{}} ` + "x":                "not a report as JSON",
		`{"funnel":[{"name":"` + strings.Repeat("x", maxReport) + `"}],"operations":[]}`: "more than",
	} {
		if _, err := ReadReport(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80q: %v; want an error with %q", text, err, says)
		}
	}
}

// FuzzReadReport reads any bytes as a report; what it takes can be compared with itself, is then no worse, and can be printed.
func FuzzReadReport(f *testing.F) {
	for _, name := range []string{"good.json", "failed.json", "nothing-at-all.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ReadReport(bytes.NewReader(data))
		if err != nil {
			return
		}
		r.Invariants = nil
		var bounds []Worse
		if r.Requests.Count > 0 {
			bounds = append(bounds, bound(t, "p99=0%"), bound(t, "errors=0%"))
		}
		c := Compare(r, r, bounds)
		if c.Failed() {
			t.Errorf("a report is worse than itself: %q", c.Failures)
		}
		if err := c.Print(io.Discard); err != nil {
			t.Error(err)
		}
	})
}
