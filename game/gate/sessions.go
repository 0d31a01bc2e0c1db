package gate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/gate"
	"loumiao/framework/store"
)

// sessionMemory is how long Redis remembers where a player's session is; no session lasts as long.
const sessionMemory = 7 * 24 * time.Hour

// releaseScript deletes a player's session if it is still the one that is given up.
var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
	return redis.call('DEL', KEYS[1])
end
return 0`)

// reclaimScript makes a connection of the session ARGV[2] the player's, unless he has another session. It returns who had it, and 1 if that was taken.
var reclaimScript = redis.NewScript(`
local holder = redis.call('GET', KEYS[1])
if holder and string.match(holder, '^%d+ (%d+) ') ~= ARGV[2] then
	return {holder, 0}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return {holder, 1}`)

// sessions is where gates agree on each player's one session: a key in Redis, exchanged in one step, so that of two logins at once
// each sees the other or is seen. Should Redis lose it, the player's world still keeps only his newest session.
type sessions struct {
	stores *store.Stores
}

func (s *sessions) key(player int64) string {
	return s.stores.Key("session", strconv.FormatInt(player, 10))
}

// value is a holder as it stands in Redis.
func value(h gate.Holder) string {
	return fmt.Sprintf("%d %d %d", uint64(h.Node), uint64(h.Session), uint64(h.Visit))
}

// Claim makes the holder the player's.
func (s *sessions) Claim(ctx context.Context, player int64, h gate.Holder) (*gate.Holder, error) {
	old, err := s.stores.Redis().SetArgs(ctx, s.key(player), value(h), redis.SetArgs{Get: true, TTL: sessionMemory}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim the session of player %d: %w", player, err)
	}
	return parseHolder(old)
}

// Reclaim makes a connection of a session that comes back the player's, unless he has another session by now.
func (s *sessions) Reclaim(ctx context.Context, player int64, h gate.Holder) (previous *gate.Holder, taken bool, err error) {
	args := []any{value(h), uint64(h.Session), sessionMemory.Milliseconds()}
	reply, err := reclaimScript.Run(ctx, s.stores.Redis(), []string{s.key(player)}, args...).Slice()
	if err != nil {
		return nil, false, fmt.Errorf("reclaim the session of player %d: %w", player, err)
	}
	if len(reply) != 2 {
		return nil, false, fmt.Errorf("reclaim the session of player %d: Redis answers %v", player, reply)
	}
	if old, ok := reply[0].(string); ok {
		if previous, err = parseHolder(old); err != nil {
			return nil, false, err
		}
	}
	return previous, reply[1] == int64(1), nil
}

// Release forgets the player's holder if it is still this one.
func (s *sessions) Release(ctx context.Context, player int64, h gate.Holder) error {
	if err := releaseScript.Run(ctx, s.stores.Redis(), []string{s.key(player)}, value(h)).Err(); err != nil {
		return fmt.Errorf("release the session of player %d: %w", player, err)
	}
	return nil
}

func parseHolder(text string) (*gate.Holder, error) {
	var h gate.Holder
	if n, err := fmt.Sscanf(text, "%d %d %d", &h.Node, &h.Session, &h.Visit); n != 3 || err != nil {
		return nil, fmt.Errorf("session in Redis: %q is not one", text)
	}
	return &h, nil
}
