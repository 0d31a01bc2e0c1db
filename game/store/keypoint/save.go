package keypoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/store"
)

const (
	insertRows = 500 // in one statement
	// saveAttempts bounds how often a batch is tried again because another node has stored one of its events meanwhile.
	saveAttempts = 5
)

// Save stores a batch in one transaction and says how many of its events are new; the others were stored before, or stand in the batch twice. It may be
// called again with the same batch, also after an error that does not say whether it had an effect.
func (s *Store) Save(ctx context.Context, events []Event, rejects []Reject) (fresh int, err error) {
	for range saveAttempts {
		err = store.InTx(ctx, s.db.WithContext(ctx), func(tx *gorm.DB) (err error) {
			if fresh, err = saveEvents(tx, events); err != nil {
				return err
			}
			return saveRejects(tx, rejects)
		})
		if !errors.Is(err, store.ErrDuplicate) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("save %d events: %w", len(events), err)
	}
	return fresh, nil
}

// saveEvents inserts what is new, in the order of the keys so that two nodes rarely lock each other out. Days are those of new events only: an event
// that is sent again must not make its player active on another day.
func saveEvents(tx *gorm.DB, events []Event) (int, error) {
	rows := make([]eventRow, len(events))
	for i, e := range events {
		rows[i] = eventRow{
			App: e.App, ID: e.ID, Name: e.Name, Player: e.Player, Day: DayOf(e.At),
			At: e.At.UnixMilli(), Skew: e.Skew.Milliseconds(), Received: e.Received.UnixMilli(), Fields: e.Fields,
		}
	}
	slices.SortStableFunc(rows, func(a, b eventRow) int { return cmp.Or(strings.Compare(a.App, b.App), strings.Compare(a.ID, b.ID)) })
	rows = slices.CompactFunc(rows, func(a, b eventRow) bool { return a.App == b.App && a.ID == b.ID })
	rows, err := unknown(tx, rows)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	if err := emptied(tx, rows); err != nil {
		return 0, err
	}
	if err := tx.CreateInBatches(rows, insertRows).Error; err != nil {
		return 0, err
	}
	days := make([]activityRow, len(rows))
	for i, r := range rows {
		days[i] = activityRow{r.App, r.Day, r.Player}
	}
	slices.SortFunc(days, func(a, b activityRow) int {
		return cmp.Or(strings.Compare(a.App, b.App), cmp.Compare(a.Day, b.Day), strings.Compare(a.Player, b.Player))
	})
	days = slices.Compact(days)
	return len(rows), tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(days, insertRows).Error
}

// unknown is the rows whose events are not stored yet.
func unknown(tx *gorm.DB, rows []eventRow) ([]eventRow, error) {
	type key struct{ App, ID string }
	ids := map[string][]string{} // by app
	for _, r := range rows {
		ids[r.App] = append(ids[r.App], r.ID)
	}
	known := map[key]bool{}
	for app, all := range ids {
		for part := range slices.Chunk(all, insertRows) {
			var found []string
			if err := tx.Model(&eventRow{}).Where("app = ? AND id IN ?", app, part).Pluck("id", &found).Error; err != nil {
				return nil, err
			}
			for _, id := range found {
				known[key{app, id}] = true
			}
		}
	}
	if len(known) == 0 {
		return rows, nil
	}
	return slices.DeleteFunc(rows, func(r eventRow) bool { return known[key{r.App, r.ID}] }), nil
}

func saveRejects(tx *gorm.DB, rejects []Reject) error {
	if len(rejects) == 0 {
		return nil
	}
	rows := make([]rejectRow, len(rejects))
	for i, r := range rejects {
		rows[i] = rejectRow{r.Entry, r.Number, r.App, r.Reason, r.Detail, r.Body, r.Received.UnixMilli()}
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(rows, insertRows).Error
}
