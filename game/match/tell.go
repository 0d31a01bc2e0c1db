package match

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
)

const (
	// maxTellers is how many owners are told at once that their tickets ended without a match, and how many one goroutine tells at once late.
	maxTellers = 32
	// lateFor is for how long those are told late who were not reached in time. When Redis has lost its data, players seem to have no owner
	// until the worlds that hold them renew their leases and bind them again, so this is longer than a lease lasts.
	lateFor = 3 * lease.DefaultTTL
	// maxLatePause is the longest pause between two attempts to tell somebody late.
	maxLatePause = 4 * time.Second
	// maxLate is how many players may be told late at a time; more are given up.
	maxLate = 1 << 16
)

// A tell is one attempt to tell a ticket's owner.
type tell func(context.Context, Ticket) error

// tellAll tells each ticket's owner, for up to a third of the lease. It returns, when all were told or given up, who has answered and those for whom the time
// was too short.
func (a *assigner) tellAll(ctx context.Context, tickets []Ticket, tell tell) (answered, late []Ticket) {
	limited, cancel := context.WithTimeout(ctx, a.cfg.Lease/3)
	defer cancel()
	unheard := make([]bool, len(tickets))
	var all sync.WaitGroup
	for i, t := range tickets {
		all.Go(func() {
			for pause := minPause; ; pause = min(2*pause, maxPause) {
				err := tell(limited, t)
				if err == nil {
					return
				}
				if !mayChange(err) {
					a.untold(t, err)
					return
				}
				if !sleep(limited, pause) {
					unheard[i] = true
					return
				}
			}
		})
	}
	all.Wait()
	return split(tickets, unheard)
}

func (a *assigner) tellUnmatched(ctx context.Context, tickets []Ticket, tell tell) (late []Ticket) {
	for len(tickets) > 0 {
		n := min(maxTellers, len(tickets))
		_, some := a.tellAll(ctx, tickets[:n], tell)
		late = append(late, some...)
		tickets = tickets[n:]
	}
	return late
}

// tellLate goes on to tell owners, until the node stops. It does not wait. A match of which they are told, nil if it is none, is kept until then: who comes back by another world finds
// his ticket, which waits for what he is told, instead of another match.
func (a *assigner) tellLate(tickets []Ticket, tell tell, of *Match) {
	if len(tickets) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || a.late+len(tickets) > maxLate {
		if of == nil { // else it is taken over, and they are told then
			a.untoldAll(tickets)
		}
		return
	}
	a.late += len(tickets)
	a.running.Go(func() {
		ctx, cancel := context.WithTimeout(a.patient, lateFor)
		defer cancel()
		left, longest := tickets, min(maxLatePause, a.cfg.Lease/3) // with a third of the lease for the telling itself, the match stays this node's
		var free []Ticket
		for pause := min(maxPause, longest); len(left) > 0 && sleep(ctx, pause); pause = min(2*pause, longest) {
			var answered []Ticket
			answered, left = a.tellOnce(ctx, left, tell)
			if free = append(free, answered...); of != nil && len(left) > 0 && a.store.Free(ctx, *of, free, a.cfg.Lease) == nil {
				free = nil
			}
		}
		a.mu.Lock()
		a.late -= len(tickets)
		a.mu.Unlock()
		if of != nil && len(left) > 0 && a.patient.Err() != nil {
			return // as above
		}
		a.untoldAll(left)
		if of == nil {
			return
		}
		if err := a.store.Finish(a.life, *of); err != nil && !errors.Is(err, ErrLost) && a.life.Err() == nil {
			a.log.Warn("a match was not finished here", "match", of.ID, "zone", of.Zone, "error", err)
		}
	})
}

// tellOnce makes one attempt for each ticket, for up to a third of the lease, and returns who has answered and those with whom it is worth another.
func (a *assigner) tellOnce(ctx context.Context, tickets []Ticket, tell tell) (answered, left []Ticket) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Lease/3)
	defer cancel()
	again := make([]bool, len(tickets))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(maxTellers, len(tickets)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(tickets)); i = next.Add(1) - 1 {
				err := tell(ctx, tickets[i])
				if again[i] = err != nil && mayChange(err); err != nil && !again[i] {
					a.untold(tickets[i], err)
				}
			}
		})
	}
	all.Wait()
	return split(tickets, again)
}

func (a *assigner) untold(t Ticket, err error) {
	a.stats.untold.Inc()
	a.log.Debug("a player was not told how his ticket ended", "player", t.Player, "ticket", t.ID, "error", err)
}

func (a *assigner) untoldAll(tickets []Ticket) {
	if len(tickets) > 0 {
		a.stats.untold.Add(float64(len(tickets)))
		a.log.Debug("players were not told how their tickets ended: no owner was reached", "players", len(tickets))
	}
}

// mayChange reports whether an owner that answered err may answer otherwise later. An owner that is not there may be about to change. One
// that says no has its reasons: the player is elsewhere.
func mayChange(err error) bool {
	code := fault.CodeOf(err)
	return uncertain(err) || code == fault.NotOwner || code == fault.Unavailable || code == fault.Overloaded
}

// split parts the tickets that are marked from the others.
func split(tickets []Ticket, marked []bool) (others, those []Ticket) {
	for i, t := range tickets {
		if marked[i] {
			those = append(those, t)
		} else {
			others = append(others, t)
		}
	}
	return others, those
}
