package journal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"loumiao/framework/frameworktest"
	"loumiao/framework/journal"
)

const envChild = "JOURNAL_TEST_DIR" // a test that kills a writer runs this binary again, with the spool's directory in it

func TestMain(m *testing.M) {
	if dir := os.Getenv(envChild); dir != "" {
		playWriter(dir)
		return
	}
	frameworktest.Main(m)
}

// A receiver stores each record once, as a log node does, and may be away.
type receiver struct {
	mu     sync.Mutex
	stored map[string]int // how often each came
	fail   func() error   // before it stores; nil: never
	after  func() error   // after it has stored
}

func (r *receiver) deliver(_ context.Context, records [][]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(); err != nil {
			return err
		}
	}
	if r.stored == nil {
		r.stored = map[string]int{}
	}
	for _, rec := range records {
		r.stored[string(rec)]++
	}
	if r.after != nil {
		return r.after()
	}
	return nil
}

func (r *receiver) has() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.stored)
}

// run runs a journal; stop ends it and waits.
func run(t *testing.T, cfg journal.Config) (j *journal.Journal, stop func()) {
	t.Helper()
	if cfg.Every == 0 {
		cfg.Every = time.Millisecond
	}
	j, err := journal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { j.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return j, stop
}

var errAway = errors.New("nobody answers")

func TestDelivers(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	j, _ := run(t, journal.Config{Dir: t.TempDir(), Deliver: r.deliver})
	for i := range 5000 {
		if !j.Write([]byte(strconv.Itoa(i))) {
			t.Fatal("no room")
		}
	}
	frameworktest.Eventually(t, "all is delivered and the spool is empty", func() bool {
		s := j.Stats()
		return r.has() == 5000 && s.Delivered == 5000 && s.Spooled == 0
	})
	if s := j.Stats(); s.Dropped != 0 || s.Written != 5000 {
		t.Errorf("stats %+v", s)
	}
}

func TestWaitsForTheReceiverThroughLives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	away := &receiver{fail: func() error { return errAway }}
	for life := range 3 {
		j, stop := run(t, journal.Config{Dir: dir, Deliver: away.deliver})
		j.Write(fmt.Appendf(nil, "life %d", life))
		stop()
	}
	r := &receiver{}
	_, stop := run(t, journal.Config{Dir: dir, Deliver: r.deliver})
	frameworktest.Eventually(t, "what three lives left is delivered", func() bool { return r.has() == 3 })
	stop()
	left, err := os.ReadDir(dir)
	if len(left) != 0 || err != nil {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	t.Run("a spool that is full drops and counts", func(t *testing.T) {
		t.Parallel()
		r := &receiver{fail: func() error { return errAway }}
		j, _ := run(t, journal.Config{Dir: t.TempDir(), Deliver: r.deliver, Memory: 128 << 10, Spool: 128 << 10})
		record := make([]byte, 60<<10)
		frameworktest.Eventually(t, "records are dropped", func() bool { j.Write(record); return j.Stats().Dropped > 10 })
		if s := j.Stats(); s.Spooled > 128<<10 {
			t.Errorf("%d bytes are spooled", s.Spooled)
		}
	})
	t.Run("memory that is full drops and counts", func(t *testing.T) {
		t.Parallel()
		j, err := journal.Open(journal.Config{Dir: t.TempDir(), Deliver: (&receiver{}).deliver, Memory: 128 << 10})
		if err != nil {
			t.Fatal(err)
		}
		for j.Write(make([]byte, 60<<10)) {
		}
		if s := j.Stats(); s.Dropped != 1 || s.Written != 2 {
			t.Errorf("stats %+v", s)
		}
	})
	t.Run("what is refused holds up nothing", func(t *testing.T) {
		t.Parallel()
		first := true
		r := &receiver{}
		r.fail = func() error {
			defer func() { first = false }()
			if first {
				return fmt.Errorf("%w: no such kind", journal.ErrRefused)
			}
			return nil
		}
		j, _ := run(t, journal.Config{Dir: t.TempDir(), Deliver: r.deliver})
		j.Write([]byte("bad"))
		frameworktest.Eventually(t, "it is refused", func() bool { return j.Stats().Refused == 1 })
		j.Write([]byte("good"))
		frameworktest.Eventually(t, "the next is delivered", func() bool { return r.has() == 1 })
	})
	t.Run("a configuration that cannot be", func(t *testing.T) {
		t.Parallel()
		_, err := journal.Open(journal.Config{Memory: 1, Spool: 1, Batch: -1, Every: -1, Patience: -1})
		for _, want := range []string{"directory", "receiver", "every", "memory", "spool", "batch", "patience"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not name %s", err, want)
			}
		}
	})
}

func TestTornTail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	away := &receiver{fail: func() error { return errAway }}
	j, stop := run(t, journal.Config{Dir: dir, Deliver: away.deliver})
	j.Write([]byte("first"))
	j.Write([]byte("second"))
	stop()
	files, _ := filepath.Glob(filepath.Join(dir, "*.spool"))
	info, err := os.Stat(files[0])
	if err == nil {
		err = os.Truncate(files[0], info.Size()-1)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	j, _ = run(t, journal.Config{Dir: dir, Deliver: r.deliver})
	j.Write([]byte("third"))
	frameworktest.Eventually(t, "what is whole is delivered", func() bool { return r.has() == 2 })
	if got := slices.Sorted(maps.Keys(r.stored)); !slices.Equal(got, []string{"first", "third"}) {
		t.Errorf("%q", got)
	}
}

// TestRandomLives has lives end at random and a receiver fail at random, before and after it has stored: all that was written arrives.
func TestRandomLives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2)) // used under the receiver's lock alone
	now := func() error {
		if rnd.IntN(3) == 0 {
			return errAway
		}
		return nil
	}
	r := &receiver{fail: now, after: now}
	want := map[string]bool{}
	for life := range 8 {
		j, stop := run(t, journal.Config{Dir: dir, Deliver: r.deliver, Batch: 1 + 997*life})
		for i := range 300 {
			record := fmt.Sprintf("%d/%d%s", life, i, strings.Repeat("x", i*life))
			if !j.Write([]byte(record)) {
				t.Fatal("no room")
			}
			want[record] = true
		}
		stop()
	}
	r.fail, r.after = nil, nil
	_, _ = run(t, journal.Config{Dir: dir, Deliver: r.deliver})
	frameworktest.Eventually(t, "all is delivered", func() bool { return r.has() == len(want) })
	for record := range r.stored {
		if !want[record] {
			t.Errorf("%.20q was never written", record)
		}
	}
}

// TestKilled kills a process that writes, with SIGKILL: what it has said is spooled arrives in the next life.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	spooled := 0
	for lines := bufio.NewScanner(out); spooled < 2000 && lines.Scan(); {
		spooled, _ = strconv.Atoi(lines.Text())
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if spooled < 2000 {
		t.Fatalf("the writer spooled %d", spooled)
	}
	r := &receiver{}
	j, _ := run(t, journal.Config{Dir: dir, Deliver: r.deliver})
	frameworktest.Eventually(t, "the spool is empty", func() bool { return j.Stats().Spooled == 0 })
	for i := range spooled {
		if r.stored[strconv.Itoa(i)] != 1 {
			t.Fatalf("record %d of %d came %d times", i, spooled, r.stored[strconv.Itoa(i)])
		}
	}
}

// playWriter is that process: it writes for ever, and says up to which record all is in the spool.
func playWriter(dir string) {
	j, err := journal.Open(journal.Config{Dir: dir, Every: time.Millisecond, Deliver: func(context.Context, [][]byte) error { return errAway }})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	go j.Run(context.Background())
	for n := 0; ; {
		for range 100 {
			j.Write([]byte(strconv.Itoa(n)))
			n++
		}
		for !j.Flushed() {
			time.Sleep(time.Millisecond)
		}
		fmt.Println(n)
	}
}
