package live

import (
	"log/slog"
	"slices"
	"sync"
)

// A Set is the values of one node. It is safe for concurrent use.
type Set struct {
	area uint16
	log  *slog.Logger
	feed *Feed // nil: everything stays at its default

	applying sync.Mutex // one publication at a time; held while hooks run

	mu     sync.Mutex
	values []applied
	texts  index
	closed bool
}

// applied is a [Value] of any type.
type applied interface {
	apply(index) (changed bool)
	listeners() []func()
}

// NewSet is a set of values for a node that serves an area, 0 for all. A nil feed keeps everything at its default.
func (f *Feed) NewSet(area uint16, log *slog.Logger) *Set {
	s := &Set{area: area, log: log, feed: f}
	if f != nil {
		f.attach(s)
	}
	return s
}

// Close ends the set: its values stay what they are, and no hook runs any more when it returns. It must not be called by a hook.
func (s *Set) Close() {
	if s.feed != nil {
		s.feed.detach(s)
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *Set) add(v applied) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.apply(s.texts)
	s.values = append(s.values, v)
}

// apply takes a publication in, as a whole.
func (s *Set) apply(texts index) {
	s.applying.Lock()
	defer s.applying.Unlock()
	s.mu.Lock()
	s.texts = texts
	values, closed := slices.Clone(s.values), s.closed
	s.mu.Unlock()
	if closed {
		return
	}
	var changed []applied
	for _, v := range values {
		if v.apply(texts) {
			changed = append(changed, v)
		}
	}
	for _, v := range changed {
		s.mu.Lock()
		hooks := slices.Clone(v.listeners())
		s.mu.Unlock()
		for _, fn := range hooks {
			fn()
		}
	}
}
