package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Journal takes records. It is safe for concurrent use.
type Journal struct {
	cfg   Config
	spool *spool
	full  chan struct{} // told when memory fills up
	more  chan struct{} // told when the spool has something

	mu       sync.Mutex
	memory   []byte // frames
	records  int    // in memory
	stats    Stats
	dropping bool // it was logged

	leaving        []byte // frames on their way to the spool; only flush changes it
	leavingRecords int
}

// Stats is what a journal has counted in this life.
type Stats struct {
	Written   uint64 // records that were taken
	Delivered uint64 // records that the receiver has taken, those of earlier lives included
	Dropped   uint64 // records that found no room, or were too long
	Refused   uint64 // records that the receiver will never take
	Spooled   int64  // bytes on disk now
}

// Open finds what earlier lives have left in the directory. Nothing is delivered before [Journal.Run].
func Open(cfg Config) (*Journal, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s, torn, err := openSpool(cfg.Dir, cfg.Spool)
	if err != nil {
		return nil, fmt.Errorf("journal: open the spool: %w", err)
	}
	if torn > 0 {
		cfg.Log.Warn("the end of a journal's spool is torn, as a process that was killed leaves it", "dir", cfg.Dir, "bytes", torn)
	}
	return &Journal{cfg: cfg, spool: s, full: make(chan struct{}, 1), more: make(chan struct{}, 1)}, nil
}

// Write takes a copy of a record, 1 to [MaxRecord] bytes, and returns at once. It reports whether there was room.
func (j *Journal) Write(record []byte) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(record) == 0 || len(record) > MaxRecord || len(j.memory)+frameHeader+len(record) > j.cfg.Memory {
		j.drop(1, "it is empty or too long, or memory is full")
		return false
	}
	j.memory = appendFrame(j.memory, record)
	j.records++
	j.stats.Written++
	if len(j.memory) > j.cfg.Memory/2 {
		tell(j.full)
	}
	return true
}

// Stats is what was counted until now.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	stats := j.stats
	stats.Spooled = j.spool.bytes()
	return stats
}

// Run spools and delivers until ctx ends, and spools the rest then. It is called once; what is written afterwards goes nowhere.
func (j *Journal) Run(ctx context.Context) {
	var sender sync.WaitGroup
	sender.Go(func() { j.send(ctx) })
	every := time.NewTicker(j.cfg.Every)
	defer every.Stop()
	for running := true; running; {
		select {
		case <-every.C:
		case <-j.full:
		case <-ctx.Done():
			running = false
		}
		j.flush()
	}
	sender.Wait()
	if err := j.spool.close(); err != nil {
		j.cfg.Log.Warn("a journal's spool is not closed cleanly", "dir", j.cfg.Dir, "err", err)
	}
}

// flush moves what is in memory to the spool. Writers do not wait for the disk: they fill the other buffer meanwhile.
func (j *Journal) flush() {
	j.mu.Lock()
	if j.leavingRecords == 0 {
		j.memory, j.leaving = j.leaving[:0], j.memory
		j.records, j.leavingRecords = 0, j.records
	}
	leaving, records := j.leaving, j.leavingRecords
	j.mu.Unlock()
	if records == 0 {
		return
	}
	err := j.spool.append(leaving)

	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case errors.Is(err, errFull):
		j.drop(records, err.Error())
		j.stats.Written -= uint64(records)
	case err != nil:
		j.cfg.Log.Error("a journal cannot write to its spool; will try again, while there is memory", "dir", j.cfg.Dir, "err", err)
		return
	default:
		j.dropping = false
	}
	j.leavingRecords = 0
	tell(j.more)
}

// drop counts what is lost, and says so once.
func (j *Journal) drop(records int, why string) {
	j.stats.Dropped += uint64(records)
	if !j.dropping {
		j.dropping = true
		j.cfg.Log.Error("a journal drops records; how many, its metrics say", "dir", j.cfg.Dir, "why", why)
	}
}

func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
