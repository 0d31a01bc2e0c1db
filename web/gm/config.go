package gm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"loumiao/framework/config"
	"loumiao/game/store/operator"
	"loumiao/web/httpserver"
)

// Config is what can be configured of a gm node.
type Config struct {
	httpserver.Config `yaml:",inline"`

	Public string `yaml:"public" doc:"URL under which operators reach the console; with https, cookies are for https only. Empty: http and the address that is listened on"`
	// Funnel is events, in the order in which players come to them.
	Funnel []string `yaml:"funnel" doc:"events whose funnel is shown when nobody names others, at most 10"`
	// Key is secret, 32 bytes in hexadecimal.
	Key config.Secret `yaml:"key" doc:"what seals the secrets of operators' codes in the database, 64 hexadecimal digits, the same on all gm nodes; empty: one that is made in data_dir, except in production"`
}

// commandWait is how long a request waits for what comes of a command.
const commandWait = 15 * time.Second

// Defaults is a console for one's own machine.
func Defaults() Config {
	cfg := Config{Config: httpserver.DefaultConfig()}
	cfg.Name, cfg.ListenKey = "gm", "gm.listen"
	cfg.Listen = "127.0.0.1:8082"
	cfg.Rate, cfg.Burst = 10, 50
	cfg.Funnel = []string{"login", "enter", "match_start", "match_end", "pay"}
	cfg.BodyLimit, cfg.MaxConns = 1<<20, 500 // a design table, as forms send it; and few people
	cfg.HandlerTimeout = commandWait + 5*time.Second
	cfg.WriteTimeout = cfg.HandlerTimeout + 5*time.Second
	return cfg
}

// JoinLink is where a token makes an operator, or lets one log in again: of the first console, if public is not configured.
func (c Config) JoinLink(token string) string {
	if c.Public != "" {
		return joinLink(strings.TrimRight(c.Public, "/"), token)
	}
	return joinLink("http://"+c.Listen, token)
}

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	errs := []error{c.Config.Validate()}
	if c.Public != "" {
		if u, err := url.Parse(c.Public); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			errs = append(errs, fmt.Errorf("public: %q; must be http(s)://host without a path", c.Public))
		}
	}
	if key, err := hex.DecodeString(c.Key.Reveal()); c.Key != "" && (err != nil || len(key) != operator.KeySize) {
		errs = append(errs, fmt.Errorf("key: must be %d hexadecimal digits", 2*operator.KeySize))
	}
	if len(c.Funnel) > maxSteps {
		errs = append(errs, fmt.Errorf("funnel: has %d events; must be at most %d", len(c.Funnel), maxSteps))
	}
	if len(c.Origins) > 0 {
		errs = append(errs, errors.New("origins: must be empty: no other site may use the console"))
	}
	return errors.Join(errs...)
}
