package line

import "sync"

// A book is every session of a server, by the name that gates know it under: those that are attached, on whichever line, and those that are kept for
// clients who may return.
type book struct {
	mu       sync.Mutex
	sessions map[attachment]*Session
}

// put enters a session, and returns the one whose place it takes, if any. It does not if a later connection has that.
func (b *book) put(s *Session) (old *Session, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sessions == nil {
		b.sessions = map[attachment]*Session{}
	}
	if old = b.sessions[s.key()]; old != nil && old.laterThan(s.turn) {
		return nil, false
	}
	b.sessions[s.key()] = s
	return old, true
}

func (b *book) get(key attachment) *Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions[key]
}

func (b *book) remove(s *Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sessions[s.key()] == s {
		delete(b.sessions, s.key())
	}
}

// all is every session there is now.
func (b *book) all() []*Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*Session, 0, len(b.sessions))
	for _, s := range b.sessions {
		list = append(list, s)
	}
	return list
}
