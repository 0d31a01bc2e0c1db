package udp

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Config bounds what a [Listener] takes. The zero Config is the defaults.
type Config struct {
	// MaxConversations is how many conversations there may be. Default 20,000.
	MaxConversations int
	// MaxPerAddress is how many of them one address may have; with IPv6, that is a network of 64 bits. Default 1,024.
	MaxPerAddress int
	// Backlog is how many may wait for Accept. Default 128.
	Backlog int
	// Idle is after what silence a conversation ends. Default 30 s.
	Idle time.Duration
}

// Validate says everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	for _, limit := range []struct {
		name        string
		value, most int
	}{{"MaxConversations", c.MaxConversations, 1 << 20}, {"MaxPerAddress", c.MaxPerAddress, 1 << 20}, {"Backlog", c.Backlog, 1 << 16}} {
		if limit.value < 0 || limit.value > limit.most {
			errs = append(errs, fmt.Errorf("udp: %s: %d is not between 0 and %d", limit.name, limit.value, limit.most))
		}
	}
	if c.Idle != 0 && (c.Idle < 100*time.Millisecond || c.Idle > 24*time.Hour) {
		errs = append(errs, fmt.Errorf("udp: Idle: %v is not between 100ms and 24h", c.Idle))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	c.MaxConversations = cmp.Or(c.MaxConversations, 20_000)
	c.MaxPerAddress = cmp.Or(c.MaxPerAddress, 1024)
	c.Backlog = cmp.Or(c.Backlog, 128)
	c.Idle = cmp.Or(c.Idle, 30*time.Second)
	return c
}

// How KCP is set. Both sides may set it as they like.
const (
	datagram     = 1200 // bytes of the largest datagram sent, which passes everywhere
	largest      = 1500 // bytes of the largest that is read
	down         = 128  // segments under way to a client
	up           = 32   // and from one: what a listener may have to keep for somebody who has not said who he is, out of order or unread
	flushEvery   = 20   // ms
	fastResend   = 2    // later acknowledgements after which a segment is resent
	noCongestion = 1    // a game's few bytes do not slow down for others
)
