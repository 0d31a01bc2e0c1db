package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/live"
	"loumiao/game/store/config"
)

const (
	lookEvery  = 500 * time.Millisecond // how soon what Redis has lost is there again
	putTimeout = 2 * time.Second
	self       = "config" // the author of what nobody has published
)

// A reign is the time in which a node leads, under one epoch. It is safe for concurrent use.
type reign struct {
	epoch  uint64
	store  *config.Store
	board  *live.Board
	schema *live.Schema
	log    *slog.Logger

	mu  sync.Mutex
	now live.Snapshot // never changed, but replaced
}

// begin reads what is published and shows it.
func (r *reign) begin(ctx context.Context) error {
	now, err := r.store.Load(ctx)
	if err != nil {
		return err
	}
	r.now = now
	up, ok, err := r.board.Version(ctx)
	if err != nil {
		return err
	}
	if ok && up > now.Version {
		r.log.Warn("Redis shows a newer configuration than SQL has, which was set back; SQL counts", "redis", up, "sql", now.Version)
		_, err := r.publish(ctx, config.Publication{Base: now.Version, Author: self, Reason: "SQL was set back to an older state", AtLeast: up + 1})
		return err
	}
	return r.board.Put(ctx, now)
}

// keepUp shows what is published again when Redis has lost it, until ctx ends.
func (r *reign) keepUp(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.look(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			r.log.Warn("what is published cannot be shown to the nodes", "err", err)
		}
		failing = err != nil
	}
}

func (r *reign) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	up, ok, err := r.board.Version(ctx)
	now := r.snapshot()
	if err != nil || ok && up >= now.Version {
		return err
	}
	return r.board.Put(ctx, now)
}

func (r *reign) snapshot() live.Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// publish checks a publication, makes it and shows it to the nodes.
func (r *reign) publish(ctx context.Context, p config.Publication) (version uint64, err error) {
	after, err := r.store.Publish(ctx, r.epoch, p, func(now live.Snapshot) error {
		if len(p.Changes) == 0 {
			return nil
		}
		return refusal(r.schema.Check(now, p.Changes))
	})
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	if after.Version > r.now.Version {
		r.now = after
	}
	r.mu.Unlock()
	r.log.Info("published", "version", after.Version, "changes", len(p.Changes), "author", p.Author, "reason", p.Reason)
	// It is published, whether the nodes hear of it now or from keepUp.
	putting, cancel := context.WithTimeout(context.WithoutCancel(ctx), putTimeout)
	defer cancel()
	if err := r.board.Put(putting, after); err != nil {
		r.log.Warn("the nodes hear of a publication later", "version", after.Version, "err", err)
	}
	return after.Version, nil
}

// maxRefusal bounds what an author is told, in bytes.
const maxRefusal = 8 << 10

// refusal is the error for problems, or nil when there are none.
func refusal(problems []live.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "nothing is published; problems: %d", len(problems))
	for i, p := range problems {
		if b.Len() > maxRefusal {
			fmt.Fprintf(&b, "\nand %d more", len(problems)-i)
			break
		}
		b.WriteString("\n" + p.String())
	}
	return fault.New(fault.Invalid, b.String())
}

var errNotLeading = fault.New(fault.Unavailable, "the configuration centre is moving: try again")

// outside gives an error that has no code one for whoever asked.
func outside(err error) error {
	if err == nil || fault.CodeOf(err) != fault.Internal || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(err, fault.Internal, "the configuration centre has a problem, which stands in its log")
}
