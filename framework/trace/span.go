package trace

import "context"

// A Kind is which part of a conversation a span is.
type Kind uint8

const (
	Internal Kind = iota // work within a node
	Server               // answers somebody
	Client               // waits for somebody's answer
	Producer             // hands on what somebody else works on later
)

// A Source makes tracers. It is safe for concurrent use.
type Source interface {
	// Open is the tracer of one node. stop sends what it still holds, within ctx, and lets it go.
	Open(service string, node uint16) (t Tracer, stop func(ctx context.Context) error)
}

// A Tracer makes spans. It is safe for concurrent use, and never waits for anybody.
type Tracer interface {
	// Begin is the first span of a trace; the zero Span for a trace that is not to be recorded.
	Begin(kind Kind, name string) Span
	// Continue is a span within one of another node.
	Continue(parent Ref, kind Kind, name string) Span
}

// Begin is t's Begin; the zero Span without a Tracer.
func Begin(t Tracer, kind Kind, name string) Span {
	if t == nil {
		return Span{}
	}
	return t.Begin(kind, name)
}

// Continue is t's Continue; the zero Span without a Tracer or a parent.
func Continue(t Tracer, parent Ref, kind Kind, name string) Span {
	if t == nil || parent.IsZero() {
		return Span{}
	}
	return t.Continue(parent, kind, name)
}

// A Recording is what a Tracer keeps of a span. It is safe for concurrent use.
type Recording interface {
	Ref() Ref
	Child(kind Kind, name string) Recording
	Set(key, value string)
	SetInt(key string, value int64)
	End(err error)
}

// A Span is one piece of work in a trace. The zero Span is of none, and all its methods do nothing. It is a small value, safe for concurrent use.
type Span struct{ recording Recording }

// Of is the Span of a Recording.
func Of(r Recording) Span { return Span{r} }

// IsZero reports whether the span belongs to no trace.
func (s Span) IsZero() bool { return s.recording == nil }

// Ref is the span's name for other nodes; zero for the zero Span.
func (s Span) Ref() Ref {
	if s.recording == nil {
		return Ref{}
	}
	return s.recording.Ref()
}

// Child is a span within this one.
func (s Span) Child(kind Kind, name string) Span {
	if s.recording == nil {
		return Span{}
	}
	return Span{s.recording.Child(kind, name)}
}

// Set notes something about the work. No secrets, and nothing that a player wrote.
func (s Span) Set(key, value string) {
	if s.recording != nil {
		s.recording.Set(key, value)
	}
}

// SetInt is Set for numbers.
func (s Span) SetInt(key string, value int64) {
	if s.recording != nil {
		s.recording.SetInt(key, value)
	}
}

// End ends the span, with why the work failed or nil. What is done to it later is ignored.
func (s Span) End(err error) {
	if s.recording != nil {
		s.recording.End(err)
	}
}

// A Carrier has a span that it belongs to: the one to whom a handler's answer goes, for instance.
type Carrier interface{ Span() Span }
