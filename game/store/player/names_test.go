package player_test

import (
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"gorm.io/gorm"

	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/player"
	"loumiao/migrations"
)

// TestNamesOfBefore has players whose names differ in case only, from when that was allowed: all keep theirs and are found by it, and the first one's is taken.
func TestNamesOfBefore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		before := fstest.MapFS{}
		files, err := fs.Glob(migrations.FS("player"), "*.sql")
		for _, f := range files {
			if text, err := fs.ReadFile(migrations.FS("player"), f); err == nil && f < "00020" {
				before[f] = &fstest.MapFile{Data: text}
			}
		}
		if err != nil || len(before) < 10 {
			t.Fatal(len(before), err)
		}
		db := storetest.Migrated(t, stores, "player", before)
		for i, name := range []string{"Ada", "ada", "Bea"} {
			err := store.InTx(t.Context(), db, func(tx *gorm.DB) error {
				return tx.Exec(`INSERT INTO players (id, account, area, origin, name, level, exp, rating, epoch, version, schema_version, state, created_at, updated_at)
					VALUES (?, ?, 1, 1, ?, 1, 0, 1500, 1, 1, 0, '{}', 1, 1)`, 7+i, 1007+i, name).Error
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := stores.Migrate(t.Context(), "player", migrations.FS("player")); err != nil {
			t.Fatal(err)
		}
		s := player.New(db, id.NewGenerator(1, nil), nil)
		load(t, s, 20)
		for name, free := range map[string]bool{"ADA": false, "bea": false, "Cleo": true} {
			_, err := s.Apply(t.Context(), player.Op{Key: fmt.Sprint("rename:", name), Player: 20, Reason: "rename", Name: name})
			if (err == nil) != free {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, want := range map[string]player.ID{"Ada": 7, "ADA": 7, "bea": 9, "cleo": 20} {
			if found, err := s.Find(t.Context(), 1, name); err != nil || found.Player != want {
				t.Errorf("%s is %+v, %v", name, found, err)
			}
		}
		if p := load(t, s, 8); p.Name != "ada" {
			t.Errorf("the second is %+v", p)
		}
	})
}
