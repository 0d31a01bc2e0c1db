package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// slowQuery is from when on a statement is worth a warning.
const slowQuery = 200 * time.Millisecond

func openGorm(dialector gorm.Dialector, log *slog.Logger) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{
		Logger:                 gormLog{log},
		TranslateError:         true,
		SkipDefaultTransaction: true, // InTx is the only way to one
		DisableAutomaticPing:   true,
	})
	if err != nil {
		return nil, err
	}
	return db, traceSQL(db)
}

// gormLog tells slog of slow statements, without their parameters, which hold players' data and secrets. Errors are their callers' to
// log or return.
type gormLog struct{ log *slog.Logger }

var (
	_ logger.Interface  = gormLog{}
	_ gorm.ParamsFilter = gormLog{}
)

// LogMode is gorm's switch of levels; slog has its own.
func (l gormLog) LogMode(logger.LogLevel) logger.Interface { return l }

// Info is for gorm's own remarks.
func (l gormLog) Info(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "gorm", "message", fmt.Sprintf(format, args...))
}

// Warn is for gorm's own remarks.
func (l gormLog) Warn(ctx context.Context, format string, args ...any) {
	l.log.WarnContext(ctx, "gorm", "message", fmt.Sprintf(format, args...))
}

// Error is for gorm's own remarks.
func (l gormLog) Error(ctx context.Context, format string, args ...any) {
	l.log.ErrorContext(ctx, "gorm", "message", fmt.Sprintf(format, args...))
}

// Trace is called after each statement.
func (l gormLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	if took := time.Since(begin); took >= slowQuery {
		query, rows := statement()
		l.log.WarnContext(ctx, "slow query", "took", took, "rows", rows, "sql", query)
	}
}

// ParamsFilter keeps parameters out of what Trace gets.
func (l gormLog) ParamsFilter(_ context.Context, query string, _ ...any) (string, []any) {
	return query, nil
}
