package store_test

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

func file(sql string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql + ";\n")}
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		engine, _ := s.Engines()
		files := fstest.MapFS{
			"00001_one.sql":        file("CREATE TABLE one (id BIGINT NOT NULL PRIMARY KEY)"),
			"00002_two.mysql.sql":  file("ALTER TABLE one MODIFY id BIGINT UNSIGNED NOT NULL"),
			"00002_two.sqlite.sql": file("CREATE VIEW two AS SELECT id FROM one WHERE id GLOB '1*'"),
			"50001_fork.sql":       file("CREATE TABLE fork (id BIGINT NOT NULL PRIMARY KEY)"),
		}
		second := "00002_two.mysql.sql"
		if strings.HasPrefix(engine, "SQLite") {
			second = "00002_two.sqlite.sql"
		}
		pending := func(want ...string) {
			t.Helper()
			got, err := s.Pending(t.Context(), "test", files)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("pending = %v, %v, want %v", got, err, want)
			}
		}
		pending("00001_one.sql", second, "50001_fork.sql")
		err := s.RequireMigrated(t.Context(), "test", files)
		if err == nil || !strings.Contains(err.Error(), "migrate") || !strings.Contains(err.Error(), "00001_one.sql") {
			t.Errorf("err = %v, want one that names the command and the file", err)
		}
		if err := s.Migrate(t.Context(), "test", files); err != nil {
			t.Fatal(err)
		}
		pending()

		// A later upstream file, with a number below the fork's.
		files["00003_three.sql"] = file("CREATE TABLE three (id BIGINT NOT NULL PRIMARY KEY)")
		pending("00003_three.sql")
		if err := s.Migrate(t.Context(), "test", files); err != nil {
			t.Fatal(err)
		}
		if err := s.RequireMigrated(t.Context(), "test", files); err != nil {
			t.Error(err)
		}
		// An older build meets a newer database.
		older := maps.Clone(files)
		delete(older, "00003_three.sql")
		if err := s.RequireMigrated(t.Context(), "test", older); err != nil {
			t.Error(err)
		}
	})
}

func TestMigrationFilesThatAreWrong(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		for name, test := range map[string]struct {
			files fs.FS
			want  string
		}{
			"misnamed": {fstest.MapFS{"1_one.sql": file("SELECT 1")}, "1_one.sql"},
			"twice":    {fstest.MapFS{"00001_one.sql": file("SELECT 1"), "00001_two.sql": file("SELECT 1")}, "duplicate"},
			"bad SQL":  {fstest.MapFS{"00001_one.sql": file("CREATE TABEL one (id BIGINT)")}, "00001_one.sql"},
		} {
			err := s.Migrate(t.Context(), "test", test.files)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: err = %v, want one with %q", name, err, test.want)
			}
		}
		if err := s.Migrate(t.Context(), "test", fstest.MapFS{}); err != nil {
			t.Errorf("no files: %v", err)
		}
	})
}

func TestMigratorsTakeTurns(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, cfg store.Config) {
		t.Parallel()
		files := fstest.MapFS{}
		for _, name := range []string{"a", "b", "c", "d"} {
			files["0000"+string('1'+name[0]-'a')+"_"+name+".sql"] = file("CREATE TABLE " + name + " (id BIGINT NOT NULL PRIMARY KEY)")
		}
		var wg sync.WaitGroup
		for range 4 {
			s, err := store.Open(t.Context(), cfg, storetest.Log(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			wg.Go(func() {
				if err := s.Migrate(t.Context(), "test", files); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	t.Run("embedded", func(t *testing.T) { run(t, storetest.EmbeddedConfig(t)) })
	t.Run("real", func(t *testing.T) { run(t, storetest.RealConfig(t)) })
}
