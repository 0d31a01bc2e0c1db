package robot

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"
)

// Names of what is counted from when a robot was due, and not from when it got round to it: a generator of load that falls behind together
// with the server would otherwise hide that players had to wait (Gil Tene calls that coordinated omission).
const (
	arrivalMade  = "arrival"     // due until made
	visitEntered = "visit.enter" // due until in the world
	visitWhole   = "visit"       // due until gone again
)

// Why an arrival is dropped. Either way the server had fewer visitors than it should have had.
var (
	errNoRoom = errors.New("dropped: no robot was free")
	errUnmade = errors.New("dropped: this side was behind until the end")
)

// heldToArrivals is the threshold that a run of the open model has unless it names another for the errors of arrivals.
const heldToArrivals = arrivalMade + ".errors=0"

// An outcome is how a visit of the open model ended.
type outcome int

const (
	whole    outcome = iota // the scenario was played
	failed                  // something went wrong, which has been counted
	cutShort                // the run was over first
)

// An open is the open model: robots arrive at a rate, whatever those do that are there, as players do who know nothing of each other. One that
// has left comes again as a later arrival, with the same account. Its methods are called by one goroutine.
type open struct {
	cfg   Config
	tally *tally
	fresh func(number int) *robot // makes the number-th robot
	visit func(r *robot, due time.Time) outcome

	made int         // robots so far; Config.Robots at most
	free chan *robot // those that have left
}

func newOpen(cfg Config, t *tally, fresh func(int) *robot, visit func(*robot, time.Time) outcome) *open {
	return &open{cfg: cfg, tally: t, fresh: fresh, visit: visit, free: make(chan *robot, cfg.Robots)}
}

// run has robots arrive until playing ends, and waits for those that are inside.
func (o *open) run(playing context.Context, began time.Time) {
	var inside sync.WaitGroup
	unmade := o.cfg.arrive(playing, began, func(due time.Time) {
		r := o.admit()
		o.tally.arrival(func(a *Arrivals) {
			a.Arrived++
			if r == nil {
				a.NoRoom++
			}
		})
		if r == nil {
			o.tally.wait(arrivalMade, 0, errNoRoom)
			return
		}
		o.tally.corrected(arrivalMade, time.Since(due))
		inside.Go(func() {
			how := o.visit(r, due)
			if how == whole {
				o.tally.corrected(visitWhole, time.Since(due))
			}
			o.tally.arrival(func(a *Arrivals) { *[]*int64{&a.Whole, &a.Failed, &a.CutShort}[how]++ })
			o.free <- r // there is room for all that were made
		})
	})
	o.tally.arrival(func(a *Arrivals) { a.Unmade += int64(unmade) })
	for range unmade {
		o.tally.wait(arrivalMade, 0, errUnmade)
	}
	inside.Wait()
}

// admit is the robot that comes in; nil: there is no room.
func (o *open) admit() *robot {
	select {
	case r := <-o.free:
		return r
	default:
	}
	if o.made == o.cfg.Robots {
		return nil
	}
	o.made++
	return o.fresh(o.made - 1)
}

// arrive calls admit for each arrival, evenly spaced, with the moment at which it was due: at that moment or, when it is behind, as soon as it
// can; it leaves none out to catch up. It returns how many were due by the time that ctx had ended and were not made.
func (c Config) arrive(ctx context.Context, began time.Time, admit func(due time.Time)) (unmade int) {
	all := c.arrivals()
	for i := range all {
		due := began.Add(c.due(i))
		if !sleep(ctx, time.Until(due)) || ctx.Err() != nil {
			for ; i < all && c.due(i) <= time.Since(began); i++ {
				unmade++
			}
			return unmade
		}
		admit(due)
	}
	return 0
}

// arrivals is how many robots arrive in a run of the open model.
func (c Config) arrivals() int { return int(math.Ceil(c.Rate * c.For.Seconds())) }

// due is when the number-th of them does, from the beginning of the run.
func (c Config) due(number int) time.Duration {
	return time.Duration(float64(number) / c.Rate * float64(time.Second))
}

// call is one visit: the robot comes, plays a scenario and leaves. It does not come again after an error, except to a match that it is in.
func (r *robot) call(ctx, playing context.Context, due time.Time) outcome {
	r.due, r.done, r.played, r.furthest = due, false, false, -1
	switch err := r.play(ctx, playing); {
	case r.played && (err == nil || errors.Is(err, errHome)):
		return whole
	case ctx.Err() != nil, playing.Err() != nil && (err == nil || errors.Is(err, errTimeUp)):
		return cutShort
	default:
		return failed
	}
}
