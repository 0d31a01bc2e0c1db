package actor

import (
	"sync/atomic"
	"time"
)

// A clock tells time as nanoseconds since one wheel tick before the system was made, so that 0 is never a time.
//
// Reading the operating system's clock around each message would cost more than the rest of a tell, so there are other
// readings: precise asks the runtime; coarse is a number that a goroutine stores every tick for as long as somebody reads
// it; beats counts those ticks. When nobody has read it for a while, the goroutine sleeps and coarse is precise until it is
// awake again.
type clock struct {
	base  time.Time
	tick  time.Duration
	quiet int // ticks without a reading that put the goroutine to sleep

	stored  atomic.Int64 // the coarse time while ticking
	beats   atomic.Int64
	ticking atomic.Bool
	read    atomic.Bool // coarse was read since the last tick
	wake    chan struct{}
	stop    chan struct{}
}

// newClock makes a clock that, once it is read, goes on for at least the given while.
func newClock(tick, while time.Duration) *clock {
	return &clock{
		base: time.Now().Add(-wheelTick), tick: tick, quiet: int(while/tick) + 2,
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
}

// precise is the time now.
func (c *clock) precise() int64 { return int64(time.Since(c.base)) }

// coarse is the time now, or up to a tick ago.
func (c *clock) coarse() int64 {
	if !c.ticking.Load() {
		select {
		case c.wake <- struct{}{}:
		default:
		}
		return c.precise()
	}
	if !c.read.Load() { // a read-mostly line stays in every core's cache
		c.read.Store(true)
	}
	return c.stored.Load()
}

// at converts a wall or monotonic time; the zero time is 0.
func (c *clock) at(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, int64(t.Sub(c.base)))
}

// time converts back.
func (c *clock) time(at int64) time.Time { return c.base.Add(time.Duration(at)) }

// run ticks while it is worth it, until close.
func (c *clock) run() {
	ticker := time.NewTicker(c.tick)
	defer ticker.Stop()
	for {
		ticker.Stop()
		select {
		case <-c.wake:
		case <-c.stop:
			return
		}
		c.stored.Store(c.precise())
		c.ticking.Store(true)
		ticker.Reset(c.tick)
		for quiet := 0; quiet < c.quiet; quiet++ {
			select {
			case <-ticker.C:
			case <-c.stop:
				c.ticking.Store(false)
				return
			}
			c.stored.Store(c.precise())
			c.beats.Add(1)
			if c.read.Swap(false) {
				quiet = 0
			}
		}
		c.ticking.Store(false)
	}
}

func (c *clock) close() { close(c.stop) }
