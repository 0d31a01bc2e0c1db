package public

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/store"
)

// A Line is one thing that was said to all in an area.
type Line struct {
	Area   uint16
	Number int64 // one more than the last one in the area
	Player int64
	Name   string
	Text   string
	At     time.Time
}

type chatRow struct {
	Area   uint16 `gorm:"primaryKey;autoIncrement:false"`
	Number int64  `gorm:"primaryKey;autoIncrement:false"`
	Player int64
	Name   string
	Text   string
	At     int64
}

// TableName is the table of lines.
func (chatRow) TableName() string { return "chat" }

// A Mute keeps a player from saying anything to all.
type Mute struct {
	Player int64 `gorm:"primaryKey;autoIncrement:false"`
	Until  int64 // ms
	Reason string
	Author string
}

// TableName is the table of mutes.
func (Mute) TableName() string { return "mutes" }

// Say stores a line under its number and time. The numbers of an area are given by the one who leads. It is [ErrErased].
func (l *Leader) Say(ctx context.Context, line Line) error {
	return l.tx(ctx, "say to all", func(tx *gorm.DB) error {
		gone, err := erasedOf(tx, []int64{line.Player})
		if err != nil {
			return err
		}
		if len(gone) > 0 {
			return ErrErased
		}
		return tx.Create(&chatRow{
			Area: line.Area, Number: line.Number, Player: line.Player, Name: line.Name, Text: line.Text, At: line.At.UnixMilli(),
		}).Error
	})
}

// Lines is the newest lines of an area, the oldest first.
func (s *Store) Lines(ctx context.Context, area uint16, limit int) ([]Line, error) {
	var rows []chatRow
	if err := s.db.WithContext(ctx).Order("number DESC").Limit(limit).Find(&rows, "area = ?", area).Error; err != nil {
		return nil, fmt.Errorf("read the chat: %w", err)
	}
	slices.Reverse(rows)
	lines := make([]Line, len(rows))
	for i, r := range rows {
		lines[i] = Line{Area: r.Area, Number: r.Number, Player: r.Player, Name: r.Name, Text: r.Text, At: fromMS(r.At)}
	}
	return lines, nil
}

// TrimChat deletes all lines of an area but the newest, and returns how many. The newest always stays: it says what the next number is.
func (l *Leader) TrimChat(ctx context.Context, area uint16, keep int) (n int64, err error) {
	err = l.tx(ctx, "trim the chat", func(tx *gorm.DB) error {
		var last int64
		if err := tx.Model(&chatRow{}).Where("area = ?", area).Select("COALESCE(MAX(number), 0)").Scan(&last).Error; err != nil {
			return err
		}
		deleted := tx.Delete(&chatRow{}, "area = ? AND number <= ?", area, last-int64(max(1, keep)))
		n = deleted.RowsAffected
		return deleted.Error
	})
	return n, err
}

// Mute keeps a player from saying anything to all until a time; one that has passed lets him again.
func (l *Leader) Mute(ctx context.Context, m Mute) error {
	m.Reason, m.Author = cut(m.Reason, maxText), cut(m.Author, maxAuthor)
	return l.tx(ctx, "mute a player", func(tx *gorm.DB) error {
		if err := tx.Delete(&Mute{}, "until <= ?", l.nowMS()).Error; err != nil {
			return err
		}
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&m).Error
	})
}

// maxAuthor bounds the names of operators, in characters.
const maxAuthor = 64

// MuteOf is the mute of a player that is on.
func (s *Store) MuteOf(ctx context.Context, player int64) (m Mute, on bool, err error) {
	err = s.db.WithContext(ctx).Take(&m, "player = ? AND until > ?", player, s.nowMS()).Error
	if errors.Is(err, store.ErrNotFound) {
		return Mute{}, false, nil
	}
	if err != nil {
		return Mute{}, false, fmt.Errorf("read the mute of player %d: %w", player, err)
	}
	return m, true, nil
}
