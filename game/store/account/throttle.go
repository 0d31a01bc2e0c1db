package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// A ThrottleConfig bounds attempts to log in. Its zero value is the default.
type ThrottleConfig struct {
	// Window is how long attempts count, from the first on. 0 is 5 minutes.
	Window time.Duration `yaml:"window" doc:"how long failed attempts count"`
	// PerName is how many failed attempts a name has in a window. 0 is 10.
	PerName int `yaml:"per_name" doc:"failed attempts of a name in a window"`
	// PerAddress is how many failed attempts an address has in a window; whole households share one. 0 is 100.
	PerAddress int `yaml:"per_address" doc:"failed attempts of an address in a window"`
}

func (c ThrottleConfig) withDefaults() ThrottleConfig {
	if c.Window == 0 {
		c.Window = 5 * time.Minute
	}
	if c.PerName == 0 {
		c.PerName = 10
	}
	if c.PerAddress == 0 {
		c.PerAddress = 100
	}
	return c
}

// Validate reports everything that is wrong with the configuration.
func (c ThrottleConfig) Validate() error {
	c = c.withDefaults()
	var errs []error
	if c.Window < time.Second {
		errs = append(errs, fmt.Errorf("window: %v is less than a second", c.Window))
	}
	if c.PerName < 1 {
		errs = append(errs, fmt.Errorf("per_name: %d is less than 1", c.PerName))
	}
	if c.PerAddress < 1 {
		errs = append(errs, fmt.Errorf("per_address: %d is less than 1", c.PerAddress))
	}
	return errors.Join(errs...)
}

// A Throttle bounds failed attempts to log in, by name and by address, over all nodes. It is safe for concurrent use.
//
//	if wait, err := throttle.Take(ctx, name, address); err != nil { ... }   // each attempt counts at first,
//	id, err := accounts.Login(ctx, name, password)
//	if err == nil { err = throttle.Succeeded(ctx, name, address) }          // and a success gives it back
type Throttle struct {
	stores *store.Stores
	cfg    ThrottleConfig
}

// NewThrottle counts in stores' Redis. cfg must be valid.
func NewThrottle(stores *store.Stores, cfg ThrottleConfig) *Throttle {
	return &Throttle{stores: stores, cfg: cfg.withDefaults()}
}

// takeScript counts an attempt unless there were too many: 0, or the milliseconds until the window ends.
var takeScript = redis.NewScript(`
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then return math.max(1, redis.call('PTTL', KEYS[1])) end
redis.call('INCR', KEYS[1])
if count == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`)

// giveBackScript takes one off a count.
var giveBackScript = redis.NewScript(`
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count == 1 then redis.call('DEL', KEYS[1]) elseif count > 1 then redis.call('DECR', KEYS[1]) end
return 0`)

// Take counts an attempt, before it is made: a thousand at once count as a thousand. When the name or the address has had too many, it is
// fault.RateLimited, and wait is how long to wait; that attempt does not count. name may be empty, as a guest's is.
func (t *Throttle) Take(ctx context.Context, name, address string) (wait time.Duration, err error) {
	wait, err = t.take(ctx, t.addressKey(address), t.cfg.PerAddress)
	if err != nil || name == "" {
		return wait, err
	}
	wait, err = t.take(ctx, t.nameKey(name), t.cfg.PerName)
	if fault.CodeOf(err) == fault.RateLimited {
		// What is refused for its name does not cost the address, whose other users have nothing to do with it.
		err = errors.Join(err, t.giveBack(ctx, t.addressKey(address)))
	}
	return wait, err
}

// Succeeded takes an attempt back: it was right. Failures before it still count.
func (t *Throttle) Succeeded(ctx context.Context, name, address string) error {
	err := t.giveBack(ctx, t.addressKey(address))
	if name != "" {
		err = errors.Join(err, t.giveBack(ctx, t.nameKey(name)))
	}
	return err
}

func (t *Throttle) take(ctx context.Context, key string, limit int) (time.Duration, error) {
	ms, err := takeScript.Run(ctx, t.stores.Redis(), []string{key}, limit, t.cfg.Window.Milliseconds()).Int64()
	if err != nil {
		return 0, fmt.Errorf("throttle: %w", err)
	}
	if ms == 0 {
		return 0, nil
	}
	wait := (time.Duration(ms)*time.Millisecond + time.Second - 1).Truncate(time.Second)
	return wait, fault.Errorf(fault.RateLimited, "too many attempts; try again in %d seconds", int(wait.Seconds()))
}

func (t *Throttle) giveBack(ctx context.Context, key string) error {
	if err := giveBackScript.Run(ctx, t.stores.Redis(), []string{key}).Err(); err != nil {
		return fmt.Errorf("throttle: %w", err)
	}
	return nil
}

// The keys hold hashes: what clients send is as long as they like, and holds any character.
func (t *Throttle) nameKey(name string) string {
	return t.stores.Key("login", "name", "{"+digest(strings.ToLower(name))+"}")
}

func (t *Throttle) addressKey(address string) string {
	return t.stores.Key("login", "address", "{"+digest(address)+"}")
}
