//go:build unix

package store_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// TestEmbeddedFilesArePrivate makes them anew, and opens ones that others may read.
func TestEmbeddedFilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	private := func() {
		t.Helper()
		stores, err := store.Open(t.Context(), store.Config{DataDir: dir}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer stores.Close()
		db, err := stores.SQL("account")
		if err != nil {
			t.Fatal(err)
		}
		err = store.InTx(t.Context(), db, func(tx *gorm.DB) error { return tx.Exec("CREATE TABLE IF NOT EXISTS passwords (hash TEXT)").Error })
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the directory is %v, %v", info.Mode(), err)
		}
		for _, name := range []string{"account.db", "account.db-wal", "account.db-shm"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if mode := info.Mode().Perm(); mode != 0o600 {
				t.Errorf("%s has the mode %o", name, mode)
			}
		}
	}
	private()
	if err := os.Chmod(filepath.Join(dir, "account.db"), 0o644); err != nil { // as an older build has made it
		t.Fatal(err)
	}
	private()
}
