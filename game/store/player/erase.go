package player

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// ErrErased: the player was erased, and is nobody's any more.
var ErrErased = fault.New(fault.NotFound, "this player was erased")

// ErasePlayer removes what is known of a player: his name, which is free then, his state, his mails, and what he is to others and they to him. Whoever holds him is
// fenced, and nobody can load him again, nor for the first time. Ids stay, with what he owned, earned and fought: ledger, wallet, items and matches say nothing of
// who he was. Erasing again changes nothing.
func (s *Store) ErasePlayer(ctx context.Context, id ID) error {
	erase := func(tx *gorm.DB) error {
		row, err := lock(tx, id)
		isNew := errors.Is(err, ErrNotFound) // who may be on his way in
		if err != nil && !isNew {
			return err
		}
		if row.ErasedAt == 0 {
			row.ID, row.ErasedAt = id, s.nowMS()
			row.Epoch++
			row.Version++
		}
		row.Name, row.State, row.SchemaVersion, row.CameAt = "erased:"+strconv.FormatInt(int64(id), 10), "{}", 0, 0
		row.NameKey = row.Name
		if isNew {
			return tx.Create(&row).Error
		}
		err = tx.Model(&row).Select("name", "name_key", "state", "schema_version", "epoch", "version", "erased_at", "came_at").Updates(row).Error
		if err == nil {
			err = tx.Model(&unloggedRow{}).Where("player = ? AND details <> ?", id, "").Update("details", "{}").Error
		}
		if err == nil {
			err = untag(tx, id)
		}
		for _, gone := range []any{&mailRow{}, &friendRow{}} {
			if err == nil {
				err = tx.Delete(gone, "player = ?", id).Error
			}
		}
		return err
	}
	err := store.InTx(ctx, s.db, erase)
	if errors.Is(err, store.ErrDuplicate) { // he has come in this moment
		err = store.InTx(ctx, s.db, erase)
	}
	// Found without locks, since there is no index for it; nobody is added any more.
	var others []friendRow
	if err == nil {
		err = s.db.WithContext(ctx).Find(&others, "friend = ?", id).Error
	}
	if err == nil && len(others) > 0 {
		err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
			for _, o := range others {
				if err := tx.Delete(&friendRow{}, "player = ? AND friend = ?", o.Player, id).Error; err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("erase player %d: %w", id, err)
	}
	return nil
}

// untag takes from the results of a player's operations what they were tagged with, such as a name that he has taken.
func untag(tx *gorm.DB, id ID) error {
	var rows []appliedRow
	if err := tx.Find(&rows, "player = ? AND result LIKE ?", id, `%"tag"%`).Error; err != nil {
		return err
	}
	for _, row := range rows {
		var result Result
		if err := json.Unmarshal([]byte(row.Result), &result); err != nil {
			return err
		}
		result.Tag = ""
		text, err := json.Marshal(result)
		if err != nil {
			return err
		}
		if err := tx.Model(&appliedRow{}).Where("player = ? AND op = ?", id, row.Op).Update("result", string(text)).Error; err != nil {
			return err
		}
	}
	return nil
}
