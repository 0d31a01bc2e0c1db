package cluster

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"sync/atomic"
)

// lineLogger turns the lines of serf and memberlist, such as "[WARN] memberlist: refuting", into records.
type lineLogger struct {
	to     *slog.Logger
	closed atomic.Bool
}

func (l *lineLogger) std() *log.Logger { return log.New(l, "", 0) }

// close drops what is still to come: the libraries' last goroutines may log after the node, and its log, are gone.
func (l *lineLogger) close() { l.closed.Store(true) }

// Write takes one line.
func (l *lineLogger) Write(line []byte) (int, error) {
	if l.closed.Load() {
		return len(line), nil
	}
	level, text := slog.LevelDebug, strings.TrimRight(string(line), "\n")
	if rest, ok := strings.CutPrefix(text, "["); ok {
		if prefix, after, ok := strings.Cut(rest, "] "); ok {
			level, text = slogLevel(prefix), after
		}
	}
	from := "gossip"
	if lib, after, ok := strings.Cut(text, ": "); ok && (lib == "serf" || lib == "memberlist") {
		from, text = lib, after
	}
	l.to.Log(context.Background(), level, "gossip", slog.String("from", from), slog.String("says", text))
	return len(line), nil
}
