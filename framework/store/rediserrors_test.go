package store

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
)

func TestTranslateRedis(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		code fault.Code
	}{
		"nothing":             {nil, fault.OK},
		"no such key":         {redis.Nil, fault.Internal},
		"nobody listens":      {&net.OpError{Op: "dial", Err: errors.New("refused")}, fault.Unavailable},
		"no connection free":  {redis.ErrPoolTimeout, fault.Unavailable},
		"broken while asking": {&net.OpError{Op: "read", Err: errors.New("reset")}, fault.Lost},
		"the caller's end":    {context.Canceled, fault.Cancelled},
	} {
		got := translateRedis(test.err)
		if fault.CodeOf(got) != test.code || !errors.Is(got, test.err) {
			t.Errorf("%s: %v has code %v; want %v", name, got, fault.CodeOf(got), test.code)
		}
		if again := translateRedis(got); !errors.Is(again, got) || fault.CodeOf(again) != test.code {
			t.Errorf("%s: translated twice: %v", name, again)
		}
	}
}

// TestRedisGone has the client itself meet a server that is not there.
func TestRedisGone(t *testing.T) {
	t.Parallel()
	client := newRedisClient(&redis.UniversalOptions{Addrs: []string{"127.0.0.1:1"}, MaxRetries: -1})
	defer client.Close()
	if err := client.Get(t.Context(), "key").Err(); !errors.Is(err, ErrRedisUnavailable) {
		t.Errorf("a command: %v", err)
	}
	cmds, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error { p.Get(t.Context(), "key"); return nil })
	if !errors.Is(err, ErrRedisUnavailable) || !errors.Is(cmds[0].Err(), ErrRedisUnavailable) {
		t.Errorf("a pipeline: %v, its command: %v", err, cmds[0].Err())
	}
	script := redis.NewScript("return 1")
	if err := script.Run(t.Context(), client, []string{"key"}).Err(); !errors.Is(err, ErrRedisUnavailable) {
		t.Errorf("a script: %v", err)
	}
}
