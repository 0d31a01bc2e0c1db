package migrations_test

import (
	"slices"
	"testing"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/migrations"
)

// Every owner's files run on every engine, next to each other in one database, and again change nothing.
func TestEveryOwnerMigrates(t *testing.T) {
	t.Parallel()
	if owners := migrations.Owners(); !slices.Contains(owners, "cluster") || !slices.Contains(owners, "player") {
		t.Fatalf("owners = %v", owners)
	}
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		for range 2 {
			for _, owner := range migrations.Owners() {
				if err := s.Migrate(t.Context(), owner, migrations.FS(owner)); err != nil {
					t.Error(err)
				}
			}
		}
		for _, owner := range migrations.Owners() {
			if err := s.RequireMigrated(t.Context(), owner, migrations.FS(owner)); err != nil {
				t.Error(err)
			}
		}
	})
}
