package log

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// ErasePlayer empties the details of a player's records; that there are such stays, by ids. Records that are still on their way come with theirs: erase again.
func (s *Store) ErasePlayer(ctx context.Context, player int64) error {
	names, err := s.tables(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
			return tx.Table(name).Where("player = ?", player).Update("details", "{}").Error
		})
		if err != nil {
			return fmt.Errorf("erase player %d from %s: %w", player, name, err)
		}
	}
	return nil
}
