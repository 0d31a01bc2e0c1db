package gate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/gate"
	"loumiao/framework/id"
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

// sessions is where gates agree on each player's one session: a key in Redis, exchanged in one step, so that of two logins at once
// each sees the other or is seen. Should Redis lose it, the player's world still keeps only his newest session.
type sessions struct {
	stores *store.Stores
	self   id.Node
}

func (s *sessions) key(player int64) string {
	return s.stores.Key("session", strconv.FormatInt(player, 10))
}

func (s *sessions) value(session id.Session) string {
	return s.self.String() + " " + session.String()
}

// Claim makes session the player's.
func (s *sessions) Claim(ctx context.Context, player int64, session id.Session) (*gate.Holder, error) {
	old, err := s.stores.Redis().SetArgs(ctx, s.key(player), s.value(session), redis.SetArgs{Get: true, TTL: sessionMemory}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim the session of player %d: %w", player, err)
	}
	return parseHolder(old)
}

// Release forgets the player's session if it is still this one.
func (s *sessions) Release(ctx context.Context, player int64, session id.Session) error {
	if err := releaseScript.Run(ctx, s.stores.Redis(), []string{s.key(player)}, s.value(session)).Err(); err != nil {
		return fmt.Errorf("release the session of player %d: %w", player, err)
	}
	return nil
}

func parseHolder(text string) (*gate.Holder, error) {
	node, session, ok := strings.Cut(text, " ")
	n, err1 := strconv.ParseUint(node, 10, 16)
	s, err2 := strconv.ParseUint(session, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return nil, fmt.Errorf("session in Redis: %q is not one", text)
	}
	return &gate.Holder{Node: id.Node(n), Session: id.Session(s)}, nil
}
