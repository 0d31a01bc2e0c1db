package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
)

// ErrClaimed: a node id or a database is in use. The error around it says by whom and what to do.
var ErrClaimed = fault.New(fault.AlreadyExists, "in use by somebody else")

// Node ids up to FirstFreeNode-1 are for configuration, the others are given out by [ClaimNode].
const (
	FirstFreeNode id.Node = 1024
	LastNode      id.Node = 1<<16 - 1
)

// A ClaimConfig says how a claim is held.
type ClaimConfig struct {
	// Holder names this process for people, as "host:pid" does, at most 191 bytes.
	Holder string
	// TTL is how long a claim outlives its holder; it is renewed after each third of it. 0 is 15 seconds.
	TTL time.Duration
	// Takeover takes a node id from a holder that seems alive, because whoever asks knows that it is dead, as a pod does that saw its
	// child end. For [ClaimNode] only.
	Takeover bool
}

const defaultClaimTTL = 15 * time.Second

// A Claim is a row in SQL that says that something is taken. One goroutine renews it until Release.
type Claim struct {
	lost    chan struct{}
	cancel  context.CancelFunc
	keeper  sync.WaitGroup
	release func(ctx context.Context) error
	once    sync.Once
	err     error
}

// Lost is closed when somebody else has taken what was claimed: this process stops. A database that cannot be reached loses nothing, as
// long as nobody else can reach it.
func (c *Claim) Lost() <-chan struct{} { return c.lost }

// Release gives the claim up and joins its goroutine. Releasing again returns the same.
func (c *Claim) Release(ctx context.Context) error {
	c.once.Do(func() {
		c.cancel()
		c.keeper.Wait()
		c.err = c.release(ctx)
	})
	return c.err
}

// hold renews a claim three times a TTL. renew returns ErrClaimed when it is lost.
func hold(ttl time.Duration, log *slog.Logger, renew, release func(ctx context.Context) error) *Claim {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Claim{lost: make(chan struct{}), cancel: cancel, release: release}
	c.keeper.Go(func() {
		ticker := time.NewTicker(ttl / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			attempt, cancel := context.WithTimeout(ctx, ttl/3)
			err := renew(attempt)
			cancel()
			switch {
			case errors.Is(err, ErrClaimed):
				log.Error("claim lost", "err", err)
				close(c.lost)
				return
			case err != nil && ctx.Err() == nil:
				log.Warn("claim not renewed", "err", err)
			}
		}
	})
	return c
}

// nodeID is a row of table node_ids.
type nodeID struct {
	Node       id.Node `gorm:"primaryKey;autoIncrement:false"`
	Boot       id.Boot
	Holder     string
	AliveUntil int64
}

// TableName is the table of node ids.
func (nodeID) TableName() string { return "node_ids" }

// claimAttempts bounds how many free-looking ids are tried for one that is free.
const claimAttempts = 64

// ClaimNode takes the node id want, or any free one of [FirstFreeNode] to [LastNode] when want is 0, so that no two live processes share one:
// it is the worker number of the ids that they generate. A claim of a dead process, one that has not been renewed for its TTL by the
// database's clock, is taken over; a live one is [ErrClaimed]. db is the handle of owner "cluster".
func ClaimNode(ctx context.Context, db *gorm.DB, want id.Node, boot id.Boot, cfg ClaimConfig, log *slog.Logger) (id.Node, *Claim, error) {
	if cfg.TTL == 0 {
		cfg.TTL = defaultClaimTTL
	}
	node, err := want, error(nil)
	for attempt := 1; ; attempt++ {
		if want == 0 {
			node = FirstFreeNode + id.Node(rand.N(int(LastNode-FirstFreeNode)+1))
		}
		err = store.InTx(ctx, db, func(tx *gorm.DB) error {
			return takeNode(tx, nodeID{Node: node, Boot: boot, Holder: cfg.Holder}, cfg)
		})
		if !errors.Is(err, ErrClaimed) || want != 0 || attempt == claimAttempts {
			break
		}
	}
	if err != nil {
		return 0, nil, fmt.Errorf("lease: claim a node id: %w", err)
	}
	renew := func(ctx context.Context) error { return renewNode(ctx, db, node, boot, cfg.TTL) }
	release := func(ctx context.Context) error {
		return store.InTx(ctx, db, func(tx *gorm.DB) error {
			return tx.Delete(&nodeID{}, "node = ? AND boot = ?", node, boot).Error
		})
	}
	return node, hold(cfg.TTL, log, renew, release), nil
}

// takeNode writes row if it is new, ours already, dead, or to be taken over.
func takeNode(tx *gorm.DB, row nodeID, cfg ClaimConfig) error {
	now, err := store.Clock(tx)
	if err != nil {
		return err
	}
	row.AliveUntil = now + cfg.TTL.Milliseconds()
	// The first read takes no lock: locking what is not there would keep everybody from inserting anything near it.
	var held nodeID
	err = tx.Take(&held, "node = ?", row.Node).Error
	if errors.Is(err, store.ErrNotFound) {
		err = tx.Create(&row).Error
		if errors.Is(err, store.ErrDuplicate) {
			return fmt.Errorf("%w: node id %v was claimed just now", ErrClaimed, row.Node)
		}
		return err
	}
	if err == nil {
		err = tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&held, "node = ?", row.Node).Error
	}
	switch {
	case err != nil:
		return err
	case held.Boot != row.Boot && held.AliveUntil > now && !cfg.Takeover:
		return fmt.Errorf("%w: node id %v belongs to %s; stop that one, or give this one another id, or wait %v for a crashed one's claim to end",
			ErrClaimed, row.Node, held.Holder, (time.Duration(held.AliveUntil-now) * time.Millisecond).Round(time.Second))
	}
	return tx.Save(&row).Error
}

func renewNode(ctx context.Context, db *gorm.DB, node id.Node, boot id.Boot, ttl time.Duration) error {
	return store.InTx(ctx, db, func(tx *gorm.DB) error {
		now, err := store.Clock(tx)
		if err != nil {
			return err
		}
		done := tx.Model(&nodeID{}).Where("node = ? AND boot = ?", node, boot).Update("alive_until", now+ttl.Milliseconds())
		if done.Error == nil && done.RowsAffected == 0 {
			return fmt.Errorf("%w: another process has taken node id %v", ErrClaimed, node)
		}
		return done.Error
	})
}
