package actor

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// A reporter logs what happens to actors, no more than reportBurst lines a second of each subject: a flood of
// failing messages must not become a flood of log lines. What was left out is said in the next line.
type reporter struct {
	logger *slog.Logger
	clock  *clock
	limits [subjects]limit
}

// A subject is one thing that a reporter limits by itself.
type subject int

const (
	aboutSlow subject = iota
	aboutError
	aboutUnknown
	aboutPanic
	aboutDropped
	subjects
)

// reportBurst is the number of lines a second and subject.
const reportBurst = 10

type limit struct{ second, count, omitted atomic.Int64 }

func (r *reporter) log(about subject, level slog.Level, text string, attrs ...slog.Attr) {
	l := &r.limits[about]
	second := r.clock.coarse() / int64(time.Second)
	if old := l.second.Load(); old != second && l.second.CompareAndSwap(old, second) {
		l.count.Store(0)
	}
	if l.count.Add(1) > reportBurst {
		l.omitted.Add(1)
		return
	}
	if n := l.omitted.Swap(0); n > 0 {
		attrs = append(attrs, slog.Int64("omitted", n))
	}
	r.logger.LogAttrs(context.Background(), level, text, attrs...)
}
