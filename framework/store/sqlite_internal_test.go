package store

import (
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"testing"

	"github.com/glebarez/sqlite"
)

// A grudging driver calls back when it could not open a connection.
type grudging struct {
	driver.Driver
	refused func()
}

func (g grudging) Open(dsn string) (driver.Conn, error) {
	conn, err := g.Driver.Open(dsn)
	if err != nil {
		g.refused()
	}
	return conn, err
}

// TestOpenWaits opens a file that cannot be made a WAL as long as somebody else reads it, and has SQLite refuse that without waiting.
func TestOpenWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	other, err := sql.Open(sqlite.DriverName, path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec("CREATE TABLE a (id BIGINT)"); err != nil {
		t.Fatal(err)
	}
	reading, err := other.Query("SELECT name FROM sqlite_master UNION ALL SELECT name FROM sqlite_master")
	if err != nil || !reading.Next() {
		t.Fatal(err)
	}
	refused := 0
	conn, err := sqliteConnector{grudging{other.Driver(), func() {
		refused++
		_ = reading.Close()
	}}, path + "?_pragma=busy_timeout(0)&_pragma=journal_mode(WAL)"}.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if refused != 1 {
		t.Errorf("it was refused %d times; want once, for the reader", refused)
	}
}
