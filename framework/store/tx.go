package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"time"

	"gorm.io/gorm"
)

const (
	// txAttempts bounds how often a transaction runs that keeps meeting others (deadlock, lock wait).
	txAttempts = 5
	// txBackoff is the most that the first repetition waits; each further one waits up to twice as long.
	txBackoff = 10 * time.Millisecond
)

// InTx runs fn in a transaction of db, a handle of [Stores.SQL], and commits when fn returns nil. It is the only way to write.
//
// Everything fn does must go through tx, which ends with it. When fn returns an error, panics, or ctx ends, nothing of it stays. When
// MySQL finds a deadlock or waits too long for a row, fn is run again, up to 5 times: fn must not have effects outside tx, and sets what it
// captures anew each time. On SQLite, transactions on one owner's file run one after the other.
//
// The error is fn's own, or one of [ErrUnavailable] (nothing happened), [ErrLost] (it may have happened), [ErrNested] or ctx's.
func InTx(ctx context.Context, db *gorm.DB, fn func(tx *gorm.DB) error) error {
	p, ok := db.Statement.ConnPool.(*pool)
	if !ok || insideTx() {
		return ErrNested
	}
	return traceTx(ctx, func(ctx context.Context) error { return p.attempt(ctx, db, fn) })
}

// attempt runs fn in a transaction until it is not in another's way.
func (p *pool) attempt(ctx context.Context, db *gorm.DB, fn func(tx *gorm.DB) error) error {
	for attempt := 1; ; attempt++ {
		err := p.transact(ctx, db, fn)
		if err == nil || attempt == txAttempts || !isConflict(err) {
			return err
		}
		pause := time.NewTimer(rand.N(txBackoff << attempt))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// transact runs fn in one transaction, once.
func (p *pool) transact(ctx context.Context, db *gorm.DB, fn func(tx *gorm.DB) error) error {
	if p.writer != nil {
		if err := p.lock(ctx); err != nil {
			return err
		}
		defer func() { <-p.writer }()
	}
	sqlTx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return translate(err)
	}
	// After a commit this does nothing; otherwise its own error is of no use to anyone: the connection is gone, and the transaction with it.
	defer func() { _ = sqlTx.Rollback() }()

	tx := db.Session(&gorm.Session{NewDB: true, Context: ctx})
	tx.Statement.ConnPool = sqlTx
	if err := callback(fn, tx); err != nil {
		return translate(ended(ctx, err))
	}
	if err := sqlTx.Commit(); err != nil {
		if err = ended(ctx, err); isBroken(err) {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		return translate(err)
	}
	return nil
}

// ended is err, or ctx's own error where that is what err comes from: database/sql rolls a transaction back as soon as its context ends, and
// may then know no more than that it is over.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// lock takes the writer's turn on a SQLite file.
func (p *pool) lock(ctx context.Context) error {
	select {
	case p.writer <- struct{}{}:
		return nil
	default:
	}
	timeout := time.NewTimer(busyTimeout)
	defer timeout.Stop()
	select {
	case p.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout.C:
		return unavailable(errors.New("another transaction of this process has held the SQLite file for " + busyTimeout.String()))
	}
}

// callback is the frame that insideTx looks for.
//
//go:noinline
func callback(fn func(tx *gorm.DB) error, tx *gorm.DB) error { return fn(tx) }

// insideTx reports whether the calling goroutine is within the callback of a transaction. A nested InTx waits for the locks of its own
// caller, for ever or for a timeout, and cannot be told from an innocent one by its arguments; the call stack tells. That costs about a
// microsecond, next to the tens that a transaction takes.
func insideTx() bool {
	entry := reflect.ValueOf(callback).Pointer()
	var pcs [64]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		if n == 0 {
			return false
		}
		frames := runtime.CallersFrames(pcs[:n])
		for {
			frame, more := frames.Next()
			if frame.Entry == entry {
				return true
			}
			if !more {
				break
			}
		}
	}
}
