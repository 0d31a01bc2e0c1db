package store

import (
	"context"
	"database/sql"
	"strings"

	"gorm.io/gorm"
)

// A pool is what gorm uses as the connection of a handle outside transactions: it reads, and refuses to write or to begin a
// transaction, which only [InTx] does.
type pool struct {
	db     *sql.DB
	writer chan struct{} // SQLite: holds the one token of its file's writer, so that writers of one process queue rather than poll; else nil
}

var (
	_ gorm.ConnPool       = (*pool)(nil)
	_ gorm.GetDBConnector = (*pool)(nil)
)

func newPool(db *sql.DB, oneWriter bool) *pool {
	p := &pool{db: db}
	if oneWriter {
		p.writer = make(chan struct{}, 1)
	}
	return p
}

// GetDBConn hands gorm the pool beneath, for statistics and closing.
func (p *pool) GetDBConn() (*sql.DB, error) { return p.db, nil }

// ExecContext refuses: a statement without rows is a write.
func (p *pool) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, ErrOutsideTx
}

// PrepareContext prepares reads.
func (p *pool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if !reads(query) {
		return nil, ErrOutsideTx
	}
	return p.db.PrepareContext(ctx, query)
}

// QueryContext runs reads; INSERT ... RETURNING is a write.
func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !reads(query) {
		return nil, ErrOutsideTx
	}
	return p.db.QueryContext(ctx, query, args...)
}

// QueryRowContext runs reads. An *sql.Row cannot be made to hold an error of ours, so a write is cancelled before it begins.
func (p *pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if !reads(query) {
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		ctx = cancelled
	}
	return p.db.QueryRowContext(ctx, query, args...)
}

// reads reports whether the statement only reads, by its first word.
func reads(query string) bool {
	query = strings.TrimLeft(query, " \t\r\n(")
	end := strings.IndexFunc(query, func(r rune) bool { return r < 'A' || r > 'z' || (r > 'Z' && r < 'a') })
	if end < 0 {
		end = len(query)
	}
	switch strings.ToUpper(query[:end]) {
	case "SELECT", "WITH", "SHOW", "EXPLAIN", "DESCRIBE", "PRAGMA", "VALUES":
		return true
	}
	return false
}
