package app

import (
	"context"
	"errors"
	"log/slog"
)

// A tee is a handler whose records go to a second one too. Unlike slog's own MultiHandler it leaves the level to the first one, and to whoever
// wraps the tee: a node's level can change while it runs.
type tee struct{ first, second slog.Handler }

// Enabled is the first one's.
func (t tee) Enabled(ctx context.Context, level slog.Level) bool { return t.first.Enabled(ctx, level) }

// Handle has both handle the record.
func (t tee) Handle(ctx context.Context, r slog.Record) error {
	return errors.Join(t.first.Handle(ctx, r), t.second.Handle(ctx, r.Clone()))
}

// WithAttrs is the handler with attributes.
func (t tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tee{t.first.WithAttrs(attrs), t.second.WithAttrs(attrs)}
}

// WithGroup is the handler with a group.
func (t tee) WithGroup(name string) slog.Handler {
	return tee{t.first.WithGroup(name), t.second.WithGroup(name)}
}
