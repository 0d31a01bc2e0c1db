package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Config is what a [Server] needs. The zero value of a limit means its default.
type Config struct {
	// Name of the server in logs and errors. Default "http".
	Name string `yaml:"-"`
	// ListenKey is the configuration key that the error for a taken port names. Default: Name + ".listen".
	ListenKey string `yaml:"-"`
	// Health says whether the server wants traffic: nil for yes. It is asked by each GET /healthz and must be quick. Default: always.
	Health func(context.Context) error `yaml:"-"`

	// Compressed lets compressed bodies through to the handlers, which must bound what they unpack and never call fiber's c.Body, which does not. Default:
	// they are refused.
	Compressed bool `yaml:"-"`

	// Listen is the address, host:port; port 0 takes a free one. Default "127.0.0.1:0".
	Listen string `yaml:"listen" doc:"address to serve HTTP on"`
	// BodyLimit is the largest request body, in bytes. Default 64 KiB.
	BodyLimit int `yaml:"body_limit" doc:"largest request body, in bytes"`
	// ReadTimeout bounds reading a request, headers and body. Default 10 s.
	ReadTimeout time.Duration `yaml:"read_timeout" doc:"how long a request may take to arrive"`
	// WriteTimeout bounds writing a response. Default 10 s.
	WriteTimeout time.Duration `yaml:"write_timeout" doc:"how long a response may take to be taken"`
	// IdleTimeout is how long a connection is kept for the next request. Default 60 s.
	IdleTimeout time.Duration `yaml:"idle_timeout" doc:"how long an idle connection is kept"`
	// HandlerTimeout is the deadline of each request's context. Default 10 s.
	HandlerTimeout time.Duration `yaml:"handler_timeout" doc:"how long answering may take"`
	// MaxConns is how many connections are open at once; more are refused. Default 10000.
	MaxConns int `yaml:"max_conns" doc:"connections at once"`
	// Rate is how many requests a second one address may make on average, and Burst how many at once. An IPv6 address counts with
	// its /64; loopback addresses are free. Default 0: no limit; Burst then means nothing. Default of Burst: twice the Rate, at least 1.
	Rate  float64 `yaml:"rate" doc:"requests a second from one address; 0 is no limit"`
	Burst int     `yaml:"burst" doc:"requests at once from one address; 0 is twice the rate"`
	// Proxies is the addresses, or networks as 10.0.0.0/8, of proxies whose X-Forwarded-For is believed. Default: none.
	Proxies []string `yaml:"proxies" doc:"proxies whose X-Forwarded-For is believed"`
	// Origins is the web origins whose pages may call this server, "https://play.example.com" each, or "*". Default: none but its own.
	Origins []string `yaml:"origins" doc:"web origins whose pages may call this server; * is any"`
}

// DefaultConfig is the defaults, for printing and for configuration files to change.
func DefaultConfig() Config { return Config{}.withDefaults() }

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			bad("listen: %q; must be host:port", c.Listen)
		}
	}
	for _, n := range []struct {
		key   string
		value int
	}{{"body_limit", c.BodyLimit}, {"max_conns", c.MaxConns}, {"burst", c.Burst}} {
		if n.value < 0 {
			bad("%s: %d; must not be negative", n.key, n.value)
		}
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"read_timeout", c.ReadTimeout}, {"write_timeout", c.WriteTimeout}, {"idle_timeout", c.IdleTimeout}, {"handler_timeout", c.HandlerTimeout}} {
		if d.value < 0 {
			bad("%s: %s; must not be negative", d.key, d.value)
		}
	}
	if c.Rate < 0 || c.Rate-c.Rate != 0 {
		bad("rate: %v; must be a number, not negative", c.Rate)
	}
	if _, err := parseProxies(c.Proxies); err != nil {
		bad("proxies: %w", err)
	}
	for _, o := range c.Origins {
		if o != "*" && !strings.HasPrefix(o, "http://") && !strings.HasPrefix(o, "https://") || strings.HasSuffix(o, "/") || strings.ContainsAny(o, ", ") {
			bad("origins: %q; must be * or http(s)://host without a path", o)
		}
	}
	return errors.Join(errs...)
}

// ForIndex is the configuration of the index-th server of a machine, from 0: it listens on the configured port plus index, unless that is 0.
func (c Config) ForIndex(index int) Config {
	if host, port, err := net.SplitHostPort(c.Listen); err == nil && port != "0" {
		if n, err := strconv.Atoi(port); err == nil {
			c.Listen = net.JoinHostPort(host, strconv.Itoa(n+index))
		}
	}
	return c
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "http"
	}
	if c.ListenKey == "" {
		c.ListenKey = c.Name + ".listen"
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.BodyLimit == 0 {
		c.BodyLimit = 64 << 10
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = 10 * time.Second
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 10 * time.Second
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = time.Minute
	}
	if c.HandlerTimeout == 0 {
		c.HandlerTimeout = 10 * time.Second
	}
	if c.MaxConns == 0 {
		c.MaxConns = 10_000
	}
	if c.Burst == 0 && c.Rate > 0 {
		c.Burst = max(1, int(2*c.Rate))
	}
	return c
}

func parseProxies(texts []string) ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	for _, t := range texts {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			a, aerr := netip.ParseAddr(t)
			if aerr != nil {
				return nil, fmt.Errorf("%q; must be an address or a network such as 10.0.0.0/8", t)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		proxies = append(proxies, p.Masked())
	}
	return proxies, nil
}
