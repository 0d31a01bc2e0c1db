package public

import (
	"context"
	"fmt"
	"strconv"

	"gorm.io/gorm"
)

// erasedText stands where an operator wrote something about a player.
const erasedText = "erased"

// ErasePlayer is [Leader.Forget], and takes from the commands that name the player what was written in them: arguments, reasons and results. except is the
// command that has it done.
func (l *Leader) ErasePlayer(ctx context.Context, player int64, except string) ([]Move, error) {
	moves, err := l.Forget(ctx, player)
	if err != nil {
		return nil, err
	}
	number := strconv.FormatInt(player, 10)
	var named []Command
	like := "%" + number + "%" // which may be more than the player's, and those are looked at below
	err = l.db.WithContext(ctx).Select("id", "args", "result").Find(&named, "id <> ? AND ended_at > 0 AND (args LIKE ? OR result LIKE ?)", except, like, like).Error
	if err != nil {
		return nil, fmt.Errorf("find commands about player %d: %w", player, err)
	}
	for _, c := range named {
		if !mentions(c.Args, number) && !mentions(c.Result, number) {
			continue
		}
		err := l.tx(ctx, "erase a player from a command", func(tx *gorm.DB) error {
			kept := `{"player":` + strconv.Quote(number) + `}`
			return tx.Model(&Command{}).Where("id = ?", c.ID).
				Updates(map[string]any{"args": kept, "reason": erasedText, "error": "", "result": "null"}).Error
		})
		if err != nil {
			return nil, err
		}
	}
	return moves, nil
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
