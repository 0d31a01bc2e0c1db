package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	gosqlite "github.com/glebarez/go-sqlite"
	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	sqlite3 "modernc.org/sqlite/lib"

	"loumiao/framework/fault"
)

// What can go wrong with a statement that is right. ErrNotFound, ErrDuplicate and ErrValue are "internal" to the outside, because only the
// caller knows whether a missing row is anybody's business: give it a code of your own.
var (
	// ErrNotFound: no row, where one was asked for (First, Take, Last).
	ErrNotFound = errors.New("store: no such row")
	// ErrDuplicate: a row with this unique key is there already.
	ErrDuplicate = errors.New("store: duplicate key")
	// ErrValue: a value that the table does not take: too long, out of range, or not what a CHECK wants.
	ErrValue = errors.New("store: a value that the table does not take")
	// ErrUnavailable: the database cannot be reached, is shutting down, full or locked for too long. The transaction had no effect.
	ErrUnavailable = fault.New(fault.Unavailable, "the database is unavailable")
	// ErrLost: the connection broke while a transaction committed. It may have had its effect: repeat it with the same idempotency key.
	ErrLost = fault.New(fault.Lost, "the database did not say whether the change was saved")
	// ErrOutsideTx: a write through the handle of [Stores.SQL] itself. Writes belong in [InTx].
	ErrOutsideTx = errors.New("store: write outside a transaction: use store.InTx and the handle that it gives")
	// ErrNested: [InTx] inside the callback of another. Hand the transaction's handle down instead.
	ErrNested = errors.New("store: transaction inside a transaction: hand the outer one's handle down instead")
)

// Numbers of MySQL's and MariaDB's errors, from their manuals.
const (
	mysqlDuplicate       = 1062
	mysqlTooManyConns    = 1040
	mysqlShutdown        = 1053
	mysqlCheckRead       = 1020 // MariaDB 11.6+: the row has changed since the transaction's snapshot
	mysqlLockWait        = 1205
	mysqlDeadlock        = 1213
	mysqlReadOnlyOption  = 1290
	mysqlReadOnlyMode    = 1836
	mysqlConnKilled      = 1927
	mysqlTooManyUserConn = 1203
	mysqlQueryKilled     = 1317
	mysqlWrongValue      = 1366
	mysqlCheck           = 3819
	mariaCheck           = 4025
)

// mysqlDataException is the class of the SQL states that say what a value has to do with its column.
const mysqlDataException = "22"

// translate gives a driver's error its meaning and keeps it for the log. It is idempotent.
func translate(err error) error {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrDuplicate) || errors.Is(err, ErrValue) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrLost) {
		return err
	}
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch my.Number {
		case mysqlDuplicate:
			return fmt.Errorf("%w: %w", ErrDuplicate, err)
		case mysqlTooManyConns, mysqlShutdown, mysqlLockWait, mysqlDeadlock, mysqlCheckRead, mysqlReadOnlyOption, mysqlReadOnlyMode,
			mysqlConnKilled, mysqlTooManyUserConn, mysqlQueryKilled:
			return unavailable(err)
		case mysqlWrongValue, mysqlCheck, mariaCheck:
			return fmt.Errorf("%w: %w", ErrValue, err)
		}
		if string(my.SQLState[:2]) == mysqlDataException {
			return fmt.Errorf("%w: %w", ErrValue, err)
		}
		return err
	}
	if lite, ok := errors.AsType[*gosqlite.Error](err); ok {
		switch lite.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return fmt.Errorf("%w: %w", ErrDuplicate, err)
		case sqlite3.SQLITE_CONSTRAINT_CHECK:
			return fmt.Errorf("%w: %w", ErrValue, err)
		}
		switch lite.Code() & 0xff { // the low byte is the primary code
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
			return unavailable(err)
		}
		return err
	}
	if isBroken(err) {
		return unavailable(err)
	}
	return err
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }

// isBroken reports whether err says that the connection to the database is gone, rather than that a statement failed. A context's
// end is the caller's doing.
func isBroken(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone)
}

// isConflict reports whether err says that two transactions met and this one should be run again.
func isConflict(err error) bool {
	my, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && (my.Number == mysqlDeadlock || my.Number == mysqlLockWait || my.Number == mysqlCheckRead)
}

// isBusy reports whether SQLite refuses because of what others have open.
func isBusy(err error) bool {
	lite, ok := errors.AsType[*gosqlite.Error](err)
	return ok && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}
