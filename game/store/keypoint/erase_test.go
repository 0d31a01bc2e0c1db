package keypoint

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/migrations"
)

// TestEraseBesideSaves erases players while what they did is saved: whatever comes first, nothing stays that says who they were.
func TestEraseBesideSaves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		db := storetest.Migrated(t, stores, "keypoint", migrations.FS("keypoint"))
		s := New(db)
		at := time.UnixMilli(1_800_000_000_000)
		const rounds, nodes, many = 20, 3, 200
		for player := int64(1e12); player < 1e12+rounds; player++ {
			var work sync.WaitGroup
			for node := range nodes {
				id := fmt.Sprintf("%d-%d", player, node)
				var events []Event
				for n := range many {
					events = append(events, Event{
						App: "arena", ID: fmt.Sprintf("%s-%d", id, n), Name: "login", Player: fmt.Sprint(player), At: at, Received: at, Fields: `{"email":"zanzibar"}`,
					})
				}
				reject := Reject{Entry: id, App: "arena", Body: fmt.Sprintf(`{"player":"%d","email":"zanzibar"}`, player), Received: at}
				other := Reject{Entry: id, Number: 1, App: "arena", Body: fmt.Sprintf(`{"player":"7%d"}`, player), Received: at}
				work.Go(func() {
					if _, err := s.Save(t.Context(), events, []Reject{reject, other}); err != nil {
						t.Error(err)
					}
				})
			}
			if err := s.ErasePlayer(t.Context(), player); err != nil {
				t.Error(err)
			}
			work.Wait()
		}
		for table, want := range map[string]int64{"events": rounds * nodes * many, "events WHERE fields <> '{}'": 0, "quarantine WHERE body LIKE '%zanzibar%'": 0} {
			var n int64
			if err := db.Raw("SELECT COUNT(*) FROM " + table).Scan(&n).Error; err != nil || n != want {
				t.Errorf("%d rows of %s, %v; want %d", n, table, err, want)
			}
		}
	})
}
