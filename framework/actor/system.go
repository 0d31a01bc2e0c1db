package actor

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a System is made from. The zero value is usable.
type Config struct {
	Logger      *slog.Logger  // nil: slog.Default
	SlowHandler time.Duration // a handler that runs longer is reported; 0: 100 ms, negative: never
	AskTimeout  time.Duration // deadline of an Ask whose context has none; 0: 5 s
	Mailbox     int           // queued messages an actor, unless its Options or PoolConfig say otherwise; 0: 1024
}

// Validate names every field that is out of bounds.
func (c Config) Validate() error { return nil }

// A System owns the actors of one node. Safe for concurrent use.
type System struct{}

// NewSystem makes a System without actors. It starts no goroutine.
func NewSystem(cfg Config) *System { return &System{} }

// Lookup finds a running actor by its name.
func (s *System) Lookup(name string) (Ref, bool) { panic("not built yet") }

// Stop refuses new work, finishes queued work, runs stop hooks and joins everything that the System started.
func (s *System) Stop(ctx context.Context) error { panic("not built yet") }

// Collector exposes the System's metrics to Prometheus.
func (s *System) Collector() prometheus.Collector { panic("not built yet") }
