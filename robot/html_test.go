package robot

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestHostileTexts has servers say what would be markup, wherever a report shows what they said.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	const hostile = `</td><script>alert("1")</script><img src=x onerror='alert(2)'>{{.Login}}`
	tl := newTally(t.Context())
	tl.connected.Store(true)
	tl.request("ask", 0, errors.New(hostile))
	tl.request(hostile, time.Millisecond, nil)
	tl.hold(oneMatch, errors.New(hostile))
	r := tl.report(Config{Login: "http://" + hostile, Robots: 1}, time.Second, false)
	r.Thresholds = append(r.Thresholds, ThresholdSeen{Threshold: hostile, Failure: hostile})
	r.Failures = append(r.Failures, hostile)
	var page bytes.Buffer
	if err := r.HTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, markup := range []string{"<script", "<img", "</td><script"} {
		if strings.Contains(page.String(), markup) {
			t.Errorf("the page has %s", markup)
		}
	}
	if escaped := strings.Count(page.String(), "&lt;script&gt;alert("); escaped != 7 {
		t.Errorf("the text is there %d times, want the error, the operation, the violation, the login, the threshold twice and the failure", escaped)
	}
}

// TestThePageNeedsNothing: it names no other resource.
func TestThePageNeedsNothing(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"<script", "<link", "src=", "href=", "url(", "@import", "http:", "https:"} {
		if strings.Contains(pageText, what) {
			t.Errorf("the page has %s", what)
		}
	}
}

func TestRoundUp(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]float64{0: 1, -1: 1, 1: 1, 1.5: 2, 3: 5, 7: 10, 100: 100, 101: 200, 0.03: 0.05} {
		if got := roundUp(v); got < want*0.999 || got > want*1.001 {
			t.Errorf("%v is rounded up to %v, want %v", v, got, want)
		}
	}
}
