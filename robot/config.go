package robot

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"loumiao/framework/wire"
)

// Config is one run.
type Config struct {
	// Login is the URL of the login web. Required.
	Login string
	// Charge is the URL of the charge web, where robots buy in its sandbox. "": they buy nothing; nor do they when nothing answers there.
	Charge string
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
	// Mode is what they play; of several, separated by commas, each robot takes any for each match. Default "arena".
	Mode string
	// Transport is "tcp", "ws", "kcp" or "mix", which is some of each that the gate speaks. Default "mix".
	Transport string
	// JSON is the share of sessions that are JSON, 0 to 1.
	JSON float64
	// Direct is the share of battles that a robot plays over a direct line, where there are such, 0 to 1.
	Direct float64
	// Pace is how fast robots think: 1 is as people do, 10 ten times as fast. Default 1.
	Pace float64
	// Thresholds make the run fail when the report is over one of them.
	Thresholds []Threshold
	// Progress takes a line each second, and one for each new kind of error. nil: none.
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
	if c.Pace == 0 {
		c.Pace = 1
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	return c
}

func (c Config) modes() []string { return strings.Split(c.Mode, ",") }

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	u, err := url.Parse(c.Login)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		bad("login: %q is not a URL as http://host:port", c.Login)
	}
	if u, err := url.Parse(c.Charge); c.Charge != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "") {
		bad("charge: %q is not a URL as http://host:port", c.Charge)
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
	case "", "tcp", "ws", "kcp", "mix":
	default:
		bad("transport: %q; must be tcp, ws, kcp or mix", c.Transport)
	}
	if c.Mode != "" && slices.Contains(c.modes(), "") {
		bad("mode: %q has one without a name", c.Mode)
	}
	if !(c.JSON >= 0 && c.JSON <= 1) { // so that NaN is refused too
		bad("json: %v; must be 0 to 1", c.JSON)
	}
	if !(c.Direct >= 0 && c.Direct <= 1) {
		bad("direct: %v; must be 0 to 1", c.Direct)
	}
	if !(c.Pace >= 0 && c.Pace <= 1000) {
		bad("pace: %v; must be 0 to 1000", c.Pace)
	}
	return errors.Join(errs...)
}
