package match

import (
	"context"
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

// tellAll tells each ticket's owner, for up to a third of the lease. It returns, when all were told or given up, those for whom the time
// was too short.
func (a *assigner) tellAll(ctx context.Context, tickets []Ticket, tell tell) []Ticket {
	limited, cancel := context.WithTimeout(ctx, a.cfg.Lease/3)
	defer cancel()
	late := make([]bool, len(tickets))
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
					late[i] = true
					return
				}
			}
		})
	}
	all.Wait()
	return only(tickets, late)
}

func (a *assigner) tellUnmatched(ctx context.Context, tickets []Ticket, tell tell) (late []Ticket) {
	for len(tickets) > 0 {
		n := min(maxTellers, len(tickets))
		late = append(late, a.tellAll(ctx, tickets[:n], tell)...)
		tickets = tickets[n:]
	}
	return late
}

// tellLate goes on to tell owners, until the node stops. It does not wait.
func (a *assigner) tellLate(tickets []Ticket, tell tell) {
	if len(tickets) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || a.late+len(tickets) > maxLate {
		a.untoldAll(tickets)
		return
	}
	a.late += len(tickets)
	a.running.Go(func() {
		ctx, cancel := context.WithTimeout(a.patient, lateFor)
		defer cancel()
		left := tickets
		for pause := maxPause; len(left) > 0 && sleep(ctx, pause); pause = min(2*pause, maxLatePause) {
			left = a.tellOnce(ctx, left, tell)
		}
		a.untoldAll(left)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.late -= len(tickets)
	})
}

// tellOnce makes one attempt for each ticket and returns those with whom it is worth another.
func (a *assigner) tellOnce(ctx context.Context, tickets []Ticket, tell tell) []Ticket {
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
	return only(tickets, again)
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

// only is the tickets that are marked.
func only(tickets []Ticket, marked []bool) []Ticket {
	var out []Ticket
	for i, t := range tickets {
		if marked[i] {
			out = append(out, t)
		}
	}
	return out
}
