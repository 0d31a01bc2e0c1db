package gate

import (
	"sync"
	"time"
)

// A lobby holds the connections that have not said Hello, the oldest first. It is bounded: a newcomer pushes out the oldest, so that those who say
// Hello at once get in however many others only connect.
type lobby struct {
	mu             sync.Mutex
	max            int
	count          int
	oldest, newest *session
}

// lobbyPlace is a session's place in the list. It is guarded by the lobby's lock.
type lobbyPlace struct {
	older, newer *session
	since        time.Time
	inside       bool
}

// enter adds s, and returns whom it pushed out, or nil.
func (l *lobby) enter(s *session, now time.Time) (out *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count >= l.max {
		out = l.oldest
		l.remove(out)
	}
	s.lobby = lobbyPlace{older: l.newest, since: now, inside: true}
	if l.newest != nil {
		l.newest.lobby.newer = s
	} else {
		l.oldest = s
	}
	l.newest = s
	l.count++
	return out
}

// leave takes s out, and reports whether it was still in: if not, it was pushed out or took too long.
func (l *lobby) leave(s *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remove(s)
}

// expire takes out everyone who entered before the time.
func (l *lobby) expire(before time.Time) (out []*session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.oldest != nil && l.oldest.lobby.since.Before(before) {
		out = append(out, l.oldest)
		l.remove(l.oldest)
	}
	return out
}

func (l *lobby) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

func (l *lobby) remove(s *session) bool {
	p := s.lobby
	if !p.inside {
		return false
	}
	if p.older != nil {
		p.older.lobby.newer = p.newer
	} else {
		l.oldest = p.newer
	}
	if p.newer != nil {
		p.newer.lobby.older = p.older
	} else {
		l.newest = p.older
	}
	s.lobby = lobbyPlace{}
	l.count--
	return true
}
