package live

import (
	"errors"
	"slices"
	"sync/atomic"
)

// A Value is what a key or a bundle is now, for one node. Reads are atomic and take no lock; it is safe for concurrent use.
type Value[T any] struct {
	set   *Set
	parts []Declaration
	read  func(Texts) (T, error)
	def   T
	now   atomic.Pointer[resolved[T]]
	seen  map[uint16][]seenText // by area: the texts that now is made of, or that were refused
	hooks []func()              // guarded by the set's mu
}

// A seenText is the text of one part, or that there is none.
type seenText struct {
	text string
	ok   bool
}

type resolved[T any] struct {
	all   T
	areas map[uint16]T // those that differ
}

func bind[T any](s *Set, parts []Declaration, def T, read func(Texts) (T, error)) *Value[T] {
	v := &Value[T]{set: s, parts: parts, read: read, def: def, seen: map[uint16][]seenText{}}
	v.now.Store(&resolved[T]{all: def})
	s.add(v)
	return v
}

// Get is the value in the node's area.
func (v *Value[T]) Get() T { return v.In(v.set.area) }

// In is the value in an area, for nodes that serve several.
func (v *Value[T]) In(area uint16) T {
	r := v.now.Load()
	if own, ok := r.areas[area]; ok {
		return own
	}
	return r.all
}

// OnChange has fn called after each publication that changed the value, in whichever area, when all other values are new too. It ends with the set's
// owner, the node, whose end waits for it. fn runs on the goroutine that takes publications in, so it returns soon. It is not called for what the
// value is already: read that after OnChange has returned.
func (v *Value[T]) OnChange(fn func()) {
	v.set.mu.Lock()
	defer v.set.mu.Unlock()
	v.hooks = append(v.hooks, fn)
}

// apply makes the value what the texts say, and reports whether that is new. What is refused stays as it is.
func (v *Value[T]) apply(texts index) (changed bool) {
	before := v.now.Load()
	next := &resolved[T]{all: before.all, areas: map[uint16]T{}}
	areas := texts.areas(v.parts)
	for _, area := range areas {
		old, had := before.areas[area]
		if area == 0 {
			old, had = before.all, true
		}
		seen := v.textsOf(texts.in(area))
		if was, looked := v.seen[area]; looked && slices.Equal(seen, was) {
			if area != 0 && had {
				next.areas[area] = old
			}
			continue
		}
		v.seen[area] = seen
		value, err := v.read(texts.in(area))
		if err != nil {
			v.set.refused(v.parts, area, err)
			if area != 0 && had {
				next.areas[area] = old
			}
			continue
		}
		changed = true
		if area == 0 {
			next.all = value
		} else {
			next.areas[area] = value
		}
	}
	for area := range v.seen {
		if !slices.Contains(areas, area) {
			delete(v.seen, area)
			changed = true
		}
	}
	if changed {
		v.now.Store(next)
	}
	return changed
}

func (v *Value[T]) textsOf(texts Texts) []seenText {
	seen := make([]seenText, len(v.parts))
	for i, d := range v.parts {
		seen[i].text, seen[i].ok = texts(d.Spec().Name)
	}
	return seen
}

func (v *Value[T]) listeners() []func() { return v.hooks }

// refused logs what a value does not take.
func (s *Set) refused(parts []Declaration, area uint16, err error) {
	for _, e := range flatten(errors.Join(err)) {
		s.log.Error("a published value is refused; the old one stays", "key", parts[0].Spec().Name, "area", area, "err", e)
	}
}
