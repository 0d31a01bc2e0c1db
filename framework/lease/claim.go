package lease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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

// defaultClaimTTL is the TTL of claims that are given none.
const defaultClaimTTL = 15 * time.Second

// claimShare is the part of a claim's TTL after which it is renewed.
const claimShare = 3

// hold renews a claim of db until release is called, which then gives it up and joins the renewing goroutine; releasing again returns the
// same. A claim that somebody else has taken is logged and not renewed any more: who may act is up to leases and epochs.
func hold(db *gorm.DB, ttl time.Duration, renew, remove func(ctx context.Context) error) (release func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var keeper sync.WaitGroup
	keeper.Go(func() {
		ticker := time.NewTicker(ttl / claimShare)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			attempt, cancel := context.WithTimeout(ctx, ttl/claimShare)
			err := renew(attempt)
			cancel()
			switch {
			case errors.Is(err, ErrClaimed):
				db.Logger.Error(ctx, "claim lost: %v", err)
				return
			case err != nil && ctx.Err() == nil:
				db.Logger.Warn(ctx, "claim not renewed: %v", err)
			}
		}
	})
	var once sync.Once
	var result error
	return func(ctx context.Context) error {
		once.Do(func() {
			cancel()
			keeper.Wait()
			result = remove(ctx)
		})
		return result
	}
}

// holderName names a process of this machine.
func holderName(pid int) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, process %d", host, pid)
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
// it is the worker number of the ids that they generate. The claim is renewed in the background until release, which gives the id back. One
// that has not been renewed for its ttl, by the database's clock, is taken over; a live one is [ErrClaimed], and the error says whose it
// is. ttl should be longer than the machines' clocks are apart; 0 is 15 seconds. db is the handle of owner "cluster".
func ClaimNode(ctx context.Context, db *gorm.DB, want id.Node, boot id.Boot, ttl time.Duration) (node id.Node, release func(ctx context.Context) error, err error) {
	ttl = cmp.Or(ttl, defaultClaimTTL)
	holder := holderName(os.Getpid())
	for attempt := 1; ; attempt++ {
		node = want
		if want == 0 {
			node = FirstFreeNode + id.Node(rand.N(int(LastNode-FirstFreeNode)+1))
		}
		err = store.InTx(ctx, db, func(tx *gorm.DB) error {
			return takeNode(tx, nodeID{Node: node, Boot: boot, Holder: holder}, ttl)
		})
		if !errors.Is(err, ErrClaimed) || want != 0 || attempt == claimAttempts {
			break
		}
	}
	if err != nil {
		return 0, nil, fmt.Errorf("lease: claim a node id: %w", err)
	}
	renew := func(ctx context.Context) error { return renewNode(ctx, db, node, boot, ttl) }
	return node, hold(db, ttl, renew, func(ctx context.Context) error {
		return store.InTx(ctx, db, func(tx *gorm.DB) error {
			return tx.Delete(&nodeID{}, "node = ? AND boot = ?", node, boot).Error
		})
	}), nil
}

// ForgetNode ends the claim that a process of this machine had on a node, which is known to be dead, as a pod knows of its child, so that the id can be
// claimed again at once. Somebody else's claim stays: the process may have died because there was one. If it lives after all, its claim is lost.
func ForgetNode(ctx context.Context, db *gorm.DB, node id.Node, pid int) error {
	err := store.InTx(ctx, db, func(tx *gorm.DB) error {
		return tx.Delete(&nodeID{}, "node = ? AND holder = ?", node, holderName(pid)).Error
	})
	if err != nil {
		return fmt.Errorf("lease: forget node %v: %w", node, err)
	}
	return nil
}

// takeNode writes row if it is new, ours already, or dead.
func takeNode(tx *gorm.DB, row nodeID, ttl time.Duration) error {
	now, err := store.Clock(tx)
	if err != nil {
		return err
	}
	row.AliveUntil = now + ttl.Milliseconds()
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
	case held.Boot != row.Boot && held.AliveUntil > now:
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
