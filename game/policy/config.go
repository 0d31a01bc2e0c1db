package policy

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"loumiao/framework/config"
	"loumiao/game/realname"
)

// What happens to accounts of which nobody is known.
const (
	unverifiedAllow  = "allow"
	unverifiedMinor  = "minor"
	unverifiedRefuse = "refuse"
)

// Config is the sample's rules.
type Config struct {
	Enabled    bool            `yaml:"enabled" doc:"hold the rules below; off: everybody plays and pays"`
	Registry   realname.Config `yaml:"registry"`
	PersonKey  config.Secret   `yaml:"person_key" doc:"32 random bytes in hexadecimal, which keep it from being told whose number a stored digest is of; never changed, or who has two accounts counts as two; empty: made up by the program"`
	Unverified string          `yaml:"unverified" oneof:"allow minor refuse" doc:"accounts of which nobody is known: allow, as adults; minor, as the youngest; refuse, no login"`
	AdultAge   int             `yaml:"adult_age" min:"1" max:"99" doc:"from this age on, in years, nothing below holds"`
	Playtime   PlaytimeConfig  `yaml:"playtime"`
	Spending   SpendingConfig  `yaml:"spending"`
}

// PlaytimeConfig is when and how long minors play.
type PlaytimeConfig struct {
	Daily time.Duration `yaml:"daily" min:"0s" max:"24h" doc:"how long minors may play a day; 0s: no bound"`
	From  int           `yaml:"from" min:"0" max:"23" doc:"hour of the area's clock from which minors may play"`
	To    int           `yaml:"to" min:"1" max:"24" doc:"hour of the area's clock from which they may not; after playtime.from"`
}

// SpendingConfig is what minors may spend.
type SpendingConfig struct {
	Currency string `yaml:"currency" doc:"the one currency in which minors may buy, as CNY; empty: no bounds"`
	Bands    []Band `yaml:"bands" doc:"what minors may spend, each the first band that he is young enough for; minors older than all may spend what they like"`
}

// A Band is what those of an age may spend, in minor units of the currency.
type Band struct {
	Under    int   `yaml:"under" doc:"age in years from which the band does not hold"`
	PerOrder int64 `yaml:"per_order" doc:"the most that one order may cost; 0: they may not buy at all"`
	PerMonth int64 `yaml:"per_month" doc:"the most that the orders of a month may cost; 0: no bound of its own"`
}

// Defaults is rules that are off, with numbers that are usual where there are such laws.
func Defaults() Config {
	return Config{
		Unverified: unverifiedAllow, AdultAge: 18,
		Playtime: PlaytimeConfig{Daily: 90 * time.Minute, From: 8, To: 22},
		Spending: SpendingConfig{Currency: "CNY", Bands: []Band{{Under: 8}, {Under: 16, PerOrder: 5000, PerMonth: 20_000}, {Under: 18, PerOrder: 10_000, PerMonth: 40_000}}},
	}
}

var currencyName = regexp.MustCompile(`^[A-Z]{3}$`)

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Playtime.From >= c.Playtime.To {
		bad("playtime.to: is %d; must be after playtime.from, %d", c.Playtime.To, c.Playtime.From)
	}
	if c.Spending.Currency != "" && !currencyName.MatchString(c.Spending.Currency) {
		bad("spending.currency: %q; must be three upper-case letters", c.Spending.Currency)
	}
	last := 0
	for i, b := range c.Spending.Bands {
		if b.Under <= last || b.Under > c.AdultAge {
			bad("spending.bands[%d].under: is %d; must be above the band before, and at most adult_age, %d", i, b.Under, c.AdultAge)
		}
		if b.PerOrder < 0 || b.PerMonth < 0 {
			bad("spending.bands[%d]: per_order: %d, per_month: %d; must not be negative", i, b.PerOrder, b.PerMonth)
		}
		last = b.Under
	}
	if c.Enabled && c.Unverified == unverifiedRefuse && c.Registry.URL == "" {
		bad("unverified: is refuse, and registry.url names nobody who vouches: nobody could log in")
	}
	return errors.Join(errs...)
}
