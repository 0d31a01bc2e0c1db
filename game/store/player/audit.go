package player

import (
	"context"
	"fmt"
)

// An Imbalance is something that must not be: a player who has more or less of an asset than the ledger says, or an entry of the ledger whose
// legs do not sum to zero.
type Imbalance struct {
	Player ID
	Asset  string
	Entry  int64 // of the ledger; 0 when it is the player's balance that differs
	Amount int64 // by how much too much
}

// auditBalances compares what players have with the sum of their legs, in one statement and so at one moment.
const auditBalances = `
SELECT player, asset, 0 AS entry, SUM(part) AS amount FROM (
	SELECT player, currency AS asset, amount AS part FROM wallets
	UNION ALL SELECT player, CONCAT('item:', item) AS asset, amount AS part FROM items
	UNION ALL SELECT player, asset, -amount AS part FROM ledger WHERE holder = ?
) AS parts GROUP BY player, asset HAVING SUM(part) <> 0 LIMIT 1000`

const auditEntries = `
SELECT player, asset, entry, SUM(part) AS amount FROM (
	SELECT player, asset, entry, amount AS part FROM ledger
) AS parts GROUP BY player, entry, asset HAVING SUM(part) <> 0 LIMIT 1000`

// Audit compares every wallet with the ledger, and returns up to 2,000 differences: none, unless something is broken. It reads everything, so
// that it is for tests and for the night.
func (s *Store) Audit(ctx context.Context) ([]Imbalance, error) {
	var balances, entries []Imbalance
	if err := s.db.WithContext(ctx).Raw(auditBalances, holderPlayer).Scan(&balances).Error; err != nil {
		return nil, fmt.Errorf("audit balances: %w", err)
	}
	if err := s.db.WithContext(ctx).Raw(auditEntries).Scan(&entries).Error; err != nil {
		return nil, fmt.Errorf("audit entries: %w", err)
	}
	return append(balances, entries...), nil
}
