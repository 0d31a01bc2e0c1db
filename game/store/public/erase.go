package public

import (
	"context"
	"fmt"
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
)

// erasedText stands where an operator wrote something about a player.
const erasedText = "erased"

// ErrErased: the player was erased, and nothing about him is stored any more.
var ErrErased = fault.New(fault.NotFound, "this player was erased")

// erasedRow is a player who was erased, or his account: no two of them have one number.
type erasedRow struct {
	Player int64 `gorm:"primaryKey;autoIncrement:false"`
}

// TableName is the table of erased players.
func (erasedRow) TableName() string { return "erased_players" }

// erasedOf is those of the players who were erased.
func erasedOf(tx *gorm.DB, players []int64) (gone []int64, err error) {
	err = tx.Model(&erasedRow{}).Where("player IN ?", players).Pluck("player", &gone).Error
	return gone, err
}

// Erased is whether one of the numbers is of a player who was erased, or of his account.
func (s *Store) Erased(ctx context.Context, numbers ...int64) (bool, error) {
	gone, err := erasedOf(s.db.WithContext(ctx), numbers)
	if err != nil {
		return false, fmt.Errorf("look who was erased: %w", err)
	}
	return len(gone) > 0, nil
}

// ErasePlayer is [Leader.Forget], and takes from the commands that name the player or his account what was written in them: arguments, reasons and results. One that has
// not ended, such as one that could not be done, ends with that: it is not to be done with what is left of it. except is the command that has it done.
func (l *Leader) ErasePlayer(ctx context.Context, player, account int64, except string) (areas []uint16, err error) {
	if areas, err = l.Forget(ctx, player); err != nil {
		return nil, err
	}
	err = l.tx(ctx, "note an account as erased", func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&erasedRow{account}).Error
	})
	if err != nil {
		return nil, err
	}
	for what, number := range map[string]int64{"player": player, "account": account} {
		if err := l.emptyCommands(ctx, what, strconv.FormatInt(number, 10), except); err != nil {
			return nil, err
		}
	}
	return areas, nil
}

// Forget deletes what the tables have of a player, but for the number by which he is called in what others have seen, and returns the areas in which he was ranked. What
// was told of him before, and comes after, is not taken.
func (l *Leader) Forget(ctx context.Context, player int64) (areas []uint16, err error) {
	err = l.tx(ctx, "forget a player", func(tx *gorm.DB) error {
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&erasedRow{player}).Error; err != nil {
			return err
		}
		known, err := ranksOf(tx, []int64{player})
		if err != nil {
			return err
		}
		areas = nil
		for _, r := range known {
			areas = append(areas, r.Area)
		}
		for _, row := range []any{&Rank{}, &Mute{}} {
			if err := tx.Delete(row, "player = ?", player).Error; err != nil {
				return err
			}
		}
		// Lines stay, empty: their numbers are not given again.
		err = tx.Model(&chatRow{}).Where("player = ?", player).Updates(map[string]any{"name": "", "text": ""}).Error
		if err != nil {
			return err
		}
		return tx.Model(&placeRow{}).Where("player = ?", player).Update("name", "").Error
	})
	return areas, err
}

// emptyCommands leaves nothing but the number in commands that have it.
func (l *Leader) emptyCommands(ctx context.Context, what, number, except string) error {
	var named []commandRow
	like := "%" + number + "%" // which may be more than are about it, and those are looked at below
	err := l.db.WithContext(ctx).Select("id", "args", "result").Find(&named, "id <> ? AND (args LIKE ? OR result LIKE ?)", except, like, like).Error
	if err != nil {
		return fmt.Errorf("find commands about %s %s: %w", what, number, err)
	}
	for _, c := range named {
		if !mentions(c.Args, number) && !mentions(c.Result, number) {
			continue
		}
		err := l.tx(ctx, "erase a player from a command", func(tx *gorm.DB) error {
			err := tx.Model(&commandRow{}).Where("id = ? AND ended_at = 0", c.ID).Updates(map[string]any{"ended_at": l.nowMS(), "code": fault.Lost}).Error
			if err != nil {
				return err
			}
			kept := "{" + strconv.Quote(what) + ":" + strconv.Quote(number) + "}"
			return tx.Model(&commandRow{}).Where("id = ?", c.ID).
				Updates(map[string]any{"args": kept, "reason": erasedText, "error": "", "result": "null"}).Error
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// mentions is whether a text has the number, and not as a part of a longer one.
func mentions(text, number string) bool {
	digit := func(i int) bool { return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9' }
	for i := 0; i+len(number) <= len(text); i++ {
		if text[i:i+len(number)] == number && !digit(i-1) && !digit(i+len(number)) {
			return true
		}
	}
	return false
}
