package goods

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Config is the rules.
type Config struct {
	Slots  int64            `yaml:"slots" doc:"how many slots a player's bag has, 1 to 10000"`
	Rename map[string]int64 `yaml:"rename" doc:"what a new name costs, by currency"`
}

// Defaults is the sample game's rules.
func Defaults() Config { return Config{Slots: 50, Rename: map[string]int64{"gold": 50}} }

const (
	maxSlots  = 10_000
	maxAmount = 1_000_000_000 // as in the design tables
	maxFee    = 16            // currencies in a fee
)

var name = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Slots < 1 || c.Slots > maxSlots {
		bad("slots: is %d; must be 1 to %d", c.Slots, maxSlots)
	}
	if len(c.Rename) > maxFee {
		bad("rename: are %d currencies; must be at most %d", len(c.Rename), maxFee)
	}
	for _, currency := range slices.Sorted(maps.Keys(c.Rename)) {
		if !name.MatchString(currency) {
			bad("rename: %q is not 1 to 32 lower-case letters, digits and underscores, a letter first", currency)
		}
		if n := c.Rename[currency]; n < 1 || n > maxAmount {
			bad("rename.%s: is %d; must be 1 to %d", currency, n, maxAmount)
		}
	}
	return errors.Join(errs...)
}
