package order

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/store"
)

// alter changes one order in one transaction. change sees the locked row, and says whether it has changed it.
func (s *Store) alter(ctx context.Context, id ID, why string, change func(tx *gorm.DB, row *orderRow) (changed bool, err error)) (Order, error) {
	var row orderRow
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		if row, err = lock(tx, id); err != nil {
			return err
		}
		before := row
		changed, err := change(tx, &row)
		if err != nil || !changed {
			return err
		}
		return s.write(tx, before, &row, why)
	})
	if err != nil {
		return Order{}, fmt.Errorf("order %d, %s: %w", id, why, err)
	}
	return row.order()
}

// lock reads an order's row, which nobody else can change until the end of the transaction.
func lock(tx *gorm.DB, id ID) (orderRow, error) {
	var row orderRow
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&row, "id = ?", id).Error
	if errors.Is(err, store.ErrNotFound) {
		return row, ErrNotFound
	}
	return row, err
}

// changeable is the columns of an order that ever change.
var changeable = []string{
	"checkout", "payment", "pay_url", "state", "version", "updated_at", "checked_at", "paid_at", "granted_at", "refunded_at", "disputed_at", "cleared_at",
	"debt", "refunded_sum", "revoking_sum", "revoked_sum",
}

// write stores what a row has become since before, with its history and with what has become due.
func (s *Store) write(tx *gorm.DB, before orderRow, row *orderRow, why string) error {
	if !allows(before.State, row.State) {
		return fmt.Errorf("an order does not go from %s to %s", before.State, row.State)
	}
	row.Version++
	row.UpdatedAt = s.nowMS()
	done := tx.Model(&orderRow{}).Where("id = ? AND state = ? AND version = ?", row.ID, before.State, before.Version).Select(changeable).Updates(*row)
	if done.Error != nil {
		return done.Error
	}
	if done.RowsAffected != 1 {
		return fmt.Errorf("the order is no longer %s", before.State)
	}
	history := historyRow{OrderID: row.ID, ID: s.ids.Next(), FromState: before.State, ToState: row.State, Why: cut(why, maxText), At: row.UpdatedAt}
	if err := tx.Create(&history).Error; err != nil {
		return err
	}
	return s.makeDue(tx, before, row)
}

// makeDue brings the outbox in line with an order.
func (s *Store) makeDue(tx *gorm.DB, before orderRow, row *orderRow) error {
	granted := row.GrantedAt != 0
	switch row.State {
	case Paid:
		if err := s.put(tx, row.ID, Grant); err != nil {
			return err
		}
	case Refunded, Disputed:
		if !granted {
			if err := tx.Delete(&outboxRow{}, "order_id = ? AND kind = ?", row.ID, Grant).Error; err != nil {
				return err
			}
		}
	}
	if row.State == Disputed && before.State != Disputed {
		if err := s.put(tx, row.ID, Dispute); err != nil {
			return err
		}
	}
	if row.owes() {
		return s.put(tx, row.ID, Revoke)
	}
	return nil
}

// put makes work due now, once.
func (s *Store) put(tx *gorm.DB, id ID, kind Kind) error {
	now := s.nowMS()
	row := outboxRow{ID: s.ids.Next(), OrderID: id, Kind: kind, CreatedAt: now, DueAt: now}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
}

// maxText is the longest text in history and failures, in bytes.
const maxText = 255

// cut shortens a text to at most n bytes of printable ASCII.
func cut(text string, n int) string {
	b := []byte(text[:min(n, len(text))])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
