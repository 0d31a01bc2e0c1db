package order

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// ErasePlayer removes what orders have that leads to a person: the pages and keys by which they are paid. Orders stay with their ids and amounts. It returns how
// many orders the player has; erasing again changes nothing.
func (s *Store) ErasePlayer(ctx context.Context, player int64) (orders int64, err error) {
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		done := tx.Model(&orderRow{}).Where("player = ?", player).Updates(map[string]any{"pay_url": "", "secret": ""})
		if done.Error != nil {
			return done.Error
		}
		return tx.Model(&orderRow{}).Where("player = ?", player).Count(&orders).Error // the engines differ in whether rows that stay the same are affected
	})
	if err != nil {
		return 0, fmt.Errorf("erase from the orders of player %d: %w", player, err)
	}
	return orders, nil
}
