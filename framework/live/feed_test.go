package live_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/live"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var number = live.Int("n", 0, 0, 1_000_000, "doc")

func snapshot(version uint64, n int) live.Snapshot {
	return live.Snapshot{Version: version, Entries: []live.Entry{{Name: "n", Text: fmt.Sprint(n), Version: version}}}
}

// A reader is a process with one node.
type reader struct {
	feed    *live.Feed
	value   *live.Value[int64]
	changed chan struct{}
}

func open(t *testing.T, board *live.Board, cache string, log *slog.Logger) *reader {
	t.Helper()
	r := &reader{feed: live.Open(t.Context(), board, cache, log), changed: make(chan struct{}, 100)}
	t.Cleanup(r.feed.Close)
	set := r.feed.NewSet(0, log)
	t.Cleanup(set.Close)
	r.value = number.Of(set)
	r.value.OnChange(func() { r.changed <- struct{}{} })
	return r
}

// becomes waits for a value, and says how long that took.
func (r *reader) becomes(t *testing.T, n int64) time.Duration {
	t.Helper()
	began := time.Now()
	timeout := time.After(30 * time.Second)
	for r.value.Get() != n {
		select {
		case <-r.changed:
		case <-timeout:
			t.Fatalf("the value is %d, not %d, at version %d", r.value.Get(), n, r.feed.Version())
		}
	}
	return time.Since(began)
}

func TestAPublicationReachesEveryProcess(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		board := live.NewBoard(stores)
		dir := t.TempDir()
		put := func(s live.Snapshot) {
			t.Helper()
			if err := board.Put(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		put(snapshot(3, 30))
		var readers []*reader
		for i := range 3 {
			r := open(t, board, filepath.Join(dir, fmt.Sprint(i)), storetest.Log(t))
			if r.value.Get() != 30 {
				t.Errorf("a process begins with %d", r.value.Get())
			}
			readers = append(readers, r)
		}
		put(snapshot(4, 40))
		for _, r := range readers {
			r.becomes(t, 40)
		}
		put(snapshot(4, 41)) // the same version, and an older one, take nothing back
		put(snapshot(2, 20))
		if v, ok, err := board.Version(t.Context()); v != 4 || !ok || err != nil {
			t.Errorf("version %d is up, %v, %v", v, ok, err)
		}
		put(snapshot(5, 50))
		for _, r := range readers {
			r.becomes(t, 50)
		}
	})
}

// silent is a Redis whose channel nobody publishes on: every word is lost.
type silent struct{ *store.Stores }

func (s silent) Key(parts ...string) string {
	if parts[1] == "news" {
		return s.Stores.Key("live", "lost")
	}
	return s.Stores.Key(parts...)
}

func TestALostWordHealsByAsking(t *testing.T) {
	t.Parallel()
	stores := storetest.Embedded(t)
	r := open(t, live.NewBoard(stores), "", storetest.Log(t))
	for n := range 2 { // the first may still be found by the look with which a feed begins
		if err := live.NewBoard(silent{stores}).Put(t.Context(), snapshot(uint64(n+1), 10+n)); err != nil {
			t.Fatal(err)
		}
		r.becomes(t, int64(10+n))
	}
}

func TestAProcessBeginsWithWhatItKnewLast(t *testing.T) {
	t.Parallel()
	cache := filepath.Join(t.TempDir(), "sub", "live")
	cfg := storetest.EmbeddedConfig(t)
	first := storetest.Open(t, cfg)
	r := open(t, live.NewBoard(first), cache, storetest.Log(t))
	if err := live.NewBoard(first).Put(t.Context(), snapshot(9, 90)); err != nil {
		t.Fatal(err)
	}
	r.becomes(t, 90)
	r.feed = live.Open(t.Context(), live.NewBoard(first), cache, storetest.Log(t)) // the file is there when this has closed
	r.feed.Close()

	second := storetest.Open(t, storetest.EmbeddedConfig(t)) // a Redis that has lost everything
	r = open(t, live.NewBoard(second), cache, storetest.Log(t))
	if r.value.Get() != 90 || r.feed.Version() != 9 {
		t.Errorf("begins with %d, version %d", r.value.Get(), r.feed.Version())
	}
	// What is up counts, also when its versions began anew.
	if err := live.NewBoard(second).Put(t.Context(), snapshot(9, 91)); err != nil {
		t.Fatal(err)
	}
	r.becomes(t, 91)

	gone, cancel := context.WithCancel(t.Context())
	cancel() // Redis does not answer at all
	feed := live.Open(gone, live.NewBoard(second), cache, slog.New(slog.DiscardHandler))
	defer feed.Close()
	if feed.Version() != 9 {
		t.Errorf("without Redis a process begins with version %d", feed.Version())
	}
}

func TestABrokenCacheFallsBackToTheDefaults(t *testing.T) {
	t.Parallel()
	good, err := live.EncodeCache(snapshot(9, 90))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)-3] ^= 1
	for name, content := range map[string][]byte{
		"empty": {}, "cut off": good[:len(good)-1], "one bit": flipped, "another number": bytes.Replace(good, []byte(`"90"`), []byte(`"91"`), 1), "other": []byte("{}"), "longer": append(bytes.Clone(good), 'x'),
		"huge": bytes.Repeat([]byte("live 1 "), live.MaxSnapshot/6),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cache := filepath.Join(t.TempDir(), "live")
			if err := os.WriteFile(cache, content, 0o600); err != nil {
				t.Fatal(err)
			}
			var log safeBuffer
			board := live.NewBoard(storetest.Embedded(t))
			r := open(t, board, cache, slog.New(slog.NewTextHandler(&log, nil)))
			if r.value.Get() != 0 || r.feed.Version() != 0 || !strings.Contains(log.String(), "cannot be read") {
				t.Errorf("value %d, version %d; the log says %s", r.value.Get(), r.feed.Version(), log.String())
			}
			if err := board.Put(t.Context(), snapshot(1, 10)); err != nil {
				t.Fatal(err)
			}
			r.becomes(t, 10)
		})
	}
}

func TestTheCacheIsReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "live")
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for v := range 25 {
				if err := live.WriteCache(path, snapshot(uint64(v+1), i)); err != nil {
					t.Error(err)
				}
				if s, ok, err := live.ReadCache(path); err != nil || !ok || len(s.Entries) != 1 {
					t.Errorf("read %+v, %v, %v", s, ok, err)
				}
			}
		})
	}
	writers.Wait()
	if files, err := filepath.Glob(path + "*"); len(files) != 1 || err != nil {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// safeBuffer is a buffer for a log.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A file that is read is one that could have been written: nothing crashes, and what is taken is written the same again.
func FuzzCache(f *testing.F) {
	for _, s := range []live.Snapshot{{}, snapshot(1, 2), {Version: 1 << 63, Entries: []live.Entry{{Name: "x", Area: 7, Text: "\x00ü", Version: 3}}}} {
		data, err := live.EncodeCache(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := live.DecodeCache(file)
		if err != nil {
			return
		}
		again, err := live.EncodeCache(s)
		if err != nil {
			t.Skip("grows when it is written")
		}
		if back, err := live.DecodeCache(again); err != nil || back.Version != s.Version || len(back.Entries) != len(s.Entries) {
			t.Errorf("%+v came back as %+v, %v", s, back, err)
		}
	})
}

// Any bytes in Redis are an error or a snapshot that can be applied.
func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(`{"version":3,"entries":[{"name":"n","text":"5","version":3},{"name":"n","area":2,"text":"x"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := live.DecodeSnapshot(data)
		if err != nil {
			return
		}
		var none *live.Feed
		set := none.NewSet(2, slog.New(slog.DiscardHandler))
		v := number.Of(set)
		live.Apply(set, s)
		if n := v.Get(); n < 0 || n > 1_000_000 {
			t.Errorf("a value of %d", n)
		}
	})
}
