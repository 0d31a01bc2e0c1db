package live

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// Poll is how often a feed looks whether it has missed a publication.
	Poll = 2 * time.Second
	// askTimeout bounds one question to Redis.
	askTimeout = 2 * time.Second
)

// A Feed brings publications to the nodes of one process. It is safe for concurrent use.
type Feed struct {
	board *Board
	cache string // a file; "": none
	log   *slog.Logger

	version atomic.Uint64
	known   bool // a publication came from Redis. Used by one goroutine
	failing bool // already said. Used by one goroutine

	taking sync.Mutex // one publication at a time; held while sets apply it
	mu     sync.Mutex
	texts  index
	sets   map[*Set]bool

	end  context.CancelFunc
	done chan struct{}
}

// Open begins with what is up on the board or, when that cannot be asked or is empty, with what the cache file has from the last time; a file that cannot be
// read is passed over with a warning. Then it follows until Close. An empty path keeps no file. ctx bounds the beginning only.
func Open(ctx context.Context, board *Board, cache string, log *slog.Logger) *Feed {
	f := &Feed{board: board, cache: cache, log: log, sets: map[*Set]bool{}, done: make(chan struct{})}
	following, end := context.WithCancel(context.WithoutCancel(ctx))
	f.end = end
	if cache != "" {
		if s, ok, err := readCache(cache); err != nil {
			log.Warn("the last known live values cannot be read; the defaults hold until the centre says otherwise", "file", cache, "err", err)
		} else if ok {
			f.take(s)
		}
	}
	f.look(ctx)
	go func() {
		defer close(f.done)
		news := board.client.Subscribe(following, board.channel)
		defer func() { _ = news.Close() }() // it goes away with the connection, whatever it says
		f.follow(following, news.Channel())
	}()
	return f
}

// Close ends the feed and waits for it. Sets keep their values. It is called once, and not by a hook.
func (f *Feed) Close() {
	f.end()
	<-f.done
}

// Version is the version of what the process has; 0 when it has only defaults.
func (f *Feed) Version() uint64 { return f.version.Load() }

func (f *Feed) follow(ctx context.Context, news <-chan *redis.Message) {
	poll := time.NewTimer(0) // what was published before the subscription
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-news:
		case <-poll.C:
			poll.Reset(Poll*3/4 + rand.N(Poll/2)) // so that the nodes of a cluster do not all ask at once
		}
		f.look(ctx)
	}
}

// look takes in what is up, if that is new.
func (f *Feed) look(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err := f.ask(asking)
	switch {
	case ctx.Err() != nil:
	case err != nil && !f.failing:
		f.log.Warn("no news of live values; the last known ones hold", "version", f.Version(), "err", err)
	case err == nil && f.failing:
		f.log.Info("news of live values come again", "version", f.Version())
	}
	f.failing = err != nil && ctx.Err() == nil
}

func (f *Feed) ask(ctx context.Context) error {
	version, ok, err := f.board.Version(ctx)
	// What came from a file gives way to whatever is up; what came from Redis only to what is newer, or a late word of one who is not the centre any
	// more would turn the clock back.
	if err != nil || !ok || f.known && version <= f.Version() {
		return err
	}
	s, ok, err := f.board.Snapshot(ctx)
	if err != nil || !ok {
		return err
	}
	f.known = true
	f.take(s)
	if f.cache != "" {
		if err := writeCache(f.cache, s); err != nil {
			f.log.Warn("live values not kept for the next start", "file", f.cache, "err", err)
		}
	}
	return nil
}

// take gives a publication to every set.
func (f *Feed) take(s Snapshot) {
	f.taking.Lock()
	defer f.taking.Unlock()
	texts := s.index()
	f.mu.Lock()
	f.texts = texts
	sets := make([]*Set, 0, len(f.sets))
	for set := range f.sets {
		sets = append(sets, set)
	}
	f.mu.Unlock()
	for _, set := range sets {
		set.apply(texts)
	}
	f.version.Store(s.Version)
	f.log.Info("live values", "version", s.Version)
}

func (f *Feed) attach(s *Set) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.texts = f.texts
	f.sets[s] = true
}

func (f *Feed) detach(s *Set) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sets, s)
}
