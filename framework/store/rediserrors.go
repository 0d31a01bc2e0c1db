package store

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
)

// What can go wrong with a command to Redis that is right. Errors of [Stores.Redis] are one of these where the server could not be asked.
var (
	// ErrRedisUnavailable: Redis cannot be reached. The command had no effect.
	ErrRedisUnavailable = fault.New(fault.Unavailable, "a store is unavailable")
	// ErrRedisLost: the connection broke after the command was sent. It may have had its effect.
	ErrRedisLost = fault.New(fault.Lost, "a store did not say whether it has done what it was asked")
)

// translating is the hook of go-redis that gives the errors of connections their meaning, once, for whoever uses the client.
type translating struct{}

func (translating) DialHook(next redis.DialHook) redis.DialHook { return next }

func (translating) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := translateRedis(next(ctx, cmd))
		if err != nil {
			cmd.SetErr(err)
		}
		return err
	}
}

func (translating) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := translateRedis(next(ctx, cmds))
		for _, cmd := range cmds {
			if failed := cmd.Err(); failed != nil {
				cmd.SetErr(translateRedis(failed))
			}
		}
		return err
	}
}

// translateRedis gives the error of a connection its meaning and keeps it for the log. What Redis has answered stays as it is, and so does the end of a context.
func translateRedis(err error) error {
	var dial *net.OpError
	switch {
	case err == nil, errors.Is(err, redis.Nil), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, ErrRedisUnavailable), errors.Is(err, ErrRedisLost):
		return err
	case errors.As(err, &dial) && dial.Op == "dial", errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return fmt.Errorf("%w: %w", ErrRedisUnavailable, err)
	}
	if _, answered := errors.AsType[redis.Error](err); !answered && isBroken(err) {
		return fmt.Errorf("%w: %w", ErrRedisLost, err)
	}
	return err
}
