package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"

	"loumiao/framework/config"
)

const (
	// collation compares as SQLite does: byte by byte.
	collation = "utf8mb4_bin"
	// lockWait is how long a statement waits for a row that another transaction holds; the server's own default is 50 seconds.
	lockWait = "5"
	// dialTimeout bounds the making of a connection, unless the DSN says otherwise.
	dialTimeout = 5 * time.Second
)

// parseDSN parses and completes a DSN. Its error says nothing of what the DSN holds: a mistyped one has its password anywhere.
func parseDSN(dsn config.Secret) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(dsn.Reveal())
	if err != nil || cfg.DBName == "" {
		return nil, errors.New("sql.dsn: not a DSN for MySQL: expected user:password@tcp(host:3306)/database, " +
			"or nothing at all for the embedded SQLite; a password with special characters goes in as it is")
	}
	cfg.Collation = collation
	cfg.ParseTime = true // for goose's own table; our times are BIGINTs
	cfg.Loc = time.UTC
	cfg.ClientFoundRows = true   // as on SQLite, an UPDATE that changes nothing counts the rows that it found
	cfg.InterpolateParams = true // one round trip a statement, not three
	cfg.MultiStatements = false
	if cfg.Timeout == 0 {
		cfg.Timeout = dialTimeout
	}
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	if cfg.Params["innodb_lock_wait_timeout"] == "" {
		cfg.Params["innodb_lock_wait_timeout"] = lockWait
	}
	return cfg, nil
}

// readCommitted opens connections whose transactions see what others have committed until each statement, and lock rows but no gaps
// between them: two that insert next to each other do not meet. A transaction locks the row that stands for what it changes first (a
// player's, a fence's), and so needs no more. The statement is the one form that MySQL and MariaDB of all versions share.
type readCommitted struct{ driver.Connector }

// Connect implements driver.Connector.
func (c readCommitted) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("the driver's connections do not execute statements"), conn.Close())
	}
	if _, err := execer.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

type mysqlDialector struct{ *gormmysql.Dialector }

// Translate is called by gorm on each error.
func (mysqlDialector) Translate(err error) error { return translate(err) }

// openMySQL connects and returns the handle with the server's name and version.
func openMySQL(ctx context.Context, cfg SQLConfig, log *slog.Logger) (*gorm.DB, string, error) {
	parsed, err := parseDSN(cfg.DSN)
	if err != nil {
		return nil, "", err
	}
	parsed.Logger = driverLog{log}
	connector, err := mysql.NewConnector(parsed)
	if err != nil {
		return nil, "", fmt.Errorf("sql.dsn: %w", err)
	}
	db := sql.OpenDB(readCommitted{connector})
	db.SetMaxOpenConns(cfg.MaxOpen)
	db.SetMaxIdleConns(cfg.MaxIdle)
	db.SetConnMaxLifetime(cfg.ConnMaxLifetime)
	var version string
	if err := db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		_ = db.Close()
		return nil, "", fmt.Errorf("sql: cannot use database %q at %s (sql.dsn): %w; is the server up, does the database exist, are user and password right?",
			parsed.DBName, parsed.Addr, translate(err))
	}
	handle, err := openGorm(mysqlDialector{&gormmysql.Dialector{Config: &gormmysql.Config{
		Conn: newPool(db, false),
		// INSERT ... RETURNING exists on MariaDB and not on MySQL; nothing of ours needs it.
		DisableWithReturning: true,
	}}}, log)
	if err != nil {
		_ = db.Close()
		return nil, "", fmt.Errorf("sql: open gorm on %s: %w", parsed.Addr, err)
	}
	return handle, mysqlName(version), nil
}

// mysqlName makes "MariaDB 10.11.19" of "10.11.19-MariaDB-0+deb12u1" and "MySQL 8.0.36" of "8.0.36".
func mysqlName(version string) string {
	name := "MySQL "
	switch {
	case strings.Contains(version, "MariaDB"):
		name = "MariaDB "
		version = strings.TrimPrefix(version, "5.5.5-") // prepended by old MariaDB servers for the sake of replication
	case strings.Contains(version, "TiDB"):
		return "TiDB " + version[strings.Index(version, "TiDB")+len("TiDB-"):]
	}
	number, _, _ := strings.Cut(version, "-")
	return name + number
}

// driverLog takes what the MySQL driver has to say about connections that broke.
type driverLog struct{ log *slog.Logger }

// Print implements the driver's Logger.
func (l driverLog) Print(v ...any) { l.log.Warn("mysql driver", "message", fmt.Sprint(v...)) }
