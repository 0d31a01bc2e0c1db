package lease

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"
)

// keysAtOnce is how many keys are bound or read in one round trip. The time for its answers is the same whatever it asks, and the embedded Redis has
// far more work with each than a real one.
const keysAtOnce = 100

// BindAll is [Owners.Bind] for many keys, in few round trips, for an owner who binds again what Redis has lost. fenced is those keys whose binding was
// refused. With an error some keys are not bound, and it is not known which: call it again.
func (o *Owners) BindAll(ctx context.Context, bindings map[int64]Binding) (fenced []int64, err error) {
	for keys := range slices.Chunk(slices.Collect(maps.Keys(bindings)), keysAtOnce) {
		cmds := make([]*redis.Cmd, len(keys))
		_, _ = o.stores.Redis().Pipelined(ctx, func(pipe redis.Pipeliner) error { // the commands say it themselves
			for i, key := range keys {
				cmds[i] = bindScript.Eval(ctx, pipe, []string{o.key(key)}, bindings[key].text()) // whole: a Redis that was restarted knows no script
			}
			return nil
		})
		for i, cmd := range cmds {
			ok, err := cmd.Bool()
			switch {
			case err != nil && !errors.Is(err, redis.Nil):
				return fenced, fmt.Errorf("lease: bind %s %d: %w", o.kind, keys[i], err)
			case !ok:
				fenced = append(fenced, keys[i])
			}
		}
	}
	return fenced, nil
}

// Overtaken is those of the keys that have been bound under a newer epoch than the given one, in few round trips: what is done in the name of that epoch counts no
// more. A key of which Redis knows nothing is not among them.
func (o *Owners) Overtaken(ctx context.Context, epochs map[int64]uint64) (map[int64]bool, error) {
	overtaken := map[int64]bool{}
	for keys := range slices.Chunk(slices.Collect(maps.Keys(epochs)), keysAtOnce) {
		cmds := make([]*redis.StringCmd, len(keys))
		_, _ = o.stores.Redis().Pipelined(ctx, func(pipe redis.Pipeliner) error { // the commands say it themselves
			for i, key := range keys {
				cmds[i] = pipe.Get(ctx, o.key(key))
			}
			return nil
		})
		for i, cmd := range cmds {
			text, err := cmd.Result()
			if errors.Is(err, redis.Nil) {
				continue
			}
			var b Binding
			if err == nil {
				b, err = parseBinding(text)
			}
			if err != nil {
				return nil, fmt.Errorf("lease: look up owner of %s %d: %w", o.kind, keys[i], err)
			}
			overtaken[keys[i]] = b.Epoch > epochs[keys[i]]
		}
	}
	return overtaken, nil
}
