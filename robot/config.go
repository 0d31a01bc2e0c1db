package robot

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loumiao/framework/wire"
)

// Config is one run.
type Config struct {
	// Login is the URL of the login web. Required.
	Login string
	// Registry knows every message of the client protocol. Required.
	Registry *wire.Registry
	// Robots is how many play at once, 1 to 100,000.
	Robots int
	// For is how long they play; a match that has begun by then is played to its end. Ramp is over how long they come, spread evenly.
	For, Ramp time.Duration
	// Grace is how long the last matches may take after For. Default 2 minutes.
	Grace time.Duration
	// Seed is what everything random comes from.
	Seed int64
	// Area is where they play; 0 is the server's default.
	Area uint16
	// Mode is what they play. Default "arena".
	Mode string
	// Transport is "tcp", "ws" or "mix", which is half of each. Default "mix".
	Transport string
	// JSON is the share of robots whose sessions are JSON, 0 to 1.
	JSON float64
	// Thresholds make the run fail when the report is over one of them.
	Thresholds []Threshold
	// Progress takes a line each second. nil: none.
	Progress io.Writer
}

func (c Config) withDefaults() Config {
	if c.Mode == "" {
		c.Mode = "arena"
	}
	if c.Transport == "" {
		c.Transport = "mix"
	}
	if c.Grace == 0 {
		c.Grace = 2 * time.Minute
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	return c
}

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if u, err := url.Parse(c.Login); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad("login: %q is not a URL as http://host:port", c.Login)
	}
	if c.Registry == nil {
		bad("registry: missing")
	}
	if c.Robots < 1 || c.Robots > 100_000 {
		bad("robots: %d; must be 1 to 100000", c.Robots)
	}
	if c.For <= 0 {
		bad("for: %s; must be more than 0", c.For)
	}
	if c.Ramp < 0 || c.Ramp > c.For {
		bad("ramp: %s; must be 0 to %s", c.Ramp, c.For)
	}
	if c.Grace < 0 {
		bad("grace: %s; must not be negative", c.Grace)
	}
	switch c.Transport {
	case "", "tcp", "ws", "mix":
	default:
		bad("transport: %q; must be tcp, ws or mix", c.Transport)
	}
	if c.JSON < 0 || c.JSON > 1 {
		bad("json: %v; must be 0 to 1", c.JSON)
	}
	return errors.Join(errs...)
}

// A Threshold is the most that a figure of the report may be. See [ParseThreshold].
type Threshold struct {
	Operation  string  // "" is all requests together
	Percentile float64 // 50, 90, 99 or 100; 0 when Errors
	Errors     bool
	Most       float64 // milliseconds, or a number of errors
	text       string
}

// String is the threshold as it was given.
func (t Threshold) String() string { return t.text }

// ParseThreshold reads [OPERATION.]FIGURE=VALUE: "p99=200ms" (all requests together), "login.p50=80ms", "errors=0", "match.max=5s". Figures are
// p50, p90, p99, max and errors.
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
