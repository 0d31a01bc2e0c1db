package player

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// Taken is what [Store.TakeBack] has taken, or [Store.Changed] found: amounts by currency and by item.
type Taken struct {
	Repeated bool             `json:"-"` // the key was applied before; this is what was taken then
	Wallet   map[string]int64 `json:"wallet,omitempty"`
	Items    map[string]int64 `json:"items,omitempty"`
}

// add counts an amount of an asset.
func (t *Taken) add(a asset, amount int64) {
	part, name := &t.Wallet, string(a)
	if item, ok := a.itemName(); ok {
		part, name = &t.Items, item
	}
	if *part == nil {
		*part = map[string]int64{}
	}
	(*part)[name] += amount
}

// TakeBack takes from a player what op names, with negative amounts, or as much of it as there is: no balance falls below 0, and what the player no
// longer has is not in the result. given is the key of the operation that gave it to him, or empty: what of that lies unclaimed in a mail, as it did not
// fit into his bag, is taken first, and of that the ledger, which never had it, says nothing. It is otherwise as [Store.Apply] with Epoch 0; op's Exp and
// Rating must be 0.
func (s *Store) TakeBack(ctx context.Context, op Op, given string) (Taken, error) {
	changes, err := op.validate()
	if err != nil {
		return Taken{}, err
	}
	if op.Epoch != 0 || op.Exp != 0 || op.Rating != 0 || slices.ContainsFunc(changes, func(c change) bool { return c.amount > 0 }) {
		return Taken{}, fault.Errorf(fault.Invalid, "operation %q does more than take back", op.Key)
	}
	var taken Taken
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		taken = Taken{}
		row, err := lock(tx, op.Player)
		if err != nil {
			return err
		}
		if taken.Repeated, err = recall(tx, op.Player, op.Key, &taken); err != nil || taken.Repeated {
			return err
		}
		left, err := s.takeSpilled(tx, op.Player, given, changes, &taken)
		if err != nil {
			return err
		}
		p := posting{player: op.Player, op: op.Key, reason: op.Reason}
		have, err := touched(tx, []posting{{player: op.Player, changes: left}})
		if err != nil {
			return err
		}
		for _, c := range left {
			if amount := min(-c.amount, have[op.Player][c.asset]); amount > 0 {
				p.changes = append(p.changes, change{c.asset, -amount})
				taken.add(c.asset, amount)
			}
		}
		if _, err := s.post(tx, []posting{p}); err != nil {
			return err
		}
		if err := s.progress(tx, &row, 0, 0); err != nil {
			return err
		}
		return remember(tx, op.Player, op.Key, taken, row.UpdatedAt)
	})
	if err != nil {
		return Taken{}, fmt.Errorf("take back %s from player %d: %w", op.Key, op.Player, err)
	}
	return taken, nil
}

// takeSpilled takes what changes name out of the mail with what did not fit when an operation gave it, adds it to taken, and returns what is left to take.
// The transaction has locked the player's row, as who claims the mail does.
func (s *Store) takeSpilled(tx *gorm.DB, id ID, given string, changes []change, taken *Taken) ([]change, error) {
	var gave Result
	if applied, err := recall(tx, id, given, &gave); err != nil || !applied || gave.Mail == 0 {
		return changes, err
	}
	row, err := s.mail(tx, id, gave.Mail)
	if errors.Is(err, ErrNoMail) || err == nil && !row.unclaimed() {
		return changes, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := row.mail()
	if err != nil {
		return nil, err
	}
	var left []change
	for _, c := range changes {
		name, item := c.asset.itemName() // only items are spilled
		amount := min(-c.amount, m.Goods.Items[name])
		if !item || amount == 0 {
			left = append(left, c)
			continue
		}
		taken.add(c.asset, amount)
		if m.Goods.Items[name] -= amount; m.Goods.Items[name] == 0 {
			delete(m.Goods.Items, name)
		}
		if c.amount += amount; c.amount < 0 {
			left = append(left, c)
		}
	}
	if len(m.Goods.Items) == 0 {
		return left, tx.Delete(&row).Error
	}
	text, err := json.Marshal(m.Goods)
	if err != nil {
		return nil, err
	}
	return left, tx.Model(&row).Update("attachments", string(text)).Error
}

// Changed is by how much an operation has changed what a player has, by the ledger; ok is false when the key was never applied to him.
func (s *Store) Changed(ctx context.Context, id ID, key string) (changed Taken, ok bool, err error) {
	var applied int64
	if err := s.db.WithContext(ctx).Model(&appliedRow{}).Where("player = ? AND op = ?", id, key).Count(&applied).Error; err != nil {
		return Taken{}, false, fmt.Errorf("operation %s of player %d: %w", key, id, err)
	}
	var legs []ledgerRow
	if err := s.db.WithContext(ctx).Find(&legs, "player = ? AND op = ? AND holder = ?", id, key, holderPlayer).Error; err != nil {
		return Taken{}, false, fmt.Errorf("ledger of operation %s of player %d: %w", key, id, err)
	}
	for _, l := range legs {
		changed.add(asset(l.Asset), l.Amount)
	}
	return changed, applied > 0, nil
}
