package node_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/framework/store/storetest"
)

// A shared is a buffer for a log.
type shared struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *shared) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.buf.String(), text)
}

// TestLogLevelsChange has one of two nodes log more, or less, while it runs, and no hook run after its end.
func TestLogLevelsChange(t *testing.T) {
	t.Parallel()
	c := setup(t)
	board := live.NewBoard(c.Stores())
	feed := live.Open(t.Context(), board, "", storetest.Log(t))
	defer feed.Close()
	var log shared
	c.Env.Live, c.Env.Log = feed, slog.New(slog.NewTextHandler(&log, nil)) // at info
	key := live.Int("x", 0, 0, 10, "doc")
	changes := make(chan int64, 10)
	one := c.Start(node.Config{Type: "one"}, &service{})
	two := c.Start(node.Config{Type: "two"}, &service{})
	x := key.Of(one.Live())
	x.OnChange(func() { changes <- x.Get() })
	version := uint64(0)
	publish := func(levels string) {
		t.Helper()
		version++
		err := board.Put(t.Context(), live.Snapshot{Version: version, Entries: []live.Entry{
			{Name: "log.level", Text: levels}, {Name: "x", Text: string(rune('0' + version))},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if got := <-changes; got != int64(version) {
			t.Fatalf("the value is %d", got)
		}
	}
	// The log's level is a value like x, and was there before it, so it has changed when x has.
	say := func(text string, wantOne, wantTwo bool) {
		t.Helper()
		one.Log().With("a", 1).WithGroup("g").Debug(text + "-one")
		two.Log().Debug(text + "-two")
		if log.has(text+"-one") != wantOne || log.has(text+"-two") != wantTwo {
			t.Errorf("%s: one %v, two %v", text, log.has(text+"-one"), log.has(text+"-two"))
		}
	}
	say("before", false, false)
	publish("one=debug")
	say("first", true, false)
	publish("warn")
	one.Log().Info("quiet")
	if log.has("quiet") {
		t.Error("a node that is to warn only says more")
	}
	publish("")
	one.Log().Info("loud")
	if !log.has("loud") {
		t.Error("a node of which nothing is said does not log as it did")
	}
	y, last := key.Of(two.Live()), make(chan int64, 10)
	y.OnChange(func() { last <- y.Get() })
	one.Stop()
	if err := board.Put(t.Context(), live.Snapshot{Version: 9, Entries: []live.Entry{{Name: "x", Text: "9"}}}); err != nil {
		t.Fatal(err)
	}
	for got := int64(0); got != 9; got = <-last { // the one before may come to this node only now
	}
	if len(changes) != 0 {
		t.Errorf("%d hooks ran at the node that has ended", len(changes))
	}
}
