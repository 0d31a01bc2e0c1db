package node

import (
	"context"
	"log/slog"
	"sync/atomic"

	"loumiao/framework/live"
)

// takeSettings begins the node's live settings, of which the level of its log is the node's own.
func (n *Node) takeSettings(context.Context) error {
	n.live = n.env.Live.NewSet(n.cfg.Area, n.log)
	levels := live.LogLevel.Of(n.live)
	follow := func() {
		if level, ok := levels.Get().Of(n.cfg.Type, n.id.String()); ok {
			n.level.Store(&level)
		} else {
			n.level.Store(nil)
		}
	}
	levels.OnChange(follow)
	follow()
	return nil
}

// leaveSettings ends the hooks. The values stay what they are.
func (n *Node) leaveSettings(context.Context) error {
	n.live.Close()
	return nil
}

// A levelHandler is a logger's handler with another level than its own, while there is one.
type levelHandler struct {
	slog.Handler
	level *atomic.Pointer[slog.Level]
}

// Enabled reports whether a record of the level is handled.
func (h *levelHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if own := h.level.Load(); own != nil {
		return level >= *own
	}
	return h.Handler.Enabled(ctx, level)
}

// WithAttrs is the handler with attributes, of the same level.
func (h *levelHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &levelHandler{h.Handler.WithAttrs(attrs), h.level}
}

// WithGroup is the handler with a group, of the same level.
func (h *levelHandler) WithGroup(name string) slog.Handler {
	return &levelHandler{h.Handler.WithGroup(name), h.level}
}
