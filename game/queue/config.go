package queue

import (
	"errors"
	"fmt"
	"time"

	"loumiao/framework/lease"
)

// Config says how many players get in, and how fast.
type Config struct {
	// Capacity is how many players may be inside an area, passes that are not used yet included. 0: as many as come.
	Capacity int `yaml:"capacity"`
	// Rate is how many players a second are let into an area. 0: as fast as there is room.
	Rate int `yaml:"rate"`
	// PassTTL is how long a pass may be used. Default 30 s.
	PassTTL time.Duration `yaml:"pass_ttl"`
	// Grace is how long a player who lost his connection keeps his number in the queue, and how long one keeps his place inside when no world names him
	// any more. Default 60 s.
	Grace time.Duration `yaml:"grace"`
	// UpdateEvery is how often those who wait are told where they stand. Default 2 s.
	UpdateEvery time.Duration `yaml:"update_every"`
	// Tick is the pause between two admissions. Default 200 ms.
	Tick time.Duration `yaml:"tick"`
	// Settle is how long nobody is let in after another node took over, so that those who wait can come back to it. Default 3 s.
	Settle time.Duration `yaml:"settle"`
	// Rebuild is how long nobody is let in after Redis has lost its memory: longer than worlds take to report who is inside. Default 15 s.
	Rebuild time.Duration `yaml:"rebuild"`
	// Lease says how soon another node takes over from one that has died.
	Lease lease.Config `yaml:"lease"`
}

func or(value, fallback time.Duration) time.Duration {
	if value == 0 {
		return fallback
	}
	return value
}

// WithDefaults is the configuration with its zero fields at their defaults.
func (c Config) WithDefaults() Config {
	c.PassTTL = or(c.PassTTL, 30*time.Second)
	c.Grace = or(c.Grace, time.Minute)
	c.UpdateEvery = or(c.UpdateEvery, 2*time.Second)
	c.Tick = or(c.Tick, 200*time.Millisecond)
	c.Settle = or(c.Settle, 3*time.Second)
	c.Rebuild = or(c.Rebuild, 15*time.Second)
	return c
}

const maxRate = 1_000_000 // a second

// Validate names everything that is wrong with a configuration, after defaults.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("queue."+format, args...))
		}
	}
	wrong(c.Capacity < 0, "capacity: %d is negative", c.Capacity)
	wrong(c.Rate < 0 || c.Rate > maxRate, "rate: %d is not between 0 and %d", c.Rate, maxRate)
	wrong(c.PassTTL < time.Second, "pass_ttl: %v is under 1s", c.PassTTL)
	wrong(c.Grace < time.Second, "grace: %v is under 1s", c.Grace)
	wrong(c.Tick < 10*time.Millisecond || c.Tick > 10*time.Second, "tick: %v is not between 10ms and 10s", c.Tick)
	wrong(c.UpdateEvery < c.Tick, "update_every: %v is under the tick of %v", c.UpdateEvery, c.Tick)
	wrong(c.Settle < 0, "settle: %v is negative", c.Settle)
	wrong(c.Rebuild < 0, "rebuild: %v is negative", c.Rebuild)
	if err := c.Lease.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("queue.lease: %w", err))
	}
	return errors.Join(errs...)
}
