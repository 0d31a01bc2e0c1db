package robot

import (
	"math"
	"strings"
	"testing"
)

func TestParseThreshold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Threshold{
		"p99=200ms":             {Percentile: 99, Most: 200},
		"p50=1.5ms":             {Percentile: 50, Most: 1.5},
		"max=1m":                {Percentile: 100, Most: 60_000},
		"p90=0":                 {Percentile: 90},
		"errors=0":              {Errors: true},
		"errors=12":             {Errors: true, Most: 12},
		"login.p50=80ms":        {Operation: "login", Percentile: 50, Most: 80},
		"login.guest.errors=3":  {Operation: "login.guest", Errors: true, Most: 3},
		"match.wait.max=2h":     {Operation: "match.wait", Percentile: 100, Most: 7_200_000},
		"an operation.p99=10us": {Operation: "an operation", Percentile: 99, Most: 0.01},
	} {
		want.text = text
		if got, err := ParseThreshold(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"":                            `there is no "="`,
		"p99":                         `there is no "="`,
		"=":                           "no such figure",
		"=5ms":                        "no such figure",
		"p98=1ms":                     "no such figure",
		"P99=1ms":                     "no such figure",
		" p99=1ms":                    "no such figure",
		"p99=":                        "no duration",
		"p99=200":                     "no duration",
		"p99=-1ms":                    "no duration",
		"p99=1ms=2ms":                 "no duration",
		"p99=9999999h":                "no duration",
		"p99=NaN":                     "no duration",
		"errors=":                     "no number",
		"errors=-1":                   "no number",
		"errors=1.5":                  "no number",
		"errors=99999999999999999999": "no number",
		".p99=1ms":                    "the operation has no name",
		"login..p99=1ms":              "the operation has no name",
		"login.=1ms":                  "no such figure",
	} {
		got, err := ParseThreshold(text)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "p99=200ms") || got != (Threshold{}) {
			t.Errorf("%q is %+v, and the error %v, which does not say %q and how it should be", text, got, err, says)
		}
	}
}

func FuzzParseThreshold(f *testing.F) {
	for _, text := range []string{"p99=200ms", "login.p50=80ms", "errors=0", "match.wait.max=5s", "a.b..p90=1h", "=", "errors=-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		threshold, err := ParseThreshold(text)
		switch {
		case err != nil:
			if threshold != (Threshold{}) {
				t.Fatalf("%+v and %v", threshold, err)
			}
		case threshold.String() != text || threshold.Most < 0 || math.IsInf(threshold.Most, 0) || math.IsNaN(threshold.Most):
			t.Fatalf("%q is %+v", text, threshold)
		case threshold.Errors == (threshold.Percentile != 0):
			t.Fatalf("%q is of %+v", text, threshold)
		}
	})
}

func TestOver(t *testing.T) {
	t.Parallel()
	full := newTally(t.Context())
	for range 99 {
		full.request("login.guest", 10*ms, nil)
	}
	full.request("login.password", 1000*ms, nil)
	full.request("login.password", 0, errAborted)
	full.wait("match.wait", 5000*ms, nil) // no request
	full.request("loginless", 9000*ms, errAborted)
	for text, says := range map[string]string{
		"p50=11ms":             "",
		"p50=9ms":              "all requests took 10.0 ms (100 measured)",
		"max=2s":               "",
		"max=999ms":            "all requests took 1000",
		"errors=2":             "",
		"errors=1":             "all requests had 2 errors",
		"login.errors=1":       "",
		"login.errors=0":       "login had 1 errors",
		"login.max=900ms":      "login took 1000",
		"login.guest.max=11ms": "",
		"login.p99=11ms":       "",
		"match.wait.max=4s":    "match.wait took 5",
		"match.max=4s":         "match took 5",
		"login.guests.max=1ms": `there was no operation "login.guests"`,
		"nothing.errors=0":     `there was no operation "nothing"`,
		"loginless.p50=1h":     "loginless never succeeded",
		"loginless.errors=1":   "",
	} {
		threshold, err := ParseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := full.over(threshold, false); (got == "") != (says == "") || !strings.Contains(got, says) {
			t.Errorf("%s: %q, want %q", text, got, says)
		}
		if got := full.over(threshold, true); got != "" && (strings.Contains(says, "there was no") || strings.Contains(says, "never")) {
			t.Errorf("%s of an interrupted run: %q", text, got)
		}
	}
}
