package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
)

const (
	// busyTimeout is how long a writer waits for another one of the same file, in this process or in another.
	busyTimeout = 10 * time.Second
	// sqliteConns bounds the connections to one file: one writes, the others read.
	sqliteConns = 4
)

type sqliteDialector struct{ *sqlite.Dialector }

// Translate is called by gorm on each error.
func (sqliteDialector) Translate(err error) error { return translate(err) }

// openSQLite opens an owner's file, and makes it when it is missing. Several processes may have it open.
func openSQLite(ctx context.Context, dir, owner string, log *slog.Logger) (*gorm.DB, error) {
	path := filepath.Join(dir, owner+".db")
	// The order matters: switching to WAL needs a lock, so busy_timeout comes first. synchronous(NORMAL) keeps every commit when the
	// process dies, and a consistent file when the machine does.
	dsn := fmt.Sprintf("%s?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate",
		path, busyTimeout.Milliseconds())
	db, err := sql.Open(sqlite.DriverName, dsn)
	if err != nil {
		return nil, fmt.Errorf("sql: open %s: %w", path, err)
	}
	db.SetMaxOpenConns(sqliteConns)
	db.SetMaxIdleConns(sqliteConns)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sql: open the embedded database %s: %w; is data_dir writable, and on a local disk?", path, translate(err))
	}
	handle, err := openGorm(sqliteDialector{&sqlite.Dialector{Conn: newPool(db, true)}}, log)
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sql: open gorm on %s: %w", path, err)
	}
	return handle, nil
}
