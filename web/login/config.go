package login

import (
	"errors"
	"time"

	"loumiao/game/signin"
	"loumiao/game/store/account"
	"loumiao/web/httpserver"
)

// Config is what can be configured of a login node.
type Config struct {
	httpserver.Config `yaml:",inline"`

	Areas []signin.Area `yaml:"areas" doc:"areas that players can choose; the first is the default"`
	// Throttle bounds wrong passwords, over all nodes that let players in.
	Throttle account.ThrottleConfig `yaml:"throttle"`
}

// Defaults is a configuration for one area.
func Defaults() Config {
	cfg := Config{Config: httpserver.DefaultConfig(), Areas: []signin.Area{{ID: 1, Name: "First"}}}
	cfg.Throttle = account.ThrottleConfig{Window: 5 * time.Minute, PerName: 10, PerAddress: 100}
	cfg.Name = "login"
	cfg.ListenKey = "login.listen"
	cfg.Listen = "127.0.0.1:8080"
	cfg.BodyLimit = 4 << 10
	cfg.Rate, cfg.Burst = 50, 200 // many players may share one address
	return cfg
}

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	return errors.Join(c.Config.Validate(), signin.ValidateAreas(c.Areas))
}
