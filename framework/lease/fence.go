package lease

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/store"
)

// fence is a row of table fences, of which every database that is fenced has one.
type fence struct {
	Name  string `gorm:"primaryKey"`
	Epoch uint64
}

// NextEpoch makes a new epoch for name, greater than all before: whoever has an older one is fenced from now on. The first is 1.
func NextEpoch(ctx context.Context, db *gorm.DB, name string) (uint64, error) {
	var row fence
	err := store.InTx(ctx, db, func(tx *gorm.DB) error {
		row = fence{Name: name, Epoch: 1}
		err := tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "name"}},
			DoUpdates: clause.Assignments(map[string]any{"epoch": gorm.Expr("fences.epoch + 1")}),
		}).Create(&row).Error
		if err != nil {
			return err
		}
		return tx.Take(&row, "name = ?", name).Error
	})
	if err != nil {
		return 0, fmt.Errorf("lease: next epoch of %q: %w", name, err)
	}
	return row.Epoch, nil
}

// Fence is [ErrFenced] unless epoch is the newest of name. Called first in a transaction, it keeps a new epoch from being made before
// the transaction's end: what the transaction writes is then written by the one holder.
func Fence(tx *gorm.DB, name string, epoch uint64) error {
	var row fence
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&row, "name = ?", name).Error
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("lease: fence %q: %w", name, err)
	}
	if err != nil || row.Epoch != epoch {
		return ErrFenced
	}
	return nil
}
