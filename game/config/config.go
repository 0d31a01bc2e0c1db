package config

import (
	"fmt"

	"loumiao/framework/lease"
)

// Config is the centre's settings. Its zero value is good.
type Config struct {
	// Lease says how soon another node takes over from one that has died.
	Lease lease.Config `yaml:"lease"`
}

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	if err := c.Lease.Validate(); err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	return nil
}
