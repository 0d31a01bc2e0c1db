package keypoint

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// pruneRows bounds one transaction of pruning, so that it holds up nobody.
const pruneRows = 500

// Prune drops events and quarantine that were received before the time raw, and days before the day activity, in small steps. Any number of nodes may
// do so at once.
func (s *Store) Prune(ctx context.Context, raw time.Time, activity Day) error {
	var apps []string
	if err := s.db.WithContext(ctx).Model(&activityRow{}).Distinct("app").Pluck("app", &apps).Error; err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	for _, app := range apps {
		if err := prune[activityRow](ctx, s.db, "app = ? AND day < ?", app, activity); err != nil {
			return err
		}
	}
	if err := prune[rejectRow](ctx, s.db, "received < ?", raw.UnixMilli()); err != nil {
		return err
	}
	return prune[eventRow](ctx, s.db, "received < ?", raw.UnixMilli())
}

// prune drops the rows of one table. They are named by their keys, because MySQL scans the whole table for a DELETE with a subquery.
func prune[Row any](ctx context.Context, db *gorm.DB, where string, args ...any) error {
	for dropped := pruneRows; dropped == pruneRows; {
		err := store.InTx(ctx, db.WithContext(ctx), func(tx *gorm.DB) error {
			var rows []Row
			if err := tx.Where(where, args...).Limit(pruneRows).Find(&rows).Error; err != nil {
				return err
			}
			if dropped = len(rows); dropped == 0 {
				return nil
			}
			return tx.Delete(&rows).Error
		})
		if err != nil {
			return fmt.Errorf("prune: %w", err)
		}
	}
	return nil
}
