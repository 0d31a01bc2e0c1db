package match

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
)

// Pauses between attempts to reach a zone or an owner.
const (
	minPause = 20 * time.Millisecond
	maxPause = 500 * time.Millisecond
)

var errStopping = errors.New("match: the node is stopping")

// An assigner brings claimed matches into their rooms: a goroutine each, as many as Config.Assignments at a time. It is safe for concurrent use.
type assigner struct {
	cfg   Config
	store *Store
	mesh  mesh
	log   *slog.Logger
	stats *stats

	life context.Context // ends when assignments are cut off: others then take them over
	cut  context.CancelFunc

	patient context.Context // ends when the node begins to stop, or life does: nobody is told late any more
	hurry   context.CancelFunc

	mu      sync.Mutex // also held while a goroutine is added, so that none is after stop
	free    int
	late    int // players who are being told late
	stopped bool
	running sync.WaitGroup

	complained atomic.Int64 // unix second of the last complaint about a zone
}

func newAssigner(cfg Config, store *Store, mesh mesh, log *slog.Logger, stats *stats) *assigner {
	a := &assigner{cfg: cfg, store: store, mesh: mesh, log: log, stats: stats, free: cfg.Assignments}
	a.life, a.cut = context.WithCancel(context.Background())
	a.patient, a.hurry = context.WithCancel(a.life)
	return a
}

// stop waits until what runs is done; when ctx ends before, it cuts the rest off.
func (a *assigner) stop(ctx context.Context) error {
	a.mu.Lock()
	a.stopped, a.free = true, 0
	a.mu.Unlock()
	a.hurry()
	done := make(chan struct{})
	go func() {
		a.running.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.New("match: some matches are left to other nodes")
	}
	a.cut()
	<-done
	return err
}

// reserve sets up to n assignments aside for the caller, who uses them with start, or gives them back.
func (a *assigner) reserve(n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n = min(n, a.free)
	a.free -= n
	return n
}

func (a *assigner) giveBack(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.stopped {
		a.free += n
	}
}

func (a *assigner) spawn(fn func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.stopped {
		a.running.Go(fn)
	}
}

// start brings a match into its room, under a reserved assignment. It does not wait. A match that was claimed too late to be started before the node
// stops is left to others.
func (a *assigner) start(m Match) {
	a.spawn(func() {
		defer a.giveBack(1)
		if err := a.assign(a.life, m); err != nil && a.life.Err() == nil {
			a.log.Warn("a match was not finished here", "match", m.ID, "zone", m.Zone, "error", err)
		}
	})
}

// assign goes from wherever the match stands to its end.
func (a *assigner) assign(ctx context.Context, m Match) error {
	players := each(m.Tickets)
	if m.State == claimed {
		if m.Until != 0 {
			if all, err := a.ask(ctx, m); err != nil || !all {
				return err
			}
		}
		refused, err := a.createRoom(ctx, &m)
		if refused {
			return a.putBack(ctx, m, err)
		}
		if err != nil {
			return err
		}
		// From here on the tickets cannot go into another match, so their owners may be told.
		if err := a.store.Commit(ctx, m, a.cfg.Lease); err != nil {
			return err
		}
	} else if untold, err := a.store.Untold(ctx, m); err != nil { // taken over: others may play already
		return err
	} else {
		players = untold
	}
	if m.fill() && m.seated == nil { // taken over: the one before knew who is there
		if err := a.open(ctx, &m); err != nil {
			return err
		}
	}
	tell := func(ctx context.Context, t Ticket) error { return a.mesh.Matched(ctx, m, t) }
	told, late := a.tellAll(ctx, players, tell)
	if ctx.Err() != nil {
		return errStopping // not all were told for sure: whoever takes it over tells them again
	}
	var err error
	if len(late) == 0 {
		err = a.store.Finish(ctx, m)
	} else {
		err = a.store.Free(ctx, m, told, a.cfg.Lease)
		a.tellLate(late, tell, &m) // also when Redis has lost the match, as it then has the owners
	}
	if err != nil {
		return err
	}
	if m.fill() {
		a.stats.filled.Inc()
	} else {
		a.stats.made.Inc()
	}
	return nil
}

// open asks the zone once for a match's room, or for a fill's seat.
func (a *assigner) open(ctx context.Context, m *Match) (err error) {
	if !m.fill() {
		return a.mesh.CreateRoom(ctx, *m)
	}
	m.seated, err = a.mesh.FillSeat(ctx, *m)
	return err
}

// createRoom asks until there is an answer. refused says that the match is to be put back: the zone has said no, or has died with whatever it had, or has not
// answered for half of the lease. In the last case a room may be there that nobody will ever be sent to, or a seat be kept for some time for who does not come.
func (a *assigner) createRoom(ctx context.Context, m *Match) (refused bool, err error) {
	half, cancel := context.WithTimeout(ctx, a.cfg.Lease/2)
	defer cancel()
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		err := a.open(half, m)
		if err == nil {
			return false, nil
		}
		if ctx.Err() != nil {
			return false, errStopping
		}
		if half.Err() != nil || !uncertain(err) || !a.mesh.Alive(m.Zone) || !sleep(half, pause) {
			return ctx.Err() == nil, err
		}
	}
}

// putBack has the tickets wait again.
func (a *assigner) putBack(ctx context.Context, m Match, why error) error {
	if now := time.Now().Unix(); a.complained.Swap(now) != now {
		a.log.Warn("a zone did not take a match: its tickets wait again", "zone", m.Zone, "match", m.ID, "error", why)
	}
	a.stats.putBack.Inc()
	return a.store.Release(ctx, m)
}

// recover goes on with a match that was taken over from a node which let its deadline pass, under a reserved assignment. When there is nothing to go on with, because
// the room died with its zone or the battle may be over, a match that is not final is undone, and the players of a final one hear that it is gone.
func (a *assigner) recover(m Match, now int64) {
	a.stats.takenOver.Inc()
	fresh := now-max(m.Claimed, m.Until) <= a.cfg.Abandon.Milliseconds() && a.mesh.Alive(m.Zone)
	if fresh && m.State == claimed {
		a.start(m)
		return
	}
	a.spawn(func() {
		if fresh && !a.roomLost(m) {
			a.start(m) // which gives back
			return
		}
		defer a.giveBack(1)
		var err error
		if m.State == claimed {
			err = a.store.Release(a.life, m)
		} else {
			a.stats.abandoned.Inc()
			a.log.Warn("a match was abandoned: its zone has died, also if it has come back, or nobody finished it in time", "match", m.ID, "zone", m.Zone)
			err = a.abandon(a.life, m)
		}
		if err != nil && !errors.Is(err, ErrLost) && a.life.Err() == nil {
			a.log.Warn("could not end a match that was taken over", "match", m.ID, "error", err)
		}
	})
}

// abandon gives a final match up.
func (a *assigner) abandon(ctx context.Context, m Match) error {
	untold, err := a.store.Untold(ctx, m) // the others have played it
	if err != nil {
		return err
	}
	tell := a.unmatched(reasonAbandoned)
	late := a.tellUnmatched(ctx, untold, tell) // first: whoever takes over from here tells them again
	if ctx.Err() != nil {
		return errStopping
	}
	err = a.store.Finish(ctx, m)
	a.tellLate(late, tell, nil)
	return err
}

// roomLost reports whether the zone says that a match has no room any more: it has died and come back, or the battle is over, or the seat is another's. The zone's answer counts, not that there is none.
func (a *assigner) roomLost(m Match) bool {
	if m.fill() {
		code := fault.CodeOf(a.open(a.life, &m))
		return code == fault.NotFound || code == fault.FailedPrecondition || code == fault.AlreadyExists
	}
	has, err := a.mesh.HasRoom(a.life, m)
	return err == nil && !has
}

// unmatch tells the owners of the tickets' players that they ended without a match. It does not wait.
func (a *assigner) unmatch(tickets []Ticket, reason string) { a.unmatchEach(each(tickets), reason) }

// unmatchEach is unmatch for one player of each ticket.
func (a *assigner) unmatchEach(tickets []Ticket, reason string) {
	if len(tickets) > 0 {
		a.spawn(func() {
			tell := a.unmatched(reason)
			a.tellLate(a.tellUnmatched(a.life, tickets, tell), tell, nil)
		})
	}
}

func (a *assigner) unmatched(reason string) tell {
	return func(ctx context.Context, t Ticket) error { return a.mesh.Unmatched(ctx, t, reason) }
}

// uncertain reports whether a call that failed with err may have had its effect.
func uncertain(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Lost, fault.Deadline, fault.Cancelled, fault.Internal:
		return true
	}
	return false
}

// sleep waits for d and reports whether ctx still holds then.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
