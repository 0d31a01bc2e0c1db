package order

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// Since returns up to limit orders that have been in a state since before then, the oldest first.
func (s *Store) Since(ctx context.Context, state State, before time.Time, limit int) ([]Order, error) {
	return s.list(ctx, limit, "updated_at", "state = ? AND updated_at < ?", state, before.UnixMilli())
}

// Overdue returns up to limit orders that nobody has paid in time.
func (s *Store) Overdue(ctx context.Context, state State, limit int) ([]Order, error) {
	return s.list(ctx, limit, "updated_at", "state = ? AND expires_at < ?", state, s.nowMS())
}

// Await lets a pending order be paid until then, because its money is on its way. It is no news of the order, and not in its history.
func (s *Store) Await(ctx context.Context, id ID, until time.Time) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		return tx.Model(&orderRow{}).Where("id = ? AND state = ?", id, Pending).Updates(map[string]any{"expires_at": until.UnixMilli()}).Error
	})
	if err != nil {
		return fmt.Errorf("order %d: wait for its money: %w", id, err)
	}
	return nil
}

// Orphans returns up to limit orders that were changed before then, for which something has to be done that is not in the outbox: none, unless
// something is broken.
func (s *Store) Orphans(ctx context.Context, before time.Time, limit int) ([]Order, error) {
	const missing = " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.order_id = orders.id AND outbox.kind = ?)"
	ms := before.UnixMilli()
	grants, err := s.list(ctx, limit, "updated_at", "state IN ? AND updated_at < ?"+missing, []State{Paid, Granting}, ms, Grant)
	if err != nil {
		return nil, err
	}
	revokes, err := s.list(ctx, limit, "updated_at", "state IN ? AND refunded_at > 0 AND granted_at > 0 AND updated_at < ?"+missing,
		[]State{Delivered, Disputed}, ms, Revoke)
	if err != nil {
		return nil, err
	}
	parts, err := s.list(ctx, limit, "updated_at", "refunded_sum > 0 AND refunded_sum > revoked_sum AND refunded_at = 0 AND state IN ? AND granted_at > 0 AND updated_at < ?"+missing,
		[]State{Delivered, Disputed}, ms, Revoke)
	return slices.Concat(grants, revokes, parts), err
}

// Heal puts what is due for an orphan into the outbox.
func (s *Store) Heal(ctx context.Context, id ID) error {
	_, err := s.alter(ctx, id, "heal", func(tx *gorm.DB, row *orderRow) (changed bool, err error) {
		if row.State == Granting {
			return false, s.put(tx, id, Grant)
		}
		return false, s.makeDue(tx, *row, row)
	})
	return err
}

// askedFor is how long after it was made an order's provider is asked again and again: longer than one can be paid. One whose money takes days is asked about when it is overdue.
const askedFor = 25 * time.Hour

// Unasked returns up to limit orders that are pending since before then, and whose provider was not asked since then: those that wait longest first.
func (s *Store) Unasked(ctx context.Context, before time.Time, limit int) ([]Order, error) {
	ms, made := before.UnixMilli(), before.Add(-askedFor).UnixMilli()
	return s.list(ctx, limit, "checked_at", "state = ? AND checked_at < ? AND updated_at < ? AND created_at > ?", Pending, ms, ms, made)
}

// Unchecked returns up to limit delivered orders, granted before then, that have not been compared with the ledger.
func (s *Store) Unchecked(ctx context.Context, before time.Time, limit int) ([]Order, error) {
	return s.list(ctx, limit, "granted_at", "state = ? AND checked_at = 0 AND granted_at < ?", Delivered, before.UnixMilli())
}

// Checked notes that a pending order's provider was asked, or that a delivered order was compared with the ledger; not of an order that has come further
// since, of which that does not hold. It is no news of the order, and not in its history.
func (s *Store) Checked(ctx context.Context, o Order) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		return tx.Model(&orderRow{}).Where("id = ? AND state = ?", o.ID, o.State).Updates(map[string]any{"checked_at": s.nowMS()}).Error
	})
	if err != nil {
		return fmt.Errorf("order %d: note that it was checked: %w", o.ID, err)
	}
	return nil
}

// A Backlog is what has not been done yet.
type Backlog struct {
	Events      int64         // not processed
	OldestEvent time.Duration // how long the oldest of them has waited
	Work        int64         // in the outbox
	OldestWork  time.Duration
}

// Backlog counts what is not done.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	var b Backlog
	for _, q := range []struct {
		from, where, column string
		count               *int64
		oldest              *time.Duration
	}{
		{"payments", "processed_at = 0", "received_at", &b.Events, &b.OldestEvent},
		{"outbox", "1 = 1", "created_at", &b.Work, &b.OldestWork},
	} {
		var row struct{ N, Since int64 }
		err := s.db.WithContext(ctx).Table(q.from).Select("COUNT(*) AS n, COALESCE(MIN(" + q.column + "), 0) AS since").Where(q.where).Scan(&row).Error
		if err != nil {
			return Backlog{}, fmt.Errorf("backlog of %s: %w", q.from, err)
		}
		*q.count = row.N
		if row.N > 0 {
			*q.oldest = time.Duration(s.nowMS()-row.Since) * time.Millisecond
		}
	}
	return b, nil
}

func (s *Store) list(ctx context.Context, limit int, by, where string, args ...any) ([]Order, error) {
	var rows []orderRow
	if err := s.db.WithContext(ctx).Order(by).Limit(limit).Find(&rows, append([]any{where}, args...)...).Error; err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return orders(rows)
}
