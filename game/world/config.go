package world

import (
	"errors"
	"fmt"
	"time"

	"loumiao/game/name"
)

// Config is the world's settings.
type Config struct {
	// SaveEvery is how often a changed player is saved; at most this much low-value state is lost with the process.
	SaveEvery time.Duration `yaml:"save_every" doc:"how often a changed player is saved"`
	// Linger is how long a player stays loaded after his session has gone, which is some time after his client has: see gate.grace.
	Linger time.Duration `yaml:"linger" doc:"how long a player stays loaded after his session has gone, without coming back in the gate's grace"`
	// ReportEvery is how often the queue is told who is inside, and match who waits; they forget a world after three silences.
	ReportEvery time.Duration `yaml:"report_every" doc:"how often the queue is told who is inside, and match who waits"`
	// OpenDoors lets players in without a pass from the queue, for a game that wants none.
	OpenDoors bool `yaml:"open_doors" doc:"let players in without a pass from the queue"`
	// PresenceEvery is how often a player's friends are told that he comes, goes or fights, at most.
	PresenceEvery time.Duration `yaml:"presence_every" doc:"how often a player's friends are told that he comes, goes or fights, at most"`
	// Names is what players may call themselves.
	Names name.Rules `yaml:"names"`
}

// Defaults is a Config that is good for most games.
func Defaults() Config {
	return Config{SaveEvery: 5 * time.Second, Linger: 15 * time.Second, ReportEvery: 4 * time.Second, PresenceEvery: 3 * time.Second, Names: name.Defaults()}
}

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	positive := func(name string, d, most time.Duration) {
		if d <= 0 || d > most {
			errs = append(errs, fmt.Errorf("%s: %s; must be more than 0 and at most %s", name, d, most))
		}
	}
	positive("save_every", c.SaveEvery, time.Hour)
	positive("linger", c.Linger, 24*time.Hour)
	positive("report_every", c.ReportEvery, 5*time.Second)
	positive("presence_every", c.PresenceEvery, time.Hour)
	if err := c.Names.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("names: %w", err))
	}
	return errors.Join(errs...)
}
