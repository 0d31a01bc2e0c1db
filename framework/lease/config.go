package lease

import (
	"errors"
	"fmt"
	"time"

	"loumiao/framework/fault"
)

// ErrFenced: somebody with a newer epoch has taken over. What was to be changed is not; stop holding it.
var ErrFenced = fault.New(fault.Fenced, "somebody else owns this now")

// A Config sets the times of a lease. Its zero value is the default.
type Config struct {
	// TTL is how long a lease outlives its holder, and so how long a crash goes unnoticed here. 0 is 10 seconds.
	TTL time.Duration `yaml:"ttl" doc:"how long a lease outlives its holder"`
	// Renew is the time between renewals. 0 is a quarter of TTL.
	Renew time.Duration `yaml:"renew" doc:"time between renewals; empty is a quarter of ttl"`
	// Margin is how long before the end a holder stops believing in its lease, which covers what clocks differ. 0 is a fifth of TTL.
	Margin time.Duration `yaml:"margin" doc:"how long before its end a holder gives a lease up; empty is a fifth of ttl"`
}

const (
	// DefaultTTL is a lease's TTL where nothing else is configured.
	DefaultTTL = 10 * time.Second
	// minTTL is the shortest lease that the embedded Redis, which expires keys ten times a second, can keep.
	minTTL = 200 * time.Millisecond
)

func (c Config) withDefaults() Config {
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	if c.Renew == 0 {
		c.Renew = c.TTL / 4
	}
	if c.Margin == 0 {
		c.Margin = c.TTL / 5
	}
	return c
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	if c.TTL < minTTL {
		errs = append(errs, fmt.Errorf("ttl: %v is less than %v", c.TTL, minTTL))
	}
	if c.Renew <= 0 || c.Margin <= 0 || c.Renew+c.Margin >= c.TTL {
		errs = append(errs, fmt.Errorf("renew: %v and margin: %v must be positive and together less than ttl, %v", c.Renew, c.Margin, c.TTL))
	}
	return errors.Join(errs...)
}
