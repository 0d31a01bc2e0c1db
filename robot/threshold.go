package robot

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Threshold is the most that a figure of the report may be. See [ParseThreshold].
type Threshold struct {
	Operation  string  // or the group of those that begin so; "" is all requests together
	Percentile float64 // 50, 90, 99 or 100; 0 when Errors
	Errors     bool
	Most       float64 // milliseconds, or a number of errors
	text       string
}

// String is the threshold as it was given.
func (t Threshold) String() string { return t.text }

// covers reports whether the threshold is about an operation.
func (t Threshold) covers(operation string) bool {
	return operation == t.Operation || strings.HasPrefix(operation, t.Operation+".")
}

// ParseThreshold reads [OPERATION.]FIGURE=VALUE: "p99=200ms" (all requests together), "login.p50=80ms" (all ways to log in),
// "login.guest.p50=80ms", "errors=0", "match.wait.max=5s". Figures are p50, p90, p99, max and errors.
func ParseThreshold(text string) (Threshold, error) {
	t := Threshold{text: text}
	bad := func(why string) (Threshold, error) {
		return Threshold{}, fmt.Errorf("threshold %q: %s; must be like p99=200ms, login.p50=80ms or errors=0", text, why)
	}
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return bad("there is no \"=\"")
	}
	figure := name
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		t.Operation, figure = name[:i], name[i+1:]
		for part := range strings.SplitSeq(t.Operation, ".") {
			if part == "" {
				return bad("the operation has no name")
			}
		}
	}
	switch figure {
	case "p50":
		t.Percentile = 50
	case "p90":
		t.Percentile = 90
	case "p99":
		t.Percentile = 99
	case "max":
		t.Percentile = 100
	case "errors":
		t.Errors = true
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil {
			return bad("the value is no number")
		}
		t.Most = float64(n)
		return t, nil
	default:
		return bad("there is no such figure")
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return bad("the value is no duration")
	}
	t.Most = float64(d) / float64(time.Millisecond)
	return t, nil
}
