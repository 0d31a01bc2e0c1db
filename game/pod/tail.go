package pod

import (
	"bytes"
	"strings"
	"sync"
)

// Bounds of what is kept of a node's log.
const (
	maxTail     = 64 << 10 // bytes, of all lines
	maxTailLine = 2 << 10  // bytes of a line; the rest of it is cut off
)

// A tail keeps the newest lines of a log. The zero tail is empty. It is safe for concurrent use.
type tail struct {
	mu    sync.Mutex
	lines []string // the oldest first
	size  int      // bytes
}

// Write takes whole lines. It never fails.
func (t *tail) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		kept := strings.ToValidUTF8(string(line[:min(len(line), maxTailLine)]), "")
		t.lines, t.size = append(t.lines, kept), t.size+len(kept)+1
	}
	drop := 0
	for t.size > maxTail {
		t.size -= len(t.lines[drop]) + 1
		t.lines[drop] = ""
		drop++
	}
	t.lines = t.lines[drop:]
	return len(text), nil
}

// last is the n newest lines, all of them if n is 0, the oldest first.
func (t *tail) last(n int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := 0
	if n > 0 {
		from = max(0, len(t.lines)-n)
	}
	return append([]string(nil), t.lines[from:]...)
}
