package store

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"loumiao/framework/trace"
)

// Statements and commands whose context belongs to a trace have a span each. It names the statement without its parameters, or the command without its arguments: those
// hold players' data and secrets. What belongs to none costs a look at its context.

// spanKey is where a statement keeps its span until it is over.
const spanKey = "loumiao:span"

func traceSQL(db *gorm.DB) error {
	before := func(db *gorm.DB) {
		if span := trace.From(db.Statement.Context).Child(trace.Client, "sql"); !span.IsZero() {
			db.InstanceSet(spanKey, span)
		}
	}
	after := func(db *gorm.DB) {
		v, ok := db.InstanceGet(spanKey)
		if !ok {
			return
		}
		span := v.(trace.Span)
		span.Set("db.query.text", db.Statement.SQL.String())
		span.SetInt("db.response.returned_rows", db.RowsAffected)
		err := db.Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			err = nil
		}
		span.End(err)
	}
	c := db.Callback()
	return errors.Join(
		c.Create().Before("*").Register("loumiao:trace", before), c.Create().After("*").Register("loumiao:traced", after),
		c.Query().Before("*").Register("loumiao:trace", before), c.Query().After("*").Register("loumiao:traced", after),
		c.Update().Before("*").Register("loumiao:trace", before), c.Update().After("*").Register("loumiao:traced", after),
		c.Delete().Before("*").Register("loumiao:trace", before), c.Delete().After("*").Register("loumiao:traced", after),
		c.Row().Before("*").Register("loumiao:trace", before), c.Row().After("*").Register("loumiao:traced", after),
		c.Raw().Before("*").Register("loumiao:trace", before), c.Raw().After("*").Register("loumiao:traced", after),
	)
}

// traceTx runs do in a span for the whole of a transaction, with what waiting for it and committing take.
func traceTx(ctx context.Context, do func(ctx context.Context) error) error {
	span := trace.From(ctx).Child(trace.Client, "sql transaction")
	err := do(trace.With(ctx, span))
	span.End(err)
	return err
}

// tracing is the hook of go-redis that does the same for commands.
type tracing struct{}

func (tracing) DialHook(next redis.DialHook) redis.DialHook { return next }

func (tracing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		span := trace.From(ctx).Child(trace.Client, "redis")
		if span.IsZero() {
			return next(ctx, cmd)
		}
		span.Set("db.operation.name", cmd.Name())
		err := next(ctx, cmd)
		endRedis(span, err)
		return err
	}
}

func (tracing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		span := trace.From(ctx).Child(trace.Client, "redis")
		if span.IsZero() {
			return next(ctx, cmds)
		}
		span.Set("db.operation.name", "pipeline")
		span.SetInt("db.operation.batch.size", int64(len(cmds)))
		err := next(ctx, cmds)
		endRedis(span, err)
		return err
	}
}

// endRedis ends a span; that there is no such key is an answer, and no error.
func endRedis(span trace.Span, err error) {
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	span.End(err)
}
