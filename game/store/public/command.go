package public

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// A Command is what an operator has commanded, and what came of it. Args and Result are JSON.
type Command struct {
	ID      string
	Name    string
	Args    string
	Author  string
	Reason  string
	Started time.Time
	Ended   time.Time // zero: it has not
	Code    fault.Code
	Error   string
	Result  string
}

type commandRow struct {
	ID        string `gorm:"primaryKey"`
	Name      string
	Args      string
	Author    string
	Reason    string
	StartedAt int64
	EndedAt   int64
	Code      fault.Code
	Error     string
	Result    string
}

// TableName is the table of commands.
func (commandRow) TableName() string { return "commands" }

func (r commandRow) command() Command {
	return Command{
		ID: r.ID, Name: r.Name, Args: r.Args, Author: r.Author, Reason: r.Reason, Started: fromMS(r.StartedAt), Ended: fromMS(r.EndedAt),
		Code: r.Code, Error: r.Error, Result: r.Result,
	}
}

// StartCommand records a command before it is done; one that is Ended is recorded with what came of it, as it will not be done. When its id is recorded already, it returns
// what is: the first one counts.
func (l *Leader) StartCommand(ctx context.Context, c Command) (recorded Command, first bool, err error) {
	var row commandRow
	err = l.tx(ctx, "record a command", func(tx *gorm.DB) error {
		row = commandRow{}
		err := tx.Take(&row, "id = ?", c.ID).Error
		if first = errors.Is(err, store.ErrNotFound); !first {
			return err
		}
		row = commandRow{
			ID: c.ID, Name: c.Name, Args: c.Args, Author: c.Author, Reason: c.Reason, StartedAt: l.nowMS(), Result: "null",
		}
		if !c.Ended.IsZero() {
			row.EndedAt, row.Code, row.Error = row.StartedAt, c.Code, cut(c.Error, maxText)
		}
		return tx.Create(&row).Error
	})
	return row.command(), first, err
}

// EndCommand records what came of a command.
func (l *Leader) EndCommand(ctx context.Context, c Command) error {
	row := commandRow{EndedAt: l.nowMS(), Code: c.Code, Error: cut(c.Error, maxText), Result: c.Result}
	return l.tx(ctx, "record a command's end", func(tx *gorm.DB) error {
		return tx.Model(&commandRow{}).Where("id = ? AND ended_at = 0", c.ID).Select("ended_at", "code", "error", "result").Updates(&row).Error
	})
}

// Commands is those that were started before a time, the newest first; a zero time is from the newest on.
func (s *Store) Commands(ctx context.Context, before time.Time, limit int) ([]Command, error) {
	query := s.db.WithContext(ctx).Order("started_at DESC, id").Limit(limit)
	if !before.IsZero() {
		query = query.Where("started_at < ?", before.UnixMilli())
	}
	var rows []commandRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read commands: %w", err)
	}
	commands := make([]Command, len(rows))
	for i, r := range rows {
		commands[i] = r.command()
	}
	return commands, nil
}
