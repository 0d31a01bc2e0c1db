package trace

import (
	"context"
	"log/slog"
)

// Key is the key under which a context's Value is the [Span] that work with the context belongs to.
type Key struct{}

// From is the context's span; the zero Span if it has none.
func From(ctx context.Context) Span {
	s, _ := ctx.Value(Key{}).(Span)
	return s
}

// With is ctx with the span, or ctx itself for the zero Span.
func With(ctx context.Context, s Span) context.Context {
	if s.IsZero() {
		return ctx
	}
	return context.WithValue(ctx, Key{}, s)
}

// Logs wraps a handler so that what is logged with a context that belongs to a trace says which, as "trace".
func Logs(h slog.Handler) slog.Handler { return logs{h} }

type logs struct{ slog.Handler }

func (l logs) Handle(ctx context.Context, r slog.Record) error {
	if ref := From(ctx).Ref(); !ref.IsZero() {
		r.AddAttrs(slog.String("trace", ref.String()))
	}
	return l.Handler.Handle(ctx, r)
}

func (l logs) WithAttrs(attrs []slog.Attr) slog.Handler { return logs{l.Handler.WithAttrs(attrs)} }
func (l logs) WithGroup(name string) slog.Handler       { return logs{l.Handler.WithGroup(name)} }
