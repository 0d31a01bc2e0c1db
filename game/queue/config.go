package queue

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"loumiao/framework/lease"
	"loumiao/game/api"
)

// Config says how many players get in, and how fast.
type Config struct {
	// Capacity is how many players may be inside an area, passes that are not used yet included. 0: as many as come.
	Capacity int `yaml:"capacity"`
	// Rate is how many players a second are let into an area. 0: as fast as there is room.
	Rate int `yaml:"rate"`
	// Lanes are the lines in which players wait, at most eight, the standard one first: everybody is in it whom no rule puts into another. Default: standard, with weight 1, and
	// priority, with weight 3.
	Lanes []Lane `yaml:"lanes"`
	// Floor is how many of a hundred who are let in come from the standard lane at least, while anybody waits there, whatever the weights. Default 50.
	Floor int `yaml:"floor"`
	// PassTTL is how long a pass may be used. Default 30 s.
	PassTTL time.Duration `yaml:"pass_ttl"`
	// Grace is how long a player who lost his connection keeps his number in the queue, and how long one keeps his place inside when no world names him
	// any more. Default 60 s.
	Grace time.Duration `yaml:"grace"`
	// UpdateEvery is how often those who wait are told where they stand, each at a moment of his own. Default 2 s.
	UpdateEvery time.Duration `yaml:"update_every"`
	// UpdateRate is how many of them are told in a second at most; when more wait than that allows for, each is told less often. Default 20,000.
	UpdateRate int `yaml:"update_rate"`
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
	if len(c.Lanes) == 0 {
		c.Lanes = []Lane{{Name: "standard", Weight: 1}, {Name: api.PriorityLane, Weight: 3}}
	}
	c.Floor = cmp.Or(c.Floor, 50)
	c.PassTTL = or(c.PassTTL, 30*time.Second)
	c.Grace = or(c.Grace, time.Minute)
	c.UpdateEvery = or(c.UpdateEvery, 2*time.Second)
	c.UpdateRate = cmp.Or(c.UpdateRate, 20_000)
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
	wrong(c.UpdateRate < 1 || c.UpdateRate > maxRate, "update_rate: %d is not between 1 and %d", c.UpdateRate, maxRate)
	wrong(c.Settle < 0, "settle: %v is negative", c.Settle)
	wrong(c.Rebuild < 0, "rebuild: %v is negative", c.Rebuild)
	wrong(c.Floor < 1 || c.Floor > 99, "floor: %d is not between 1 and 99", c.Floor)
	wrong(len(c.Lanes) > maxLanes, "lanes: %d are more than %d", len(c.Lanes), maxLanes)
	names := map[string]bool{}
	for i, lane := range c.Lanes {
		wrong(!laneName.MatchString(lane.Name) || names[lane.Name], "lanes[%d].name: %q is not up to 32 small letters, digits and '-', or not the only one", i, lane.Name)
		wrong(lane.Weight < 1 || lane.Weight > maxWeight, "lanes[%d].weight: %d is not between 1 and %d", i, lane.Weight, maxWeight)
		names[lane.Name] = true
	}
	if err := c.Lease.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("queue.lease: %w", err))
	}
	return errors.Join(errs...)
}
