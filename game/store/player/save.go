package player

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// MaxState bounds a player's state, in bytes of JSON.
const MaxState = 256 << 10

// A Save is what a world stores of a player that it holds. What the player owns, and rating and experience, change through [Store.Apply].
type Save struct {
	State  []byte // JSON, at most [MaxState]
	Schema int32  // the state's schema version, from 1; a newer one in the table is not overwritten

	Arrivals []Arrival // logins to the player since, at most [MaxArrivals], which the log is told
	Leaves   bool      // the player leaves the game, which the log is told too
}

// Save stores the state, if epoch is that of the newest [Store.Load]: otherwise [ErrFenced]. A stored state with a newer schema is
// [ErrNewerState].
func (s *Store) Save(ctx context.Context, id ID, epoch uint64, save Save) error {
	switch {
	case len(save.State) > MaxState:
		return fault.Errorf(fault.TooLarge, "the state of player %d has %d bytes, more than %d", id, len(save.State), MaxState)
	case !json.Valid(save.State):
		return fault.Errorf(fault.Invalid, "the state of player %d is not JSON", id)
	case save.Schema < 1:
		return fault.Errorf(fault.Invalid, "the state of player %d has schema %d, and the first is 1", id, save.Schema)
	case len(save.Arrivals) > MaxArrivals:
		return fault.Errorf(fault.Invalid, "%d logins between two saves of player %d are more than %d", len(save.Arrivals), id, MaxArrivals)
	}
	for _, a := range save.Arrivals {
		if err := a.check(); err != nil {
			return err
		}
	}
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		done := tx.Model(&playerRow{}).Where("id = ? AND epoch = ? AND schema_version <= ?", id, epoch, save.Schema).Updates(map[string]any{
			"state": string(save.State), "schema_version": save.Schema, "version": gorm.Expr("version + 1"), "updated_at": s.nowMS(),
		})
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 1 {
			return s.visit(tx, id, save)
		}
		row, err := lock(tx, id)
		switch {
		case err != nil:
			return err
		case row.Epoch != epoch:
			return ErrFenced
		default:
			return ErrNewerState
		}
	})
	if err != nil {
		return fmt.Errorf("save player %d: %w", id, err)
	}
	return nil
}
