package login

import (
	"errors"
	"fmt"
	"time"

	"loumiao/game/store/account"
	"loumiao/web/httpserver"
)

// Config is what can be configured of a login node.
type Config struct {
	httpserver.Config `yaml:",inline"`

	Areas []Area `yaml:"areas" doc:"areas that players can choose; the first is the default"`
	// Throttle bounds wrong passwords, over all login nodes.
	Throttle account.ThrottleConfig `yaml:"throttle"`
}

// An Area is one that players can choose.
type Area struct {
	ID   uint16 `json:"id" yaml:"id" min:"1" doc:"number of the area"`
	Name string `json:"name" yaml:"name" doc:"what players see"`
}

// Defaults is a configuration for one area.
func Defaults() Config {
	cfg := Config{Config: httpserver.DefaultConfig(), Areas: []Area{{ID: 1, Name: "First"}}}
	cfg.Throttle = account.ThrottleConfig{Window: 5 * time.Minute, PerName: 10, PerAddress: 100}
	cfg.Name = "login"
	cfg.ListenKey = "login.listen"
	cfg.Listen = "127.0.0.1:8080"
	cfg.BodyLimit = 4 << 10
	cfg.Rate, cfg.Burst = 50, 200 // many players may share one address
	return cfg
}

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error { return errors.Join(c.Config.Validate(), validateAreas(c.Areas)) }

func validateAreas(areas []Area) error {
	var errs []error
	if len(areas) == 0 {
		errs = append(errs, errors.New("areas: there must be at least one"))
	}
	seen := map[uint16]bool{}
	for i, a := range areas {
		if a.ID == 0 || seen[a.ID] {
			errs = append(errs, fmt.Errorf("areas[%d].id: is %d; must be 1 to 65535, each once", i, a.ID))
		}
		seen[a.ID] = true
	}
	return errors.Join(errs...)
}
