package journal

import (
	"context"
	"errors"
	"time"
)

// send delivers what is in the spool until ctx ends.
func (j *Journal) send(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		sent, err := j.sendBatch(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			if pause == firstPause {
				j.cfg.Log.Warn("a journal's receiver does not take records; they stay in the spool meanwhile", "dir", j.cfg.Dir, "err", err)
			}
			wait(ctx, time.After(pause))
			pause = min(2*pause, maxPause)
		case err != nil:
		case sent:
			pause = firstPause
		default:
			wait(ctx, j.more)
		}
	}
}

func wait[T any](ctx context.Context, c <-chan T) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}

// sendBatch delivers the oldest records; it has sent nothing when there are none.
func (j *Journal) sendBatch(ctx context.Context) (sent bool, err error) {
	data, err := j.spool.peek(max(j.cfg.Batch, frameHeader+MaxRecord))
	if err != nil {
		return false, j.giveUp(err)
	}
	if len(data) == 0 {
		return false, nil
	}
	records, size := batch(data, j.cfg.Batch)
	if len(records) == 0 {
		return false, j.giveUp(errors.New("its bytes have changed"))
	}
	calling, cancel := context.WithTimeout(ctx, j.cfg.Patience)
	defer cancel()
	err = j.cfg.Deliver(calling, records)
	refused := errors.Is(err, ErrRefused)
	if err != nil && !refused {
		return false, err
	}
	j.mu.Lock()
	if refused {
		j.stats.Refused += uint64(len(records))
		j.cfg.Log.Error("a journal's receiver refuses records", "dir", j.cfg.Dir, "records", len(records), "err", err)
	} else {
		j.stats.Delivered += uint64(len(records))
	}
	j.mu.Unlock()
	return true, j.spool.taken(size)
}

// giveUp leaves out a file that cannot be read: what comes after it must not wait for it for ever.
func (j *Journal) giveUp(because error) error {
	lost, err := j.spool.skip()
	j.cfg.Log.Error("a file of a journal's spool cannot be read, and is given up", "dir", j.cfg.Dir, "bytes", lost, "err", because)
	return err
}
