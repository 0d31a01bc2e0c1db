package direct

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"loumiao/framework/udp"
	"loumiao/framework/wire"
)

// Config is what a [Desk] needs. Fields without a default are required.
type Config struct {
	// Registry is every message that clients may send or be sent.
	Registry *wire.Registry
	// Type is the node's type: clients may send by a line what is declared for it.
	Type string
	// Handler is told of lines.
	Handler Handler

	// MaxLines is how many lines there may be. Default 10,000.
	MaxLines int
	// MaxPending is how many may be there that have not shown a ticket. One more pushes out the oldest. Default 256.
	MaxPending int
	// MaxPerAddress is how many conversations one address may have. Default 256.
	MaxPerAddress int
	// HandshakeTimeout is how long one may take to show a ticket. Default 3 s.
	HandshakeTimeout time.Duration
	// TicketTTL is how long an offer stands. Default 10 s.
	TicketTTL time.Duration
	// Silence is how long nothing may come before a line ends. Clients send something each second. Default 5 s.
	Silence time.Duration
	// MaxBody is the largest body that a client may send, in bytes. Default 4 KiB.
	MaxBody int
	// Rate is how many frames a second a client may send for long, and twice as many at once. One more ends the line. Default 60.
	Rate int
	// Logger gets what goes wrong. nil: nothing is logged.
	Logger *slog.Logger

	patience time.Duration // tests on a bad way have more of it
}

// Validate says everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("direct: "+format, args...)) }
	if c.Registry == nil {
		bad("Registry: missing")
	}
	if c.Type == "" {
		bad("Type: missing")
	}
	if c.Handler == nil {
		bad("Handler: missing")
	}
	for _, limit := range []struct {
		name        string
		value, most int
	}{{"MaxLines", c.MaxLines, 1 << 20}, {"MaxPending", c.MaxPending, 1 << 16}, {"MaxPerAddress", c.MaxPerAddress, 1 << 20}, {"MaxBody", c.MaxBody, MaxFrame - wire.HeaderSize}, {"Rate", c.Rate, 1 << 16}} {
		if limit.value < 0 || limit.value > limit.most {
			bad("%s: %d is not between 0 and %d", limit.name, limit.value, limit.most)
		}
	}
	for _, limit := range []struct {
		name  string
		value time.Duration
	}{{"HandshakeTimeout", c.HandshakeTimeout}, {"TicketTTL", c.TicketTTL}, {"Silence", c.Silence}} {
		if limit.value != 0 && (limit.value < 50*time.Millisecond || limit.value > 24*time.Hour) {
			bad("%s: %v is not between 50ms and 24h", limit.name, limit.value)
		}
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	c.MaxLines = cmp.Or(c.MaxLines, 10_000)
	c.MaxPending = cmp.Or(c.MaxPending, 256)
	c.MaxPerAddress = cmp.Or(c.MaxPerAddress, 256)
	c.HandshakeTimeout = cmp.Or(c.HandshakeTimeout, 3*time.Second)
	c.TicketTTL = cmp.Or(c.TicketTTL, 10*time.Second)
	c.Silence = cmp.Or(c.Silence, 5*time.Second)
	c.MaxBody = cmp.Or(c.MaxBody, 4<<10)
	c.Rate = cmp.Or(c.Rate, 60)
	c.patience = cmp.Or(c.patience, patience)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// udp bounds the conversations. Each is a line soon, or gone.
func (c Config) udp() udp.Config {
	return udp.Config{
		MaxConversations: c.MaxLines + c.MaxPending, MaxPerAddress: c.MaxPerAddress, Backlog: c.MaxPending,
		Idle: 2 * max(c.Silence, c.HandshakeTimeout),
	}
}
