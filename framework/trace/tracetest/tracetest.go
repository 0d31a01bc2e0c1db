// Package tracetest keeps spans in memory, so that a test can say what a trace should look like:
//
//	var traces tracetest.Traces
//	tracer, _ := traces.Open("world", 7)
//	...
//	traces.Path("sql") // "Greet > Greet > world.Player.greet > db.Save > db.Save > sql"
package tracetest

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"

	"loumiao/framework/trace"
)

// Traces is a [trace.Source] whose tracers record everything. The zero value is ready for use. It is safe for concurrent use.
type Traces struct {
	mu    sync.Mutex
	spans []*Span
}

// A Span is one span. Its fields may be read when it has ended.
type Span struct {
	Service string
	Kind    trace.Kind
	Name    string
	Parent  [8]byte // zero: the first of its trace
	Attrs   map[string]any
	Err     error
	Ended   int // how often

	ref trace.Ref
	in  *Traces
}

// Open is part of [trace.Source].
func (t *Traces) Open(service string, _ uint16) (trace.Tracer, func(context.Context) error) {
	return tracer{t, service}, func(context.Context) error { return nil }
}

// Ended is the spans that have ended, as they began.
func (t *Traces) Ended() []Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Span
	for _, s := range t.spans {
		if s.Ended > 0 {
			all = append(all, *s)
		}
	}
	return all
}

// Unbalanced is how many spans have not ended, or more than once.
func (t *Traces) Unbalanced() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, s := range t.spans {
		if s.Ended != 1 {
			n++
		}
	}
	return n
}

// Path is the names of the spans from the first of its trace down to the last that began with the name; "" if there is none.
func (t *Traces) Path(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for i := len(t.spans) - 1; i >= 0; i-- {
		if t.spans[i].Name == name {
			for s := t.spans[i]; s != nil; s = t.find(s.ref.Trace, s.Parent) {
				names = append(names, s.Name)
			}
			break
		}
	}
	slices.Reverse(names)
	return strings.Join(names, " > ")
}

func (t *Traces) find(traceID [16]byte, span [8]byte) *Span {
	for _, s := range t.spans {
		if s.ref.Trace == traceID && s.ref.Span == span {
			return s
		}
	}
	return nil
}

func (t *Traces) add(service string, parent trace.Ref, kind trace.Kind, name string) *Span {
	s := &Span{Service: service, Kind: kind, Name: name, Parent: parent.Span, Attrs: map[string]any{}, in: t}
	if s.ref.Trace = parent.Trace; parent.IsZero() {
		_, _ = rand.Read(s.ref.Trace[:])
	}
	_, _ = rand.Read(s.ref.Span[:])
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spans = append(t.spans, s)
	return s
}

type tracer struct {
	in      *Traces
	service string
}

func (t tracer) Begin(kind trace.Kind, name string) trace.Span {
	return trace.Of(t.in.add(t.service, trace.Ref{}, kind, name))
}

func (t tracer) Continue(parent trace.Ref, kind trace.Kind, name string) trace.Span {
	return trace.Of(t.in.add(t.service, parent, kind, name))
}

// Ref is part of [trace.Recording], as the following are.
func (s *Span) Ref() trace.Ref { return s.ref }

// Child begins a span within this one.
func (s *Span) Child(kind trace.Kind, name string) trace.Recording {
	return s.in.add(s.Service, s.ref, kind, name)
}

// Set notes an attribute.
func (s *Span) Set(key, value string) { s.set(key, value) }

// SetInt notes an attribute.
func (s *Span) SetInt(key string, value int64) { s.set(key, value) }

func (s *Span) set(key string, value any) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.Attrs[key] = value
}

// End counts the end.
func (s *Span) End(err error) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.Ended++
	if s.Ended == 1 {
		s.Err = err
	}
}
