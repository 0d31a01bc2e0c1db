package keypoint

import (
	"context"
	"fmt"
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/store"
)

// erasedRow is a player who was erased.
type erasedRow struct {
	Player string `gorm:"primaryKey"`
}

// TableName is the table of erased players.
func (erasedRow) TableName() string { return "erased" }

// ErasePlayer empties the fields of a player's events, of which only ids, names and times stay, and deletes what is in quarantine and names him. Events that
// still come, from the stream or from his client, are stored without their fields. Players are known by their number in decimal.
func (s *Store) ErasePlayer(ctx context.Context, player int64) error {
	name := strconv.FormatInt(player, 10)
	// First that what comes is stored empty, and then what has come.
	for _, step := range []func(tx *gorm.DB) error{
		func(tx *gorm.DB) error {
			return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&erasedRow{Player: name}).Error
		},
		func(tx *gorm.DB) error {
			return tx.Model(&eventRow{}).Where("player = ?", name).Update("fields", "{}").Error
		},
		func(tx *gorm.DB) error {
			return tx.Delete(&rejectRow{}, "body LIKE ? OR detail LIKE ?", "%"+name+"%", "%"+name+"%").Error
		},
	} {
		if err := store.InTx(ctx, s.db.WithContext(ctx), step); err != nil {
			return fmt.Errorf("erase player %s from the events: %w", name, err)
		}
	}
	return nil
}

// emptied takes the fields from events of players who were erased.
func emptied(tx *gorm.DB, rows []eventRow) error {
	players := map[string]bool{}
	for _, r := range rows {
		players[r.Player] = false
	}
	names := make([]string, 0, len(players))
	for name := range players {
		names = append(names, name)
	}
	for begin := 0; begin < len(names); begin += insertRows {
		var gone []string
		part := names[begin:min(begin+insertRows, len(names))]
		if err := tx.Model(&erasedRow{}).Where("player IN ?", part).Pluck("player", &gone).Error; err != nil {
			return err
		}
		for _, name := range gone {
			players[name] = true
		}
	}
	for i := range rows {
		if players[rows[i].Player] {
			rows[i].Fields = "{}"
		}
	}
	return nil
}
