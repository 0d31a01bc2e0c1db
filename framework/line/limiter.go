package line

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// A limiter lets one line a second into the log, and tells with it how many it did not: what clients can cause, they can cause often.
type limiter struct {
	next       atomic.Int64 // unix nanoseconds
	suppressed atomic.Int64
}

func (l *limiter) log(to *slog.Logger, text string, args ...any) {
	now := time.Now().UnixNano()
	next := l.next.Load()
	if now < next || !l.next.CompareAndSwap(next, now+int64(time.Second)) {
		l.suppressed.Add(1)
		return
	}
	to.Warn(text, append(args, "suppressed", l.suppressed.Swap(0))...)
}
