package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// maxList is the most that a list holds.
const maxList = 100

// Find returns an order, or [ErrNotFound].
func (s *Store) Find(ctx context.Context, id ID) (Order, error) {
	var row orderRow
	err := s.db.WithContext(ctx).Take(&row, "id = ?", id).Error
	if errors.Is(err, store.ErrNotFound) {
		return Order{}, ErrNotFound
	}
	if err != nil {
		return Order{}, fmt.Errorf("order %d: %w", id, err)
	}
	return row.order()
}

// OfPlayer returns a player's newest orders, the newest first: at most limit of them, and at most 100.
func (s *Store) OfPlayer(ctx context.Context, player int64, limit int) ([]Order, error) {
	var rows []orderRow
	if err := s.db.WithContext(ctx).Order("id DESC").Limit(min(limit, maxList)).Find(&rows, "player = ?", player).Error; err != nil {
		return nil, fmt.Errorf("orders of player %d: %w", player, err)
	}
	return orders(rows)
}

// Spent is what an account's orders that were made since then cost, in minor units of the currency: those that are paid, and those that still may be. One
// that failed or expired does not count, unless its money comes late all the same. A refund gives its room back when the order is refunded and its
// goods were taken back, one of a part its part at once; a dispute does not until it is lost.
func (s *Store) Spent(ctx context.Context, account int64, currency string, since time.Time) (int64, error) {
	sum, err := spent(s.db.WithContext(ctx), currency, since, account)
	if err != nil {
		return 0, fmt.Errorf("spent by account %d: %w", account, err)
	}
	return sum, nil
}

func spent(tx *gorm.DB, currency string, since time.Time, accounts ...int64) (sum int64, err error) {
	err = tx.Model(&orderRow{}).Select("COALESCE(SUM(price - refunded_sum), 0)").
		Where("account IN ? AND created_at >= ? AND currency = ? AND state NOT IN ?", accounts, since.UnixMilli(), currency, []State{Failed, Expired, Refunded}).
		Scan(&sum).Error
	return sum, err
}

// A Transition is one change of an order's state, or of what is known of it.
type Transition struct {
	From, To State // From is "" for the first
	Why      string
	At       time.Time
}

// History is an order's transitions, the oldest first, at most 1,000.
func (s *Store) History(ctx context.Context, id ID) ([]Transition, error) {
	var rows []historyRow
	if err := s.db.WithContext(ctx).Order("id").Limit(1000).Find(&rows, "order_id = ?", id).Error; err != nil {
		return nil, fmt.Errorf("history of order %d: %w", id, err)
	}
	list := make([]Transition, len(rows))
	for i, r := range rows {
		list[i] = Transition{From: r.FromState, To: r.ToState, Why: r.Why, At: fromMS(r.At)}
	}
	return list, nil
}
