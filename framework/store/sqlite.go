package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
)

const (
	// busyTimeout is how long a writer waits for another one of the same file, in this process or in another.
	busyTimeout = 10 * time.Second
	// busyPause is how long a connection that could not be opened for another one waits until it tries again.
	busyPause = 10 * time.Millisecond
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
	named, err := sql.Open(sqlite.DriverName, dsn)
	if err != nil {
		return nil, fmt.Errorf("sql: open %s: %w", path, err)
	}
	db := sql.OpenDB(sqliteConnector{named.Driver(), dsn})
	_ = named.Close() // it was only asked for the driver
	db.SetMaxOpenConns(sqliteConns)
	db.SetMaxIdleConns(sqliteConns)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sql: open the embedded database %s: %w; is data_dir writable, and on a local disk?", path, translate(err))
	}
	if err := makePrivate(path); err != nil {
		log.Warn("embedded database not made private: others on this machine may read it", "err", err)
	}
	handle, err := openGorm(sqliteDialector{&sqlite.Dialector{Conn: newPool(db, true)}}, log)
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sql: open gorm on %s: %w", path, err)
	}
	return handle, nil
}

// A sqliteConnector opens connections to a file. Another one that makes the file a WAL, or cleans up as the last one that closes it, has SQLite refuse this at once, without
// the waiting of busy_timeout: so the connector waits.
type sqliteConnector struct {
	driver driver.Driver
	dsn    string
}

func (c sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	for late := time.Now().Add(busyTimeout); ; {
		conn, err := c.driver.Open(c.dsn)
		if err == nil || !isBusy(err) || time.Now().After(late) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(busyPause):
		}
	}
}

func (c sqliteConnector) Driver() driver.Driver { return c.driver }

// makePrivate keeps other users of the machine from an owner's file and those that SQLite keeps beside it, which have the file's mode when they are made anew.
// It changes the mode of what is there, and does not open it: closing a file ends the locks that this process has on it.
func makePrivate(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = os.Chmod(path+suffix, 0o600)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
