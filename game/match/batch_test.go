package match

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

// TestBatch has many callers run a script at once, some of whom give up, and counts that each run got its own answer and ran at most once.
func TestBatch(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		// A script that no server has seen, so that it is loaded on the way.
		script := redis.NewScript("-- " + stores.Key("x") + "\nreturn redis.call('HINCRBY', KEYS[1], ARGV[1], 1) .. ':' .. ARGV[1]")
		b := newBatch(stores.Redis(), script)
		key := stores.Key("runs")
		var callers sync.WaitGroup
		for caller := range 50 {
			callers.Go(func() {
				for i := range 10 {
					arg := strconv.Itoa(10*caller + i)
					ctx, cancel := context.WithCancel(t.Context())
					if i == 5 {
						go cancel()
					}
					reply, err := b.do(ctx, []string{key}, arg)
					cancel()
					if errors.Is(err, context.Canceled) && i == 5 {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					if got, err := reply.Text(); err != nil || got != "1:"+arg {
						t.Errorf("run %s: %q, %v", arg, got, err)
					}
				}
			})
		}
		callers.Wait()
		if b.flying != 0 || len(b.pending) != 0 {
			t.Errorf("%d batches under way, %d runs pending", b.flying, len(b.pending))
		}
		if n := stores.Redis().HLen(t.Context(), key).Val(); n < 450 || n > 500 {
			t.Errorf("%d runs", n)
		}
	})
}
