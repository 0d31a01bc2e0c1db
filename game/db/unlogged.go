package db

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

// What the game's log is to be told of the economy, battles and logins is named in table unlogged, in the transaction that makes it: so nothing is lost and
// nothing is told that did not happen, whenever db dies, and the game waits for nothing but one more insert. One db node at a time tells log, and
// forgets what it has taken; when that answer is lost log is told again, and stores it once. While no log node answers the table grows, by a row of some
// 50 bytes for each entry of the ledger, which grows by more: its bound is the ledger's. A stack that never has a log node keeps them all.

const (
	logEvery    = 300 * time.Millisecond // how often one looks for what is not logged
	logBatch    = 500                    // records
	logPatience = 10 * time.Second
	logPause    = 5 * time.Second // at most, between two attempts

	countEvery   = 5 * time.Second
	countAtMost  = 1_000_000
	countTimeout = 2 * time.Second
)

// backlog is what can be seen from outside of what is not logged, at the node that tells log; 0 at the others.
type backlog struct{ waiting, oldest prometheus.Gauge }

func newBacklog() backlog {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	return backlog{
		waiting: gauge("db_unlogged", "What the game's log is still to be told, up to a million; 0 at all nodes but the one that tells it."),
		oldest:  gauge("db_unlogged_oldest_seconds", "How long the oldest of it has waited."),
	}
}

func (b backlog) register(r prometheus.Registerer) error {
	return errors.Join(r.Register(b.waiting), r.Register(b.oldest))
}

// countUnlogged keeps the backlog's figures until ctx ends.
func (d *DB) countUnlogged(ctx context.Context) {
	defer d.backlog.waiting.Set(0)
	defer d.backlog.oldest.Set(0)
	for ctx.Err() == nil {
		counting, cancel := context.WithTimeout(ctx, countTimeout)
		n, since, err := d.players.Waiting(counting, countAtMost)
		cancel()
		if err == nil {
			age := 0.0
			if n > 0 {
				age = max(0, time.Since(since).Seconds())
			}
			d.backlog.waiting.Set(float64(n))
			d.backlog.oldest.Set(age)
		} // else there are figures again when SQL is there again, which others say loud enough
		sleep(ctx, countEvery)
	}
}

// logAll tells log, while this node is the one that does, until ctx ends.
func (d *DB) logAll(ctx context.Context) {
	single := lease.NewSingleton(d.node.Stores(), "unlogged", "cluster", d.node.ID(), d.node.Boot(), lease.Config{}, d.node.Log())
	for ctx.Err() == nil {
		if err := single.Run(ctx, d.keepLogging); err != nil && ctx.Err() == nil {
			d.node.Log().Error("db does not tell the game's log; will try again", "err", err)
			sleep(ctx, logPause)
		}
	}
}

func (d *DB) keepLogging(ctx context.Context, _ uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	var counting sync.WaitGroup
	counting.Go(func() { d.countUnlogged(ctx) })
	defer counting.Wait()
	defer cancel()
	pause := logEvery
	for ctx.Err() == nil {
		n, err := d.logSome(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			if pause == logEvery {
				d.node.Log().Warn("the game's log is not told of the economy, battles and logins; they wait in SQL meanwhile", "err", err)
			}
			pause = min(2*pause, logPause)
		case err == nil:
			pause = logEvery
		}
		if n < logBatch {
			sleep(ctx, pause)
		}
	}
	return ctx.Err()
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// logSome tells log of the oldest, and returns how many those are.
func (d *DB) logSome(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	unlogged, err := d.players.Unlogged(ctx, logBatch)
	if err != nil || len(unlogged) == 0 {
		return 0, err
	}
	var told []player.Unlogged
	seqs := make([]int64, len(unlogged))
	for i, u := range unlogged {
		seqs[i] = u.Seq
		if u.Details != "" {
			told = append(told, u)
		}
	}
	if err := d.tellLog(ctx, told...); fault.CodeOf(err) == fault.Invalid {
		err = d.tellEach(ctx, told)
		if err != nil {
			return 0, err
		}
	} else if err != nil {
		return 0, err
	}
	return len(unlogged), d.players.Logged(ctx, seqs)
}

func (d *DB) tellLog(ctx context.Context, unlogged ...player.Unlogged) error {
	if len(unlogged) == 0 {
		return nil
	}
	m := &pb.AppendLog{}
	for _, u := range unlogged {
		m.Records = append(m.Records, &pb.LogRecord{
			Player: int64(u.Player), Id: u.ID, Kind: u.Kind, Area: uint32(u.Area), AtMs: u.At, Details: u.Details,
		})
	}
	_, err := api.AppendLog.Call(ctx, d.node.RPC(), m, rpc.Any)
	return err
}

// tellEach tells records one by one, so that one which log will never take does not keep the others from it.
func (d *DB) tellEach(ctx context.Context, unlogged []player.Unlogged) error {
	var errs []error
	for _, u := range unlogged {
		err := d.tellLog(ctx, u)
		if fault.CodeOf(err) == fault.Invalid {
			d.node.Log().Error("the game's log refuses a record", "player", u.Player, "kind", u.Kind, "id", u.ID, "err", err)
			continue
		}
		if errs = append(errs, err); err != nil {
			break
		}
	}
	return errors.Join(errs...)
}
