package store

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"loumiao/framework/config"
)

// A Config says which stores to open. Its zero value is the embedded ones, under ./data.
type Config struct {
	SQL   SQLConfig   `yaml:"sql"`
	Redis RedisConfig `yaml:"redis"`

	// DataDir is where the embedded SQL keeps its files; made when missing. "" is "data".
	DataDir string `yaml:"data_dir" doc:"directory of the embedded SQL's files"`
	// Prefix begins every key of this stack in Redis, so that two stacks on one Redis do not meet: letters, digits, '-', '_' and '.'.
	// "" is "game".
	Prefix string `yaml:"prefix" doc:"begins every Redis key; different for each stack on one Redis"`
}

// SQLConfig says which SQL to use and how many connections it may cost.
type SQLConfig struct {
	// DSN is user:password@tcp(host:3306)/database, as github.com/go-sql-driver/mysql has it. "" is the embedded SQLite.
	DSN config.Secret `yaml:"dsn" doc:"user:password@tcp(host:3306)/database for MySQL or MariaDB; empty is the embedded SQLite"`
	// MaxOpen bounds the connections to MySQL. 0 is 32.
	MaxOpen int `yaml:"max_open" doc:"most connections to MySQL"`
	// MaxIdle is how many of them stay open when idle, at most MaxOpen. 0 is half of MaxOpen.
	MaxIdle int `yaml:"max_idle" doc:"connections to MySQL that stay open when idle"`
	// ConnMaxLifetime replaces a connection of this age, so that servers behind a balancer are rediscovered. 0 is 5 minutes.
	ConnMaxLifetime time.Duration `yaml:"conn_max_lifetime" doc:"age at which a connection to MySQL is replaced"`
}

// RedisConfig says which Redis to use.
type RedisConfig struct {
	// URL is redis://[user:password@]host:6379/0, rediss:// with TLS, redis-cluster://h1:6379,h2:6379 (rediss-cluster://) or
	// redis-sentinel://h1:26379,h2:26379/0?master=name (rediss-sentinel://). "" is the embedded miniredis.
	URL config.Secret `yaml:"url" doc:"redis://, rediss://, redis-cluster://h1,h2 or redis-sentinel://h1,h2?master=name; empty is the embedded one, not durable"`
}

const (
	defaultDataDir     = "data"
	defaultPrefix      = "game"
	defaultMaxOpen     = 32
	defaultMaxLifetime = 5 * time.Minute
)

func (c Config) withDefaults() Config {
	if c.DataDir == "" {
		c.DataDir = defaultDataDir
	}
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if c.SQL.MaxOpen == 0 {
		c.SQL.MaxOpen = defaultMaxOpen
	}
	if c.SQL.MaxIdle == 0 {
		c.SQL.MaxIdle = max(1, c.SQL.MaxOpen/2)
	}
	if c.SQL.ConnMaxLifetime == 0 {
		c.SQL.ConnMaxLifetime = defaultMaxLifetime
	}
	return c
}

// Validate reports everything that is wrong with the configuration, without opening anything and without printing a password.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	if c.SQL.DSN != "" {
		if _, err := parseDSN(c.SQL.DSN); err != nil {
			errs = append(errs, err)
		}
	}
	if c.SQL.MaxOpen < 1 {
		errs = append(errs, fmt.Errorf("sql.max_open: %d is less than 1", c.SQL.MaxOpen))
	}
	if c.SQL.MaxIdle < 0 || c.SQL.MaxIdle > c.SQL.MaxOpen {
		errs = append(errs, fmt.Errorf("sql.max_idle: %d is not within 0 and sql.max_open, %d", c.SQL.MaxIdle, c.SQL.MaxOpen))
	}
	if c.SQL.ConnMaxLifetime < 0 {
		errs = append(errs, fmt.Errorf("sql.conn_max_lifetime: %v is negative", c.SQL.ConnMaxLifetime))
	}
	if c.Redis.URL != "" {
		if _, err := parseRedisURL(c.Redis.URL); err != nil {
			errs = append(errs, err)
		}
	}
	if strings.ContainsRune(c.DataDir, '?') {
		errs = append(errs, fmt.Errorf("data_dir: %q holds a '?', which SQLite takes for the end of the path", c.DataDir))
	}
	if !isPrefix(c.Prefix) {
		errs = append(errs, fmt.Errorf("prefix: %q holds more than letters, digits, '-', '_' and '.', or is over %d long", c.Prefix, maxPrefix))
	}
	return errors.Join(errs...)
}

// maxPrefix bounds the prefix in bytes: it is paid with every key.
const maxPrefix = 64

func isPrefix(s string) bool {
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxPrefix
}
