package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/pressly/goose/v3"
)

// migrationName is NNNNN_what.sql, or NNNNN_what.mysql.sql beside NNNNN_what.sqlite.sql where the engines differ.
var migrationName = regexp.MustCompile(`^[0-9]{5}_[a-z0-9_]+(\.(mysql|sqlite))?\.sql$`)

// Migrate brings an owner's tables up to date with the goose files at the root of fsys, NNNNN_what.sql. What holds for one engine
// only is in NNNNN_what.mysql.sql and NNNNN_what.sqlite.sql. Missing files are run in the order of their numbers, also when later ones ran
// before: upstream and a fork number theirs in different ranges. Several processes may call it at once; they take turns.
//
// MySQL cannot roll back DDL: a file with several statements that fails in the middle has to be repaired by hand, so files have one.
func (s *Stores) Migrate(ctx context.Context, owner string, fsys fs.FS) error {
	migrator, db, err := s.migrator(owner, fsys)
	if err != nil || migrator == nil {
		return err
	}
	unlock, err := s.migrationLock(ctx, db, owner)
	if err != nil {
		return fmt.Errorf("store: migrate %s: wait for others that migrate: %w", owner, translate(err))
	}
	defer unlock()
	if s.mysql != nil {
		if err := useCollation(ctx, db); err != nil {
			return fmt.Errorf("store: migrate %s: set the database's collation to %s: %w", owner, collation, translate(err))
		}
	}
	results, err := migrator.Up(ctx)
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		return fmt.Errorf("store: migrate %s: %s: %w", owner, partial.Failed.Source.Path, translate(partial.Err))
	}
	if err != nil {
		return fmt.Errorf("store: migrate %s: %w", owner, translate(err))
	}
	var took time.Duration
	for _, r := range results {
		took += r.Duration
		s.log.DebugContext(ctx, "migrated", "owner", owner, "file", r.Source.Path, "took", r.Duration)
	}
	if n := len(results); n > 0 {
		s.log.InfoContext(ctx, "migrated", "owner", owner, "files", n, "last", results[n-1].Source.Path, "took", took)
	}
	return nil
}

// Pending lists the files that [Stores.Migrate] would run, in their order.
func (s *Stores) Pending(ctx context.Context, owner string, fsys fs.FS) ([]string, error) {
	migrator, _, err := s.migrator(owner, fsys)
	if err != nil || migrator == nil {
		return nil, err
	}
	all, err := migrator.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: which migrations of %s are pending: %w", owner, translate(err))
	}
	var pending []string
	for _, m := range all {
		if m.State == goose.StatePending {
			pending = append(pending, m.Source.Path)
		}
	}
	return pending, nil
}

// RequireMigrated is an error that names the command to run unless nothing is pending: for the start of a node. A database that is
// ahead of this build is accepted, because that is what the rest of the stack looks like during an upgrade.
func (s *Stores) RequireMigrated(ctx context.Context, owner string, fsys fs.FS) error {
	pending, err := s.Pending(ctx, owner, fsys)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return fmt.Errorf("store: the tables of %q are older than this build: %s pending; run the command `migrate` first",
			owner, strings.Join(pending, ", "))
	}
	return nil
}

// migrator is goose for one owner, with a table of versions per owner; nil when fsys has no files for this engine.
func (s *Stores) migrator(owner string, fsys fs.FS) (*goose.Provider, *sql.DB, error) {
	handle, err := s.SQL(owner)
	if err != nil {
		return nil, nil, err
	}
	db, err := handle.DB()
	if err != nil {
		return nil, nil, fmt.Errorf("store: migrate %s: %w", owner, err)
	}
	dialect, others := goose.DialectSQLite3, ".mysql.sql"
	if s.mysql != nil {
		dialect, others = goose.DialectMySQL, ".sqlite.sql"
	}
	exclude, err := excluded(fsys, others)
	if err != nil {
		return nil, nil, fmt.Errorf("store: migrate %s: %w", owner, err)
	}
	migrator, err := goose.NewProvider(dialect, db, fsys,
		goose.WithTableName("goose_"+owner),
		goose.WithExcludeNames(exclude),
		goose.WithDisableGlobalRegistry(true),
		goose.WithAllowOutofOrder(true),
		goose.WithLogger(goose.NopLogger()),
	)
	if errors.Is(err, goose.ErrNoMigrations) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("store: migrate %s: %w", owner, err)
	}
	return migrator, db, nil
}

// excluded lists the files with the suffix of the other engine, and refuses a name that goose would silently pass over.
func excluded(fsys fs.FS, suffix string) ([]string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		switch name := e.Name(); {
		case !strings.HasSuffix(name, ".sql"):
		case !migrationName.MatchString(name):
			return nil, fmt.Errorf("%s is not named like 00001_what.sql or 00001_what.mysql.sql", name)
		case strings.HasSuffix(name, suffix):
			names = append(names, name)
		}
	}
	return names, nil
}

// useCollation makes utf8mb4_bin the default for tables to come, so that MySQL compares text as SQLite does.
func useCollation(ctx context.Context, db *sql.DB) error {
	var name, current string
	err := db.QueryRowContext(ctx,
		"SELECT schema_name, default_collation_name FROM information_schema.schemata WHERE schema_name = DATABASE()").Scan(&name, &current)
	if err != nil || current == collation {
		return err
	}
	_, err = db.ExecContext(ctx, "ALTER DATABASE `"+strings.ReplaceAll(name, "`", "``")+"` CHARACTER SET utf8mb4 COLLATE "+collation)
	return err
}

// lockPatience is how long one attempt at the migrations' lock waits, in seconds; attempts end with the context.
const lockPatience = 1

// migrationLock waits for its turn to migrate. Both kinds of lock belong to a connection, and end with the process at the latest.
func (s *Stores) migrationLock(ctx context.Context, db *sql.DB, owner string) (unlock func(), err error) {
	if s.mysql == nil {
		return s.migrationFileLock(ctx)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// The name is the server's, not the database's, and at most 64 long.
	const lockName = "SUBSTRING(CONCAT('migrate:', ?, ':', DATABASE()), 1, 64)"
	for {
		var got sql.NullInt64
		if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK("+lockName+", ?)", owner, lockPatience).Scan(&got); err != nil {
			_ = conn.Close()
			return nil, err
		}
		if got.Int64 == 1 {
			break
		}
		s.log.InfoContext(ctx, "waiting for another process that migrates", "owner", owner)
	}
	return func() {
		// The lock must go even when ctx has ended, and it must not go back to the pool with the connection.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTimeout)
		defer cancel()
		if _, err := conn.ExecContext(ctx, "DO RELEASE_LOCK("+lockName+")", owner); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // the pool then closes it, and the server lets go
		}
		_ = conn.Close()
	}, nil
}

// migrationFileLock locks a SQLite file of its own, which works between processes on every system.
func (s *Stores) migrationFileLock(ctx context.Context) (unlock func(), err error) {
	db, err := sql.Open(sqlite.DriverName, fmt.Sprintf("%s?_pragma=busy_timeout(%d)&_txlock=exclusive",
		filepath.Join(s.cfg.DataDir, "migrate-lock.db"), lockPatience*time.Second.Milliseconds()))
	if err != nil {
		return nil, err
	}
	for {
		tx, err := db.BeginTx(context.WithoutCancel(ctx), nil) // a context that ends would end the lock under a migration
		if err == nil {
			return func() {
				_ = tx.Rollback()
				_ = db.Close()
			}, nil
		}
		if !errors.Is(translate(err), ErrUnavailable) || ctx.Err() != nil {
			_ = db.Close()
			return nil, errors.Join(err, ctx.Err())
		}
		s.log.InfoContext(ctx, "waiting for another process that migrates")
	}
}
