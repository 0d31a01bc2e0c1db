package gate

import (
	"time"

	"loumiao/framework/id"
	"loumiao/framework/line"
)

// Lines is what a gate needs of its lines.
type Lines = lines

// NewWithLines is a gate with other lines than real ones.
func NewWithLines(cfg Config, make func(line.Downstream) Lines) (*Gate, error) {
	g, err := newGate(cfg)
	if err != nil {
		return nil, err
	}
	g.lines = make(downstream{g})
	g.started = g.started.Add(-time.Hour) // so that a time that was never set is long ago
	return g, nil
}

// Waiting is how many connections have not said hello.
func (g *Gate) Waiting() int { return g.lobby.size() }

// Dropped is how many droppable frames were dropped.
func (g *Gate) Dropped() int64 { return g.stats.dropped.Load() }

// Stray is how many frames came from backends that had no say.
func (g *Gate) Stray() int64 { return g.stats.stray.Load() }

// Compressed is how many bodies were compressed.
func (g *Gate) Compressed() int64 { return g.stats.compressed.Load() }

// Held is how many bytes the session's writer has taken, which cannot be dropped any more.
func (g *Gate) Held(session id.Session) int {
	s := g.table.get(session)
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.held
}

// Queued is how many bytes wait for the session's client.
func (g *Gate) Queued(session id.Session) int {
	s := g.table.get(session)
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out.pending == nil {
		return s.out.held
	}
	return s.out.held + len(s.out.pending.b)
}

// LookLater has the gate look around as if so much time had gone.
func (g *Gate) LookLater(d time.Duration) { g.look(nil, g.now()+int64(d)) }

// LineTimeout is how long what a client sends waits for a line.
const LineTimeout = lineTimeout

// NewOnlyGate is the registry of a gate that is alone.
func NewOnlyGate() SessionRegistry { return &onlyGate{holders: map[int64]Holder{}} }

// MissedKicks is how many kicks are kept for claims.
func (g *Gate) MissedKicks() int {
	g.claims.mu.Lock()
	defer g.claims.mu.Unlock()
	return len(g.claims.missed)
}
