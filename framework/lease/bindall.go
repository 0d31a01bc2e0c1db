package lease

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"
)

// bindsAtOnce is how many keys are bound in one round trip.
const bindsAtOnce = 500

// BindAll is [Owners.Bind] for many keys, in few round trips, for an owner who binds again what Redis has lost. fenced is those keys whose binding was
// refused. With an error some keys are not bound, and it is not known which: call it again.
func (o *Owners) BindAll(ctx context.Context, bindings map[int64]Binding) (fenced []int64, err error) {
	for keys := range slices.Chunk(slices.Collect(maps.Keys(bindings)), bindsAtOnce) {
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
