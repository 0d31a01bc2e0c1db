package match

import (
	"context"
	"log/slog"
	"time"

	"loumiao/game/api"
)

const (
	resyncEvery = 5000 // milliseconds between two readings of a whole pool, and only while the picture differs from it
	expirePage  = 256  // tickets given up in one pass
)

// Why a ticket ended without a match, as clients are told.
const (
	reasonExpired    = "no match was found in time"
	reasonLost       = "the ticket was lost"
	reasonDeclined   = "the match was not accepted"
	reasonCancelled  = "somebody of the party has cancelled"
	reasonParty      = "the party has changed"
	reasonUnattended = "the player was gone"
	reasonAbandoned  = "the match could not be started"
)

// A matcher runs the passes over one pool. One goroutine uses it.
type matcher struct {
	pool  Pool
	mode  Mode // of this pass
	cfg   Config
	self  string
	store *Store
	mesh  mesh
	work  *assigner
	ids   func() int64
	log   *slog.Logger
	stats poolStats

	latest func() map[string]Mode // for run

	former   former
	picture  waiting
	cursor   uint64 // the last sequence number read
	resyncAt int64
	leading  bool
	noZone   bool // already said
}

// run makes passes until ctx ends, then gives the lead up.
func (m *matcher) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			m.resign(context.WithoutCancel(ctx))
			return
		case <-timer.C:
		}
		if mode, ok := m.latest()[m.pool.Mode]; ok {
			m.mode = mode
		}
		err := m.step(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil && !failing:
			m.log.Error("matchmaking stands still", "error", err)
		case err == nil && failing:
			m.log.Info("matchmaking goes on")
		}
		failing = err != nil
		pause := m.cfg.Tick
		if !m.leading {
			pause = m.cfg.Lead / 3
		}
		timer.Reset(pause)
	}
}

func (m *matcher) resign(ctx context.Context) {
	if !m.leading {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := m.store.Resign(ctx, m.pool, m.self); err != nil {
		m.log.Warn("could not give up the lead; it expires by itself", "error", err)
	}
	m.forget()
}

func (m *matcher) forget() {
	m.picture.clear()
	m.cursor, m.leading = 0, false
	m.stats.waiting.Set(0)
}

// step is one pass: read what is new, give up what is too old, fill places in battles that are on, form groups, claim them and have them assigned.
func (m *matcher) step(ctx context.Context) error {
	now, err := m.read(ctx)
	if err == nil && m.leading {
		err = m.expire(ctx, now)
	}
	if err == nil && m.leading {
		err = m.fill(ctx, now)
	}
	if err == nil && m.leading {
		err = m.claim(ctx, now)
	}
	if err != nil {
		m.forget() // whatever half of it happened is read again
	}
	m.stats.waiting.Set(float64(len(m.picture.tickets)))
	return err
}

// read brings the picture up to date.
func (m *matcher) read(ctx context.Context) (now int64, err error) {
	for {
		p, err := m.store.Poll(ctx, m.pool, m.self, m.cfg.Lead, m.cursor)
		if err != nil {
			return 0, err
		}
		if !p.Leading {
			m.forget()
			return p.Now, nil
		}
		m.leading = true
		if p.Last < m.cursor { // Redis counts anew: it has lost what it had
			return p.Now, m.reread(ctx)
		}
		m.picture.add(p.Tickets)
		m.cursor = p.Read
		if len(p.Tickets) == pollPage {
			continue
		}
		if len(m.picture.tickets) != p.Size && p.Now >= m.resyncAt {
			m.resyncAt = p.Now + resyncEvery
			return p.Now, m.reread(ctx)
		}
		return p.Now, nil
	}
}

// reread replaces the picture by the whole pool.
func (m *matcher) reread(ctx context.Context) error {
	var all []Ticket
	m.cursor = 0
	for {
		p, err := m.store.Poll(ctx, m.pool, m.self, m.cfg.Lead, m.cursor)
		if err != nil {
			return err
		}
		if !p.Leading {
			m.forget()
			return nil
		}
		all = append(all, p.Tickets...)
		m.cursor = p.Read
		if len(p.Tickets) < pollPage {
			break
		}
	}
	return m.left(ctx, m.picture.replace(all))
}

// left is told of tickets that are not in the pool any more. Most were cancelled, or claimed by another node; the owners of those that Redis knows nothing
// of hear that they are lost.
func (m *matcher) left(ctx context.Context, tickets []Ticket) error {
	lost, err := m.store.Lost(ctx, m.pool.Area, tickets)
	if err != nil || len(lost) == 0 {
		return err
	}
	m.log.Warn("tickets were lost in Redis", "tickets", len(lost))
	m.work.unmatch(lost, reasonLost)
	return nil
}

func (m *matcher) expire(ctx context.Context, now int64) error {
	old := m.picture.expired(now, m.cfg.TicketTTL.Milliseconds(), expirePage)
	if len(old) == 0 {
		return nil
	}
	waited, err := m.store.Withdraw(ctx, m.pool, old)
	if err != nil {
		return err
	}
	m.picture.remove(old)
	var given []Ticket
	for i, t := range old {
		if waited[i] {
			given = append(given, t)
		}
	}
	m.stats.expired.Add(float64(len(given)))
	m.work.unmatch(given, reasonExpired)
	return nil
}

// fill takes tickets for the places that are open, before new groups are formed.
func (m *matcher) fill(ctx context.Context, now int64) error {
	if !m.mode.Backfill || len(m.picture.tickets) == 0 {
		return nil
	}
	places, err := m.store.Places(ctx, m.pool, now)
	if err != nil || len(places) == 0 {
		return err
	}
	granted := m.work.reserve(min(len(places), len(m.picture.tickets)))
	defer func() { m.work.giveBack(granted) }() // what was not used
	var fills []Match
	for _, f := range fill(m.picture.tickets, places, now, m.mode, granted) {
		fills = append(fills, Match{
			Pool: m.pool, ID: api.MatchID(m.ids()), Zone: f.place.Zone, Tickets: Group{f.ticket}, Teams: m.mode.Teams, Holder: m.self, State: claimed, Claimed: now,
			Place: f.place,
		})
	}
	became, err := m.store.Fill(ctx, fills, m.cfg.Lease)
	if err != nil {
		return err
	}
	var gone, doubtful []Ticket
	for i, match := range fills {
		switch t := match.Tickets[0]; became[i] {
		case filled:
			gone = append(gone, t)
			m.stats.waited.Observe(float64(now-t.Joined) / 1000)
			granted--
			m.work.start(match)
		case ticketGone:
			gone, doubtful = append(gone, t), append(doubtful, t)
		}
	}
	m.picture.remove(gone)
	return m.left(ctx, doubtful)
}

func (m *matcher) claim(ctx context.Context, now int64) error {
	granted := m.work.reserve(min(m.cfg.Assignments, m.picture.players()/m.mode.MinPlayers))
	defer func() { m.work.giveBack(granted) }() // what was not used
	if granted == 0 {
		return nil
	}
	groups := m.former.form(m.picture.tickets, now, m.mode, granted)
	matches := make([]Match, 0, len(groups))
	for _, g := range groups {
		zone, ok := m.mesh.Pick(m.pool.Area)
		if !ok {
			if !m.noZone {
				m.log.Warn("no zone is ready: matches have to wait", "area", m.pool.Area)
			}
			m.noZone = true
			return nil
		}
		matches = append(matches, Match{
			Pool: m.pool, ID: api.MatchID(m.ids()), Zone: zone, Tickets: g, Teams: m.mode.Teams, Holder: m.self, State: claimed, Claimed: now,
		})
	}
	m.noZone = false
	missing, err := m.store.Claim(ctx, matches, m.cfg.Lease, m.mode.Accept)
	if err != nil {
		return err
	}
	var gone, doubtful []Ticket
	for i, match := range matches {
		if missing[i] != nil {
			gone, doubtful = append(gone, missing[i]...), append(doubtful, missing[i]...)
			continue
		}
		gone = append(gone, match.Tickets...)
		for _, t := range match.Tickets {
			m.stats.waited.Observe(float64(now-t.Joined) / 1000)
		}
		granted--
		if m.mode.Accept > 0 {
			match.Until = now + m.mode.Accept.Milliseconds() // near enough: Redis keeps its own
		}
		m.work.start(match)
	}
	m.picture.remove(gone)
	return m.left(ctx, doubtful)
}
