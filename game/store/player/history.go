package player

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// What a list holds when it is asked for no number, and at most.
const (
	defaultLimit = 50
	maxLimit     = 200
)

func limited(n int) int {
	if n <= 0 {
		return defaultLimit
	}
	return min(n, maxLimit)
}

// Matches returns a player's newest matches, the newest first: at most limit of them, and at most 200; 0 is 50.
func (s *Store) Matches(ctx context.Context, id ID, limit int) ([]MatchRow, error) {
	var stored []matchRow
	err := s.db.WithContext(ctx).Order("match_id DESC").Limit(limited(limit)).Find(&stored, "player = ?", id).Error
	if err != nil {
		return nil, fmt.Errorf("matches of player %d: %w", id, err)
	}
	rows := make([]MatchRow, len(stored))
	for i, r := range stored {
		rows[i] = MatchRow{
			Match: r.MatchID, Player: r.Player, Mode: r.Mode, Ended: fromMS(r.EndedAt), Place: r.Place, Players: r.Players, Score: r.Score,
			Kills: r.Kills, Deaths: r.Deaths, RatingBefore: r.RatingBefore, RatingAfter: r.RatingAfter, Exp: r.Exp,
		}
		if err := json.Unmarshal([]byte(r.Reward), &rows[i].Reward); err != nil {
			return nil, fmt.Errorf("match %d of player %d: %w", r.MatchID, id, err)
		}
	}
	return rows, nil
}

// A LedgerRow is one change of what a player has.
type LedgerRow struct {
	ID     int64  // grows with time
	Key    string // of the operation
	Reason string
	Asset  string // a currency, or "item:" and the item
	Amount int64
	At     time.Time
}

// Ledger returns a player's newest changes, the newest first: those before the row with the ID before, if it is not 0, and at most limit, as
// [Store.Matches] has it.
func (s *Store) Ledger(ctx context.Context, id ID, limit int, before int64) ([]LedgerRow, error) {
	query := s.db.WithContext(ctx).Where("player = ? AND holder = ?", id, holderPlayer)
	if before != 0 {
		query = query.Where("entry < ?", before)
	}
	var legs []ledgerRow
	if err := query.Order("entry DESC").Limit(limited(limit)).Find(&legs).Error; err != nil {
		return nil, fmt.Errorf("ledger of player %d: %w", id, err)
	}
	rows := make([]LedgerRow, len(legs))
	for i, l := range legs {
		rows[i] = LedgerRow{ID: l.Entry, Key: l.Op, Reason: l.Reason, Asset: l.Asset, Amount: l.Amount, At: fromMS(l.At)}
	}
	return rows, nil
}
