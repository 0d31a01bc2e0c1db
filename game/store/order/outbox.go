package order

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// A Kind is what is to be done for an order.
type Kind string

// The kinds of work.
const (
	Grant   Kind = "grant"   // give the goods
	Revoke  Kind = "revoke"  // take the goods back
	Dispute Kind = "dispute" // tell that the order is disputed
)

// Work is one thing to do, claimed for a time.
type Work struct {
	ID    int64
	Order ID
	Kind  Kind
	Tries int // how often it was claimed, this time included
}

// Claim takes up to limit pieces of work that are due, and hides them from everybody else for the lease: who takes longer, or dies, may have
// somebody else do the same again.
func (s *Store) Claim(ctx context.Context, limit int, lease time.Duration) ([]Work, error) {
	var due []outboxRow
	err := s.db.WithContext(ctx).Order("due_at").Limit(limit).Find(&due, "due_at <= ?", s.nowMS()).Error
	if err != nil {
		return nil, fmt.Errorf("due work: %w", err)
	}
	if len(due) == 0 {
		return nil, nil
	}
	var claimed []Work
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		claimed = nil
		until := s.now().Add(lease).UnixMilli()
		for _, row := range due {
			done := tx.Model(&outboxRow{}).Where("id = ? AND claim = ?", row.ID, row.Claim).
				Updates(map[string]any{"claim": row.Claim + 1, "due_at": until})
			if done.Error != nil {
				return done.Error
			}
			if done.RowsAffected == 1 {
				claimed = append(claimed, Work{ID: row.ID, Order: row.OrderID, Kind: row.Kind, Tries: row.Claim + 1})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim work: %w", err)
	}
	return claimed, nil
}

// StartGrant must come before an order's goods are granted: from then on they perhaps are. When there is nothing to grant, because the order was
// refunded or is disputed, the work is gone and ok is false.
func (s *Store) StartGrant(ctx context.Context, w Work) (o Order, ok bool, err error) {
	o, err = s.alter(ctx, w.Order, "granting", func(tx *gorm.DB, row *orderRow) (changed bool, err error) {
		ok = true
		switch row.State {
		case Granting:
			return false, nil
		case Paid:
			row.State = Granting
			return true, nil
		}
		ok = false
		return false, drop(tx, w)
	})
	return o, ok && err == nil, err
}

// Granted ends a grant, once the goods are surely there.
func (s *Store) Granted(ctx context.Context, w Work) (Order, error) {
	return s.alter(ctx, w.Order, "goods granted", func(tx *gorm.DB, row *orderRow) (changed bool, err error) {
		if err := drop(tx, w); err != nil || row.State != Granting {
			return false, err
		}
		row.GrantedAt, row.CheckedAt = s.nowMS(), 0
		row.State = row.settled()
		return true, nil
	})
}

// StartRevoke says whether there are goods to take back, which [Order.Revoking] are; if not, the work is gone and ok is false. What was started for one sum
// is ended for it, whatever more goes back meanwhile.
func (s *Store) StartRevoke(ctx context.Context, w Work) (o Order, ok bool, err error) {
	o, err = s.alter(ctx, w.Order, "revoking", func(tx *gorm.DB, row *orderRow) (changed bool, err error) {
		if ok = row.owes(); !ok {
			return false, drop(tx, w)
		}
		if row.RevokingSum > row.RevokedSum {
			return false, nil
		}
		row.RevokingSum = row.back()
		return false, tx.Model(&orderRow{}).Where("id = ?", row.ID).Update("revoking_sum", row.RevokingSum).Error // no news, and not in the history
	})
	return o, ok && err == nil, err
}

// Revoked ends a revocation for a sum, that of [Order.RevokingSum] when it was started: the goods are taken back but for the debt. When somebody else has
// ended it nothing changes.
func (s *Store) Revoked(ctx context.Context, w Work, sum int64, debt Goods) (Order, error) {
	return s.alter(ctx, w.Order, "goods taken back", func(tx *gorm.DB, row *orderRow) (changed bool, err error) {
		if row.RevokingSum != sum || row.RevokedSum >= sum {
			return false, nil // and the work, if there is any, is for more
		}
		if err := drop(tx, w); err != nil {
			return false, err
		}
		var owed Goods
		if err := json.Unmarshal([]byte(row.Debt), &owed); err != nil {
			return false, err
		}
		text, err := json.Marshal(owed.add(debt))
		if err != nil {
			return false, err
		}
		row.Debt, row.RevokedSum = string(text), sum
		if row.RefundedAt != 0 && sum == row.Price {
			row.State = Refunded
		}
		return true, nil
	})
}

// Done ends any other work.
func (s *Store) Done(ctx context.Context, w Work) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error { return drop(tx, w) })
	if err != nil {
		return fmt.Errorf("end work %d: %w", w.ID, err)
	}
	return nil
}

// Postpone gives a claim back: the work is due again after wait. Why is for people.
func (s *Store) Postpone(ctx context.Context, w Work, wait time.Duration, why string) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		return tx.Model(&outboxRow{}).Where("id = ? AND claim = ?", w.ID, w.Tries).
			Updates(map[string]any{"due_at": s.now().Add(wait).UnixMilli(), "failure": cut(why, maxText)}).Error
	})
	if err != nil {
		return fmt.Errorf("postpone work %d: %w", w.ID, err)
	}
	return nil
}

// drop removes work that is done.
func drop(tx *gorm.DB, w Work) error { return tx.Delete(&outboxRow{}, "id = ?", w.ID).Error }
