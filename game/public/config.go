package public

import (
	"errors"
	"fmt"
	"time"

	"loumiao/framework/lease"
)

// Config is the settings of public.
type Config struct {
	Lease   lease.Config  `yaml:"lease"`
	Ranking RankingConfig `yaml:"ranking"`
	Seasons SeasonConfig  `yaml:"seasons"`
	Chat    ChatConfig    `yaml:"chat"`
}

// RankingConfig is how rankings are kept up.
type RankingConfig struct {
	SweepEvery time.Duration `yaml:"sweep_every" min:"100ms" max:"24h" doc:"pause after all players were looked through for changes that public was not told of"`
	SweepPause time.Duration `yaml:"sweep_pause" min:"0s" max:"1m" doc:"pause between two pages of 500 players while they are looked through"`
}

// SeasonConfig is how long seasons last, and what they give.
type SeasonConfig struct {
	Cron    string   `yaml:"cron" doc:"when seasons end, as a cron expression on a clock that shows 00:00 at the area's reset hour; empty: never"`
	Base    int32    `yaml:"base" min:"0" max:"1000000" doc:"rating that a season's end brings everybody nearer to"`
	Keep    int32    `yaml:"keep" min:"0" max:"100" doc:"percentage of the distance from seasons.base that a rating keeps"`
	Rewards []Reward `yaml:"rewards" doc:"what the places of a season give, by mail: each player the first that he is good enough for"`
}

// A Reward is what places down to one give.
type Reward struct {
	To   int64 `yaml:"to" doc:"last place that gets it; 0: all who have played"`
	Gold int64 `yaml:"gold" doc:"how much gold it is"`
}

// ChatConfig bounds the chat of all.
type ChatConfig struct {
	MaxLength int           `yaml:"max_length" min:"1" max:"500" doc:"characters of a line"`
	Every     time.Duration `yaml:"every" min:"0s" max:"1h" doc:"time between two lines of a player, on average"`
	Burst     int           `yaml:"burst" min:"1" max:"100" doc:"lines that a player may say at once after a silence"`
	AreaRate  int           `yaml:"area_rate" min:"1" max:"10000" doc:"lines a second of all players of an area"`
	Keep      int           `yaml:"keep" min:"50" max:"1000000" doc:"lines of an area that are kept; older ones are deleted daily"`
}

// Defaults is a Config that is good for most games.
func Defaults() Config {
	return Config{
		Lease:   lease.Config{TTL: 2500 * time.Millisecond, Renew: 400 * time.Millisecond},
		Ranking: RankingConfig{SweepEvery: 30 * time.Second, SweepPause: 200 * time.Millisecond},
		Seasons: SeasonConfig{
			Cron: "0 0 1 * *", Base: 1500, Keep: 50, Rewards: []Reward{{To: 1, Gold: 1000}, {To: 10, Gold: 500}, {To: 100, Gold: 200}, {To: 0, Gold: 50}},
		},
		Chat: ChatConfig{MaxLength: 200, Every: 2 * time.Second, Burst: 5, AreaRate: 20, Keep: 1000},
	}
}

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	if err := c.Lease.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("lease: %w", err))
	}
	if c.Seasons.Cron != "" {
		if _, err := parseCron(c.Seasons.Cron); err != nil {
			errs = append(errs, fmt.Errorf("seasons.cron: %w", err))
		}
	}
	for i, r := range c.Seasons.Rewards {
		if r.To < 0 || r.Gold < 0 || r.To == 0 && i != len(c.Seasons.Rewards)-1 || i > 0 && r.To != 0 && r.To <= c.Seasons.Rewards[i-1].To {
			errs = append(errs, fmt.Errorf("seasons.rewards[%d]: to: %d, gold: %d; must not be negative, and go down in places, with 0 last", i, r.To, r.Gold))
		}
	}
	return errors.Join(errs...)
}

// reward is what a place gives.
func (c SeasonConfig) reward(place int64) (gold int64) {
	for _, r := range c.Rewards {
		if r.To == 0 || place <= r.To {
			return r.Gold
		}
	}
	return 0
}

// afterwards is how a rating changes when a season ends.
func (c SeasonConfig) afterwards(rating int64) (change int32) {
	return int32((int64(c.Base)-rating)*int64(100-c.Keep)) / 100
}
