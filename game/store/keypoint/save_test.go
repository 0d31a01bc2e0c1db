package keypoint

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/migrations"
)

// TestActivityIsStored: what a store takes for stored is stored, also after a batch that failed, and what it does not store again is there.
func TestActivityIsStored(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		db := storetest.Migrated(t, stores, "keypoint", migrations.FS("keypoint"))
		const remembered = 50
		s, other := New(db), New(db)
		s.active = newRecent(remembered)
		now := time.UnixMilli(1_800_000_000_000)
		n := 0
		event := func(player string, at time.Time) Event {
			n++
			return Event{App: "arena", ID: fmt.Sprintf("event-%06d", n), Name: "login", Player: player, At: at, Received: now, Fields: "{}"}
		}
		want := map[activityRow]bool{}
		save := func(s *Store, fresh int, events ...Event) {
			t.Helper()
			got, err := s.Save(t.Context(), events, nil)
			if err != nil || got != fresh {
				t.Fatalf("saved %d, %v; want %d", got, err, fresh)
			}
			for _, e := range events {
				want[activityRow{e.App, DayOf(e.At), e.Player}] = true
			}
			var rows []activityRow
			if err := db.Find(&rows).Error; err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if !want[r] {
					t.Errorf("nobody was active as in %+v", r)
				}
			}
			if len(rows) != len(want) {
				t.Errorf("%d days of players are stored, want %d", len(rows), len(want))
			}
		}
		rename := func(from, to string) {
			t.Helper()
			err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return tx.Exec("ALTER TABLE " + from + " RENAME TO " + to).Error })
			if err != nil {
				t.Fatal(err)
			}
		}
		ann := event("ann", now)
		rename("quarantine", "away")
		if _, err := s.Save(t.Context(), []Event{ann}, []Reject{{Entry: "1-1", Received: now}}); err == nil {
			t.Fatal("saved without a table")
		}
		rename("away", "quarantine")
		save(s, 1, ann)
		save(s, 2, event("ann", now), event("ann", now))
		save(s, 1, ann, event("bob", now), ann) // one of which was stored
		save(s, 1, event("ann", now.Add(24*time.Hour)))
		save(other, 1, event("ann", now))
		var many []Event
		for i := range 2*remembered + 3 {
			many = append(many, event(fmt.Sprint("player-", i), now))
		}
		save(s, len(many), many...) // more than it remembers
		save(s, 2, event("player-1", now), event("ann", now))
		if young, old := len(s.active.young), len(s.active.old); young > remembered || old != remembered {
			t.Errorf("it remembers %d and %d", young, old)
		}
	})
}

// TestStatementsAreBounded: neither many events nor large ones make a statement larger than SQL takes.
func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	small, large := make([]eventRow, insertRows+5), make([]eventRow, 10)
	for i := range large {
		large[i].Fields = strings.Repeat("x", insertBytes/4)
	}
	huge := []eventRow{{Fields: strings.Repeat("x", insertBytes+1)}, {}}
	for name, test := range map[string]struct {
		rows []eventRow
		want int
	}{"many": {small, insertRows}, "few": {small[:7], 7}, "large": {large, 4}, "one that is larger": {huge, 1}} {
		if got := inserted(test.rows); got != test.want {
			t.Errorf("%s: %d in a statement, want %d", name, got, test.want)
		}
	}
}
