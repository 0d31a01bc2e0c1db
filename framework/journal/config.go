package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// MaxRecord bounds one record, in bytes.
const MaxRecord = 64 << 10

// ErrRefused is for [Config.Deliver]: the receiver will never take this batch. It is dropped and counted.
var ErrRefused = errors.New("journal: the receiver refuses the batch")

// Config is how a journal is bounded. Dir and Deliver are required.
type Config struct {
	// Dir is where the spool is. It is made if need be.
	Dir string
	// Deliver hands records to who stores them, in the order in which they were written, and returns when they are stored. After any error but
	// [ErrRefused] the same records come again, at once or in another life. One call runs at a time; it must not keep the records.
	Deliver func(ctx context.Context, records [][]byte) error
	// Every is how long records gather in memory. Default 100 ms.
	Every time.Duration
	// Memory bounds what gathers there, in bytes; as much again may be on its way to the spool. Default 4 MiB, at least 128 KiB.
	Memory int
	// Spool bounds the files, in bytes. Default 256 MiB, at least 128 KiB.
	Spool int64
	// Batch bounds a batch, in bytes; default and most 256 KiB. It is at most 1,000 records. One record always fits.
	Batch int
	// Patience bounds one call of Deliver. Default 10 s.
	Patience time.Duration
	// Log is told of what is dropped and of a receiver that does not answer. Default: nobody.
	Log *slog.Logger
}

const (
	minBound     = 2 * MaxRecord
	maxBatch     = 256 << 10
	maxRecords   = 1000
	segmentBytes = 4 << 20 // a file that is this long is followed by another
	firstPause   = 100 * time.Millisecond
	maxPause     = 5 * time.Second // between two attempts to deliver
)

func (c Config) withDefaults() Config {
	if c.Every == 0 {
		c.Every = 100 * time.Millisecond
	}
	if c.Memory == 0 {
		c.Memory = 4 << 20
	}
	if c.Spool == 0 {
		c.Spool = 256 << 20
	}
	if c.Batch == 0 {
		c.Batch = maxBatch
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	must := func(so bool, format string, args ...any) {
		if !so {
			errs = append(errs, fmt.Errorf("journal: "+format, args...))
		}
	}
	must(c.Dir != "", "no directory")
	must(c.Deliver != nil, "no receiver")
	must(c.Every > 0, "every: %v; must be more than 0", c.Every)
	must(c.Memory >= minBound, "memory: %d bytes; must be at least %d", c.Memory, minBound)
	must(c.Spool >= minBound, "spool: %d bytes; must be at least %d", c.Spool, minBound)
	must(c.Batch > 0 && c.Batch <= maxBatch, "batch: %d bytes; must be 1 to %d", c.Batch, maxBatch)
	must(c.Patience > 0, "patience: %v; must be more than 0", c.Patience)
	return errors.Join(errs...)
}
