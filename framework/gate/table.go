package gate

import (
	"sync"

	"loumiao/framework/id"
)

// A table finds sessions by their id. It is in parts, so that the readers of several lines do not wait for each other.
type table struct {
	parts [tableParts]struct {
		sync.RWMutex
		sessions map[id.Session]*session
	}
}

const tableParts = 32 // a power of two

func newTable() *table {
	t := &table{}
	for i := range t.parts {
		t.parts[i].sessions = map[id.Session]*session{}
	}
	return t
}

// part spreads ids that differ in their low bits or, made by one generator over time, in the higher ones.
func part(sid id.Session) int { return int((uint64(sid) * 0x9e3779b97f4a7c15) >> 59) }

func (t *table) get(sid id.Session) *session {
	p := &t.parts[part(sid)]
	p.RLock()
	s := p.sessions[sid]
	p.RUnlock()
	return s
}

func (t *table) put(s *session) {
	p := &t.parts[part(s.id)]
	p.Lock()
	p.sessions[s.id] = s
	p.Unlock()
}

func (t *table) remove(s *session) {
	p := &t.parts[part(s.id)]
	p.Lock()
	if p.sessions[s.id] == s {
		delete(p.sessions, s.id)
	}
	p.Unlock()
}

// each calls fn for every session that is there, with no lock held. batch is memory to use, and is returned for the next time.
func (t *table) each(batch []*session, fn func(*session)) []*session {
	for i := range t.parts {
		p := &t.parts[i]
		batch = batch[:0]
		p.RLock()
		for _, s := range p.sessions {
			batch = append(batch, s)
		}
		p.RUnlock()
		for _, s := range batch {
			fn(s)
		}
	}
	clear(batch[:cap(batch)])
	return batch[:0]
}
