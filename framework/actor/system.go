package actor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a [System] is made from. The zero value is ready for use.
type Config struct {
	// Logger gets panics, failed messages that nobody waits for, and slow handlers; nil is slog.Default().
	Logger *slog.Logger
	// Traced gives handlers of messages that belong to a trace a span each: see [trace.Carrier], which the Responder of such a message is.
	Traced bool
	// SlowHandler is how long a handler may run before it is reported, give or take some 10 ms; 0 is 100 ms, negative is for ever.
	// It is not counted while the whole process gets no time to run.
	SlowHandler time.Duration
	// AskTimeout ends an Ask whose context has no deadline, give or take some 10 ms; 0 is 5 s.
	AskTimeout time.Duration
	// Mailbox is how many messages may be queued at an actor for which nothing else is said; 0 is 1024. Up to 24 more may be
	// in the hands of its turn.
	Mailbox int
}

const (
	defaultSlowHandler = 100 * time.Millisecond
	defaultAskTimeout  = 5 * time.Second
	defaultMailbox     = 1024
	maxMailbox         = 1 << 24
)

// Validate names every field that is out of bounds. NewSystem uses the default for such a field.
func (c Config) Validate() error {
	var errs []error
	if c.AskTimeout < 0 {
		errs = append(errs, fmt.Errorf("actor: AskTimeout %s is negative", c.AskTimeout))
	}
	if c.Mailbox < 0 || c.Mailbox > maxMailbox {
		errs = append(errs, fmt.Errorf("actor: Mailbox %d is not within 0 (for %d) and %d", c.Mailbox, defaultMailbox, maxMailbox))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.SlowHandler == 0 {
		c.SlowHandler = defaultSlowHandler
	}
	if c.AskTimeout <= 0 {
		c.AskTimeout = defaultAskTimeout
	}
	if c.Mailbox <= 0 || c.Mailbox > maxMailbox {
		c.Mailbox = defaultMailbox
	}
	return c
}

// A System owns the actors of one node, and the few goroutines that serve all of them. It is safe for concurrent use. Systems
// share nothing, so a process may have many. One that had actors must be stopped.
type System struct {
	cfg    Config
	slow   int64 // beats of the clock
	report *reporter
	clock  *clock
	crews  []*crew  // a power of two of them, so that cores need not all share one
	wheels []*wheel // as many

	ctx    context.Context // ends when a stop gives up waiting
	cancel context.CancelFunc

	chunks chunkPool
	calls  sync.Pool
	timers sync.Pool
	made   atomic.Uint32 // calls

	roster   roster
	services sync.WaitGroup // the goroutines of clock and wheels
	started  sync.Once
	stopped  sync.Once

	mu    sync.Mutex
	kinds map[*behavior]*kind
	pools []drainer // in the order in which they were made
}

// A drainer is a Pool, whatever its types.
type drainer interface {
	Drain(ctx context.Context) error
}

// NewSystem makes a System without actors. It starts nothing: the first actor does.
func NewSystem(cfg Config) *System {
	cfg = cfg.withDefaults()
	s := &System{cfg: cfg, slow: math.MaxInt64, kinds: map[*behavior]*kind{}}
	tick, while := maxTick, time.Duration(0)
	if cfg.SlowHandler > 0 {
		tick = min(max(cfg.SlowHandler/8, wheelTick), maxTick)
		while = cfg.SlowHandler
		s.slow = int64((while + tick - 1) / tick)
	}
	s.clock = newClock(tick, while)
	s.report = &reporter{logger: cfg.Logger, clock: s.clock}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.roster.init()
	for n := 1; n == 1 || n*2 <= runtime.GOMAXPROCS(0) && n <= maxCrews; n *= 2 {
		for len(s.crews) < n {
			s.crews = append(s.crews, new(crew))
			s.wheels = append(s.wheels, newWheel(s.clock, s.serve))
		}
	}
	return s
}

// maxTick is how coarse the coarse clock may be.
const maxTick = 10 * time.Millisecond

// maxCrews bounds the number of crews and wheels.
const maxCrews = 16

// serve runs one of the System's own goroutines, which Stop joins.
func (s *System) serve(fn func()) { s.services.Go(fn) }

// Lookup finds the actor that was spawned under name and has not stopped. Actors of pools have keys instead.
func (s *System) Lookup(name string) (Ref, bool) {
	c, ok := s.roster.find(name)
	return Ref{c}, ok
}

// Stop ends the System: it refuses new actors, stops the pools from the newest to the oldest and then all other actors at once, each
// after its queued work and with its stop hook, and waits for all of them. Actors that others need while they stop belong to the
// latter, or are stopped in order beforehand. When ctx ends first, Stop cancels the Contexts of what still runs, leaves it behind, and
// returns an error that names it. Later calls wait in the same way.
func (s *System) Stop(ctx context.Context) error {
	s.mu.Lock()
	pools := slices.Clone(s.pools)
	s.mu.Unlock()
	for i := len(pools) - 1; i >= 0; i-- {
		_ = pools[i].Drain(ctx) // who is late is named below
	}
	for _, c := range s.roster.close() {
		c.stop()
	}
	var err error
	select {
	case <-s.roster.empty:
	default:
		select {
		case <-s.roster.empty:
		case <-ctx.Done():
			err = s.stuck(ctx)
		}
	}
	s.cancel()
	s.stopped.Do(func() {
		for _, w := range s.wheels {
			w.close()
		}
		for _, k := range s.crews {
			k.close()
		}
		s.clock.close()
	})
	s.services.Wait()
	if err == nil {
		for _, k := range s.crews {
			k.workers.Wait()
		}
	}
	return err
}

// stuck names the actors that did not stop in time.
func (s *System) stuck(ctx context.Context) error {
	const show = 10
	cells := s.roster.all()
	var names []string
	for _, c := range cells[:min(show, len(cells))] {
		names = append(names, c.label())
	}
	if len(cells) > show {
		names = append(names, "...")
	}
	return fmt.Errorf("actor: %d actors have not stopped: %s: %w", len(cells), strings.Join(names, ", "), context.Cause(ctx))
}

// kind is what the System keeps for a behavior, which is frozen from now on.
func (s *System) kind(b *behavior) *kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[b]
	if k == nil {
		k = newKind(b)
		s.kinds[b] = k
	}
	return k
}

// enter lists a new pool.
func (s *System) enter(p drainer) {
	s.mu.Lock()
	s.pools = append(s.pools, p)
	s.mu.Unlock()
}

// exit forgets a pool that has been drained.
func (s *System) exit(p drainer) {
	s.mu.Lock()
	s.pools = slices.DeleteFunc(s.pools, func(other drainer) bool { return other == p })
	s.mu.Unlock()
}

// wheel is where the cell's alarms are.
func (s *System) wheel(c *cell) *wheel { return s.wheels[c.number&uint64(len(s.wheels)-1)] }

// crew is who serves the cell.
func (s *System) crew(c *cell) *crew { return s.crews[c.number&uint64(len(s.crews)-1)] }

// add lists a new cell, and starts the System's own goroutines with the first.
func (s *System) add(c *cell) error {
	if err := s.roster.add(c); err != nil {
		return err
	}
	s.started.Do(func() { s.serve(s.clock.run) })
	return nil
}
