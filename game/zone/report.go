package zone

import (
	"context"
	"fmt"
	"sync"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/pb"
)

const (
	reporters     = 16
	reportRoom    = 8192
	reportTimeout = 2 * time.Second
	reportPause   = 500 * time.Millisecond // between two attempts for the end of a visit
	reportTries   = 4
)

// A report tells a player's owner where he is on a field.
type report struct {
	m    *pb.PlayerOnField
	from actor.Ref // the field, which is told when the owner knows nothing of the visit
}

// last reports whether it is the visit's last.
func (r report) last() bool { return r.m.GetLeft() != 0 }

// A reporter sends reports, so that no field waits for an owner. It is safe for concurrent use.
type reporter struct {
	tell  func(context.Context, *pb.PlayerOnField) error
	queue chan report

	pending *busy // last reports that are on their way
}

func newReporter(tell func(context.Context, *pb.PlayerOnField) error) *reporter {
	return &reporter{tell: tell, queue: make(chan report, reportRoom), pending: newBusy(reportRoom)}
}

// take has a report sent soon. It reports false when too many wait already.
func (r *reporter) take(one report) bool {
	if one.last() && r.pending.enter() != nil {
		return false
	}
	select {
	case r.queue <- one:
		return true
	default:
		if one.last() {
			r.pending.leave()
		}
		return false
	}
}

// run sends until ctx ends.
func (r *reporter) run(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	for range reporters {
		working.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case one := <-r.queue:
					r.send(ctx, one)
				}
			}
		})
	}
}

// send sends one report. The end of a visit is tried again; where somebody is now will be said again anyway.
func (r *reporter) send(ctx context.Context, one report) {
	if one.last() {
		defer r.pending.leave()
	}
	for try := 1; ; try++ {
		attempt, cancel := context.WithTimeout(ctx, reportTimeout)
		err := r.tell(attempt, one.m)
		cancel()
		switch {
		case err == nil:
			return
		case fault.CodeOf(err) == fault.FailedPrecondition:
			if !one.last() {
				_ = one.from.Tell(&unknownVisit{player: one.m.GetPlayer(), visit: one.m.GetVisit()}) // or after the next report
			}
			return
		case !one.last() || try == reportTries || !waited(ctx, reportPause):
			return // an owner who has not heard the end learns it when the player wants to go on
		}
	}
}

func waited(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// flush takes no more ends of visits, and waits until those so far are told, or ctx ends.
func (r *reporter) flush(ctx context.Context) error {
	r.pending.close()
	if err := r.pending.wait(ctx); err != nil {
		return fmt.Errorf("%d players' owners not told where they were on a field: %w", r.pending.count(), err)
	}
	return nil
}
