package robot

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"loumiao/framework/wire"
)

// Config is one run.
type Config struct {
	// Login is the URL of the login web. Required.
	Login string
	// Charge is the URL of the charge web, where robots buy in its sandbox. "": they buy nothing; nor do they when nothing answers there.
	Charge string
	// Keypoint is the URL of the keypoint web, which robots tell of their ways as configs/events.csv has them, and KeypointKey what clients write with
	// there. "": they tell nothing.
	Keypoint, KeypointKey string
	// Registry knows every message of the client protocol. Required.
	Registry *wire.Registry
	// Robots is how many play at once, 1 to 100,000. With a Rate, it is how many are inside at once at most: who arrives then and finds no room is
	// sent away, which is an error of the operation "arrival".
	Robots int
	// First is how many robots of the same seed play elsewhere and have other names than these, 0 to 1,000,000.
	First int
	// Rate is how many robots arrive a second, evenly, whatever the others do: each plays one scenario and leaves. 0 to 10,000; 0: all Robots
	// come once, as the profile says, and stay. With a rate, the profile is "soak" and Ramp means nothing.
	Rate float64
	// Profile is how many of them play when: "soak", "ramp", "step" or "spike"; see [ProfileSoak] and the others. Default "soak".
	Profile string
	// For is how long they play; a match that has begun by then is played to its end. Ramp is over how long they come in the profile
	// "soak", spread evenly.
	For, Ramp time.Duration
	// Grace is how long the last matches may take after For. Default 2 minutes.
	Grace time.Duration
	// Seed is what everything random comes from.
	Seed int64
	// Area is where they play; 0 is the server's default.
	Area uint16
	// Mix is what they play. nil: all [Scenarios], by their weights.
	Mix Mix
	// Transport is "tcp", "ws", "kcp" or "mix", which is some of each that the gate speaks. Default "mix".
	Transport string
	// JSON is the share of sessions that are JSON, 0 to 1.
	JSON float64
	// Direct is the share of battles that a robot plays over a direct line, where there are such, 0 to 1.
	Direct float64
	// Pace is how fast robots think: 1 is as people do, 10 ten times as fast. Default 1.
	Pace float64
	// Thresholds make the run fail when the report is over one of them. With a Rate, "arrival.errors=0" is one unless there is another about
	// "arrival.errors": a run in which arrivals were dropped has not shown what it should.
	Thresholds []Threshold
	// Progress takes a line each second, and one for each new kind of error. nil: none.
	Progress io.Writer

	rankedIn time.Duration // that the ranking may be behind; for tests
}

func (c Config) withDefaults() Config {
	if c.Profile == "" {
		c.Profile = ProfileSoak
	}
	if c.Transport == "" {
		c.Transport = "mix"
	}
	if c.Grace == 0 {
		c.Grace = 2 * time.Minute
	}
	if c.rankedIn == 0 {
		c.rankedIn = time.Minute // a report may be lost with the node that was to send it, and what is lost is found every half a minute
	}
	if c.Pace == 0 {
		c.Pace = 1
	}
	if c.Rate > 0 && !slices.ContainsFunc(c.Thresholds, func(t Threshold) bool { return t.Errors && t.Operation == arrivalMade }) {
		held, _ := ParseThreshold(heldToArrivals) // which is right
		c.Thresholds = append(slices.Clip(c.Thresholds), held)
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
	u, err := url.Parse(c.Login)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		bad("login: %q is not a URL as http://host:port", c.Login)
	}
	if u, err := url.Parse(c.Charge); c.Charge != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "") {
		bad("charge: %q is not a URL as http://host:port", c.Charge)
	}
	if u, err := url.Parse(c.Keypoint); c.Keypoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "") {
		bad("keypoint: %q is not a URL as http://host:port", c.Keypoint)
	}
	if (c.Keypoint == "") != (c.KeypointKey == "") {
		bad("keypoint: its URL and the key that clients write with belong together; one is missing")
	}
	if c.Registry == nil {
		bad("registry: missing")
	}
	if c.Robots < 1 || c.Robots > 100_000 {
		bad("robots: %d; must be 1 to 100000", c.Robots)
	}
	if c.First < 0 || c.First > 1_000_000 {
		bad("first: %d; must be 0 to 1000000", c.First)
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
	switch c.Profile {
	case "", ProfileSoak, ProfileRamp, ProfileStep, ProfileSpike:
	default:
		bad("profile: %q; must be soak, ramp, step or spike", c.Profile)
	}
	if !(c.Rate >= 0 && c.Rate <= 10_000) { // so that NaN is refused too
		bad("rate: %v; must be 0 to 10000", c.Rate)
	}
	if c.Rate > 0 && c.Profile != "" && c.Profile != ProfileSoak {
		bad("profile: %q; with a rate, robots come at that", c.Profile)
	}
	switch c.Transport {
	case "", "tcp", "ws", "kcp", "mix":
	default:
		bad("transport: %q; must be tcp, ws, kcp or mix", c.Transport)
	}
	if err := c.Mix.Validate(); err != nil {
		bad("mix: %w", err)
	}
	if !(c.JSON >= 0 && c.JSON <= 1) {
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
