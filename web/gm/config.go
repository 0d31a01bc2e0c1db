package gm

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"loumiao/web/httpserver"
)

// Config is what can be configured of a gm node.
type Config struct {
	httpserver.Config `yaml:",inline"`

	Public string `yaml:"public" doc:"URL under which operators reach the console; with https, cookies are for https only. Empty: http and the address that is listened on"`
}

// commandWait is how long a request waits for what comes of a command.
const commandWait = 15 * time.Second

// Defaults is a console for one's own machine.
func Defaults() Config {
	cfg := Config{Config: httpserver.DefaultConfig()}
	cfg.Name, cfg.ListenKey = "gm", "gm.listen"
	cfg.Listen = "127.0.0.1:8082"
	cfg.Rate, cfg.Burst = 10, 50
	cfg.HandlerTimeout = commandWait + 5*time.Second
	cfg.WriteTimeout = cfg.HandlerTimeout + 5*time.Second
	return cfg
}

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	errs := []error{c.Config.Validate()}
	if c.Public != "" {
		if u, err := url.Parse(c.Public); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			errs = append(errs, fmt.Errorf("public: %q; must be http(s)://host without a path", c.Public))
		}
	}
	if len(c.Origins) > 0 {
		errs = append(errs, errors.New("origins: must be empty: no other site may use the console"))
	}
	return errors.Join(errs...)
}
