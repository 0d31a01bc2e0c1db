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
	// insertRows and insertBytes bound one statement: by the variables that SQLite takes, and by the packet that MySQL takes, where escaping may double it.
	insertRows, insertBytes = 2000, 4 << 20
	// saveAttempts bounds how often a batch is tried again because another node has stored one of its events meanwhile.
	saveAttempts = 5
)

// Save stores a batch in one transaction and says how many of its events are new; the others were stored before, or stand in the batch twice. It may be
// called again with the same batch, also after an error that does not say whether it had an effect.
func (s *Store) Save(ctx context.Context, events []Event, rejects []Reject) (fresh int, err error) {
	sorted := rowsOf(events)
	for attempt := range saveAttempts {
		rows, days := sorted, []activityRow(nil)
		err = store.InTx(ctx, s.db.WithContext(ctx), func(tx *gorm.DB) (err error) {
			rows = sorted
			if attempt > 0 { // most batches have nothing that is stored, and are not looked up for it
				if rows, err = unknown(tx, sorted); err != nil {
					return err
				}
			}
			players := named(rows, rejects)
			gone, err := erasedOf(tx, players)
			if err != nil {
				return err
			}
			if days, err = s.saveEvents(tx, emptied(rows, gone)); err != nil {
				return err
			}
			if err := saveRejects(tx, kept(rejects, gone)); err != nil {
				return err
			}
			// Whoever is erased from here on finds what was saved.
			if now, err := erasedOf(tx, players); err != nil || len(now) != len(gone) {
				return cmp.Or(err, errOvertaken)
			}
			return nil
		})
		if errors.Is(err, store.ErrDuplicate) || errors.Is(err, errOvertaken) {
			continue
		}
		if err == nil {
			s.active.add(days)
			return len(rows), nil
		}
		break
	}
	return 0, fmt.Errorf("save %d events: %w", len(events), err)
}

// rowsOf is events as rows, each once, in the order of the keys so that two nodes rarely lock each other out.
func rowsOf(events []Event) []eventRow {
	rows := make([]eventRow, len(events))
	for i, e := range events {
		rows[i] = eventRow{
			App: e.App, ID: e.ID, Name: e.Name, Player: e.Player, Day: DayOf(e.At),
			At: e.At.UnixMilli(), Skew: e.Skew.Milliseconds(), Received: e.Received.UnixMilli(), Fields: e.Fields,
		}
	}
	slices.SortStableFunc(rows, func(a, b eventRow) int { return cmp.Or(strings.Compare(a.App, b.App), strings.Compare(a.ID, b.ID)) })
	return slices.CompactFunc(rows, func(a, b eventRow) bool { return a.App == b.App && a.ID == b.ID })
}

// saveEvents inserts rows, and returns the days on which their players were active and which it has inserted too. They are those of new events only: an event
// that is sent again must not make its player active on another day.
func (s *Store) saveEvents(tx *gorm.DB, rows []eventRow) ([]activityRow, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	for left := rows; len(left) > 0; {
		n := inserted(left)
		if err := tx.Create(left[:n]).Error; err != nil {
			return nil, err
		}
		left = left[n:]
	}
	days := s.active.without(rows)
	if len(days) == 0 {
		return nil, nil
	}
	slices.SortFunc(days, func(a, b activityRow) int {
		return cmp.Or(strings.Compare(a.App, b.App), cmp.Compare(a.Day, b.Day), strings.Compare(a.Player, b.Player))
	})
	return days, tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(days, insertRows).Error
}

// inserted is how many of the rows go into one statement.
func inserted(rows []eventRow) int {
	size := 0
	for n, r := range rows[:min(len(rows), insertRows)] {
		if size += len(r.Fields); size > insertBytes {
			return max(1, n)
		}
	}
	return min(len(rows), insertRows)
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
	return slices.DeleteFunc(slices.Clone(rows), func(r eventRow) bool { return known[key{r.App, r.ID}] }), nil
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
