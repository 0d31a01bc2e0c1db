package keypoint

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"loumiao/framework/config"
	"loumiao/web/httpserver"
)

// Config is what can be configured of a keypoint node.
type Config struct {
	httpserver.Config `yaml:",inline"`

	// Schemas is a file as configs/events.csv. Empty: that one.
	Schemas string        `yaml:"schemas" doc:"CSV file that declares the events; empty: the built-in configs/events.csv"`
	Keys    []Key         `yaml:"keys" doc:"keys that clients write with; none: nothing is taken in"`
	ReadKey config.Secret `yaml:"read_key" doc:"key that operators read with; empty: nothing can be read"`

	Unpacked int           `yaml:"unpacked_limit" min:"1024" max:"16777216" doc:"largest batch once it is unpacked, in bytes"`
	Batch    int           `yaml:"batch" min:"1" max:"5000" doc:"events in a batch"`
	Backlog  int64         `yaml:"backlog" min:"1048576" doc:"bytes in Redis that are not in SQL yet; more are refused as overloaded"`
	Writers  int           `yaml:"writers" min:"1" max:"16" doc:"batches that a node writes into SQL at once"`
	Keep     time.Duration `yaml:"keep" min:"192h" doc:"how long events and what is malformed are kept; events may come a week late"`
	Active   time.Duration `yaml:"keep_active" min:"192h" doc:"how long it is known on which days a player was active"`
}

// A Key is one that clients write with. It is in every copy of the game, and so no secret: what it can do is bounded here.
type Key struct {
	App   string  `yaml:"app" doc:"name under which its events are kept; several keys may have the same, while one replaces another"`
	Key   string  `yaml:"key" doc:"what clients send; at least 16 characters"`
	Rate  float64 `yaml:"rate" doc:"events a second on average that a node takes of it; 0 is no limit"`
	Daily int64   `yaml:"daily" doc:"events a UTC day that all nodes take of the app; 0 is no limit"`
}

const minKeyLength = 16

var appName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// Defaults is a configuration without keys.
func Defaults() Config {
	cfg := Config{
		Config: httpserver.DefaultConfig(), Unpacked: 1 << 20, Batch: 500, Backlog: 256 << 20, Writers: 2,
		Keep: 30 * 24 * time.Hour, Active: 400 * 24 * time.Hour,
	}
	cfg.Name = "keypoint"
	cfg.ListenKey = "keypoint.listen"
	cfg.Listen = "127.0.0.1:8083"
	cfg.BodyLimit = 256 << 10
	cfg.Compressed = true // see unpack
	return cfg
}

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	errs := []error{c.Config.Validate()}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	seen := map[string]bool{}
	for i, k := range c.Keys {
		if !appName.MatchString(k.App) {
			bad("keys[%d].app: %q; must be 1 to 32 lower-case letters, digits and underscores", i, k.App)
		}
		if key := k.Key; len(key) < minKeyLength || seen[key] {
			bad("keys[%d].key: must have at least %d characters, and be given once", i, minKeyLength)
		} else {
			seen[key] = true
		}
		if !(k.Rate >= 0) || k.Rate-k.Rate != 0 || k.Daily < 0 {
			bad("keys[%d]: rate %v and daily %d must be numbers, not negative", i, k.Rate, k.Daily)
		}
	}
	if key := c.ReadKey.Reveal(); key != "" && (len(key) < minKeyLength || seen[key]) {
		bad("read_key: must have at least %d characters, and be none of the keys that clients have", minKeyLength)
	}
	return errors.Join(errs...)
}
