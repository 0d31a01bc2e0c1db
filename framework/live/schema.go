package live

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// A Declaration is a [Key] of any type.
type Declaration interface {
	Spec() Spec
	Check(text string) error
}

// A Part is what a [Schema] is made of: a [Key] or a [Bundle].
type Part interface {
	keys() []Declaration
	check(Texts) error
}

// A Schema is every key that there is. It never changes, so it is safe for concurrent use.
type Schema struct {
	byName map[string]Declaration
	specs  []Spec // by name
	parts  []Part
}

// NewSchema collects keys, and those of bundles. It says everything that is wrong with their declarations at once.
func NewSchema(parts ...Part) (*Schema, error) {
	s := &Schema{byName: map[string]Declaration{}, parts: parts}
	var errs []error
	for _, part := range parts {
		for _, d := range part.keys() {
			spec := d.Spec()
			if other := s.byName[spec.Name]; other == d {
				continue
			} else if other != nil {
				errs = append(errs, fmt.Errorf("live: key %q is declared twice", spec.Name))
				continue
			}
			s.byName[spec.Name] = d
			s.specs = append(s.specs, spec)
			errs = append(errs, spec.validate(d.Check))
		}
		if err := part.check(func(string) (string, bool) { return "", false }); err != nil {
			errs = append(errs, fmt.Errorf("live: a bundle does not take its defaults: %w", err))
		}
	}
	slices.SortFunc(s.specs, func(a, b Spec) int { return cmp.Compare(a.Name, b.Name) })
	return s, errors.Join(errs...)
}

// Specs is every key, by name. The slice is shared and must not be modified.
func (s *Schema) Specs() []Spec { return s.specs }

// Knows reports whether there is such a key.
func (s *Schema) Knows(name string) bool { return s.byName[name] != nil }

// A Change is a new text for a key in an area, or that it has none any more.
type Change struct {
	Name   string
	Area   uint16 // 0: where an area has none of its own
	Text   string
	Remove bool
}

// MaxChanges bounds what one publication may change.
const MaxChanges = 256

// A Problem is one thing that is wrong with changes.
type Problem struct {
	Name string // of the key; "" when it is about all of them
	Area uint16
	What string
}

// String is the problem on one line.
func (p Problem) String() string {
	switch {
	case p.Name == "":
		return p.What
	case p.Area != 0:
		return fmt.Sprintf("%s (area %d): %s", p.Name, p.Area, p.What)
	}
	return p.Name + ": " + p.What
}

// Check is everything that is wrong with changes to what is published now; none means that they may be published. Only what the changes touch is looked
// at, so that something that is wrong already does not keep anybody from mending something else.
func (s *Schema) Check(now Snapshot, changes []Change) []Problem {
	if len(changes) == 0 || len(changes) > MaxChanges {
		return []Problem{{What: fmt.Sprintf("there are %d changes; must be 1 to %d", len(changes), MaxChanges)}}
	}
	var problems []Problem
	at := map[place]bool{}
	touched := map[string]bool{}
	for _, c := range changes {
		touched[c.Name] = true
		bad := func(what string) { problems = append(problems, Problem{c.Name, c.Area, what}) }
		if at[place{c.Name, c.Area}] {
			bad("is changed twice")
		}
		at[place{c.Name, c.Area}] = true
		key := s.byName[c.Name]
		_, there := now.Entry(c.Name, c.Area)
		switch {
		case c.Remove && !there:
			bad("has nothing that could be removed")
		case c.Remove: // also of a key that this build does not know any more
		case key == nil:
			bad("there is no such key")
		case c.Area != 0 && !key.Spec().PerArea:
			bad("cannot have a value of its own in an area")
		default:
			for _, err := range flatten(key.Check(c.Text)) {
				bad(err.Error())
			}
		}
	}
	if len(problems) > 0 {
		return problems // what is made of the texts would only be wrong again
	}
	after, err := now.With(changes, now.Version+1)
	if err != nil {
		return []Problem{{What: err.Error()}}
	}
	return s.checkParts(after, touched)
}

// checkParts looks at what is made of several keys, in every area that has a text for one of them.
func (s *Schema) checkParts(after Snapshot, touched map[string]bool) (problems []Problem) {
	texts := after.index()
	for _, part := range s.parts {
		if !slices.ContainsFunc(part.keys(), func(d Declaration) bool { return touched[d.Spec().Name] }) {
			continue
		}
		for _, area := range texts.areas(part.keys()) {
			for _, err := range flatten(part.check(texts.in(area))) {
				problems = append(problems, Problem{Area: area, What: err.Error()})
			}
		}
	}
	return problems
}

// flatten is the errors that errors.Join put together, one by one.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	return []error{err}
}
