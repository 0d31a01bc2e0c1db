package keypoint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

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

// errOvertaken: a player was erased while what he did was saved.
var errOvertaken = errors.New("a player was erased meanwhile")

// ErasePlayer empties the fields of a player's events, of which only ids, names and times stay, and deletes what is in quarantine and names him. Events that
// still come, from the stream or from his client, are stored without their fields, and what names him and is malformed not at all. Players are known by their
// number in decimal.
func (s *Store) ErasePlayer(ctx context.Context, player int64) error {
	name := strconv.FormatInt(player, 10)
	within := "%" + name + "%"
	// First that what comes is stored empty, and then what has come.
	for _, step := range []func(tx *gorm.DB) error{
		func(tx *gorm.DB) error {
			return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&erasedRow{Player: name}).Error
		},
		func(tx *gorm.DB) error {
			// MySQL's UPDATE may pass over rows that others are inserting; this waits for them.
			var n int64
			if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Model(&eventRow{}).Where("player = ?", name).Count(&n).Error; err != nil {
				return err
			}
			return tx.Model(&eventRow{}).Where("player = ?", name).Update("fields", "{}").Error
		},
		func(tx *gorm.DB) error {
			return tx.Delete(&rejectRow{}, "body LIKE ? OR detail LIKE ?", within, within).Error
		},
	} {
		if err := store.InTx(ctx, s.db.WithContext(ctx), step); err != nil {
			return fmt.Errorf("erase player %s from the events: %w", name, err)
		}
	}
	return nil
}

// A number in what is malformed may be a player if it is as long as theirs are. So many of one are looked up: a client can send one that is nothing but numbers.
var number = regexp.MustCompile(`[0-9]{10,19}`)

const maxNumbers = 16

// named is the players of events, and those who may be named in what is malformed.
func named(rows []eventRow, rejects []Reject) []string {
	players := map[string]bool{}
	for _, r := range rows {
		players[r.Player] = true
	}
	for _, r := range rejects {
		for _, n := range number.FindAllString(r.Body+" "+r.Detail, maxNumbers) {
			players[n] = true
		}
	}
	return slices.Sorted(maps.Keys(players))
}

// erasedOf is those of the players who were erased.
func erasedOf(tx *gorm.DB, players []string) (gone []string, err error) {
	for part := range slices.Chunk(players, insertRows) {
		var some []string
		if err := tx.Model(&erasedRow{}).Where("player IN ?", part).Pluck("player", &some).Error; err != nil {
			return nil, err
		}
		gone = append(gone, some...)
	}
	return gone, nil
}

// emptied is the rows, without the fields of players who are gone.
func emptied(rows []eventRow, gone []string) []eventRow {
	rows = slices.Clone(rows)
	for i := range rows {
		if slices.Contains(gone, rows[i].Player) {
			rows[i].Fields = "{}"
		}
	}
	return rows
}

// kept is the rejects that name nobody who is gone.
func kept(rejects []Reject, gone []string) []Reject {
	return slices.DeleteFunc(slices.Clone(rejects), func(r Reject) bool {
		return slices.ContainsFunc(gone, func(name string) bool { return strings.Contains(r.Body+" "+r.Detail, name) })
	})
}
