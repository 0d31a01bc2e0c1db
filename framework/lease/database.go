package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/store"
)

// stackClaim is a row of table stacks: a process of a stack that uses this database.
type stackClaim struct {
	Holder     string `gorm:"primaryKey"`
	Stack      string
	AliveUntil int64
}

// TableName is the table of stacks.
func (stackClaim) TableName() string { return "stacks" }

// databaseFence is the row of fences that those who claim the database lock, one after the other.
const databaseFence = "database"

// ClaimDatabase says that a process of a stack uses this database. Any number of processes of one stack may; while one of them is alive, a
// process of another stack gets [ErrClaimed], with the name and place of the one that is there. cfg.Holder must differ between
// processes. db is the handle of owner "cluster".
func ClaimDatabase(ctx context.Context, db *gorm.DB, stack string, cfg ClaimConfig, log *slog.Logger) (*Claim, error) {
	if cfg.TTL == 0 {
		cfg.TTL = defaultClaimTTL
	}
	if stack == "" || cfg.Holder == "" {
		return nil, errors.New("lease: claim the database: the stack's id or the holder's name is empty")
	}
	row := stackClaim{Holder: cfg.Holder, Stack: stack}
	renew := func(ctx context.Context) error { return renewStack(ctx, db, row, cfg.TTL) }
	if err := renew(ctx); err != nil {
		return nil, fmt.Errorf("lease: claim the database: %w", err)
	}
	return hold(cfg.TTL, log, renew, func(ctx context.Context) error {
		return store.InTx(ctx, db, func(tx *gorm.DB) error {
			return tx.Delete(&stackClaim{}, "holder = ? AND stack = ?", row.Holder, row.Stack).Error
		})
	}), nil
}

func renewStack(ctx context.Context, db *gorm.DB, row stackClaim, ttl time.Duration) error {
	return store.InTx(ctx, db, func(tx *gorm.DB) error {
		if err := lockFence(tx, databaseFence); err != nil {
			return err
		}
		now, err := store.Clock(tx)
		if err != nil {
			return err
		}
		var other stackClaim
		err = tx.Take(&other, "stack <> ? AND alive_until > ?", row.Stack, now).Error
		if err == nil {
			return fmt.Errorf("%w: the database belongs to stack %q, running as %s; stop that one, or give this stack a database of its own, or wait %v if it has crashed",
				ErrClaimed, other.Stack, other.Holder, (time.Duration(other.AliveUntil-now) * time.Millisecond).Round(time.Second))
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := tx.Delete(&stackClaim{}, "alive_until <= ?", now).Error; err != nil { // the dead, of whichever stack
			return err
		}
		row.AliveUntil = now + ttl.Milliseconds()
		return tx.Save(&row).Error
	})
}

// lockFence locks a row of fences, made when it is missing, until the end of the transaction, without making an epoch.
func lockFence(tx *gorm.DB, name string) error {
	return tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "name"}},
		DoUpdates: clause.Assignments(map[string]any{"epoch": gorm.Expr("fences.epoch")}),
	}).Create(&fence{Name: name}).Error
}
