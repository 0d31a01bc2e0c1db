package lease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// ClaimDatabase says that a process of a stack uses this database, until release. Any number of processes of one stack may; while one of them
// is alive, a process of another stack gets [ErrClaimed], with the name and place of the one that is there. where names this process
// for people and differs between processes, at most 191 bytes; ttl is how long the claim outlives a crash, 0 is 15 seconds. db is the handle of owner
// "cluster".
//
// release joins the renewing goroutine and takes a few seconds at most; when the database does not answer, the claim ends by itself.
func ClaimDatabase(ctx context.Context, db *gorm.DB, stack, where string, ttl time.Duration) (release func(), err error) {
	if stack == "" || where == "" {
		return nil, errors.New("lease: claim the database: the stack's id or its place is empty")
	}
	ttl = cmp.Or(ttl, defaultClaimTTL)
	row := stackClaim{Holder: where, Stack: stack}
	renew := func(ctx context.Context) error { return renewStack(ctx, db, row, ttl) }
	if err := renew(ctx); err != nil {
		return nil, fmt.Errorf("lease: claim the database: %w", err)
	}
	end := hold(db, ttl, renew, func(ctx context.Context) error {
		return store.InTx(ctx, db, func(tx *gorm.DB) error {
			return tx.Delete(&stackClaim{}, "holder = ? AND stack = ?", row.Holder, row.Stack).Error
		})
	})
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
		defer cancel()
		if err := end(ctx); err != nil {
			db.Logger.Warn(ctx, "claim of the database not released: %v", err)
		}
	}, nil
}

// releaseTimeout bounds how long a process that ends waits to give its database back.
const releaseTimeout = 3 * time.Second

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
