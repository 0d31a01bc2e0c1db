package live

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Redis is what a [Board] needs of the process's stores.
type Redis interface {
	Redis() redis.UniversalClient
	Key(parts ...string) string
}

// A Board is the newest publication in Redis, where every node of the stack finds it. It is safe for concurrent use.
type Board struct {
	client  redis.UniversalClient
	key     string
	channel string
}

// NewBoard is the stack's board.
func NewBoard(r Redis) *Board {
	return &Board{client: r.Redis(), key: r.Key("live", "{board}"), channel: r.Key("live", "news")}
}

// putScript puts a version up, unless a newer one is there: one who was the centre and does not know yet that he is not takes nothing back.
var putScript = redis.NewScript(`
local have = redis.call('HGET', KEYS[1], 'version')
if have and tonumber(have) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'data', ARGV[2])
return 1`)

// Put shows a publication to all, and says that it is new, unless that version or a newer one is up already. It is for the centre.
func (b *Board) Put(ctx context.Context, s Snapshot) error {
	data, err := s.Encode()
	if err != nil {
		return err
	}
	put, err := putScript.Run(ctx, b.client, []string{b.key}, s.Version, data).Bool()
	if err == nil && put {
		err = b.client.Publish(ctx, b.channel, s.Version).Err()
	}
	if err != nil {
		return fmt.Errorf("live: put version %d up: %w", s.Version, err)
	}
	return nil
}

// Version is which version is up; not ok when there is none.
func (b *Board) Version(ctx context.Context) (version uint64, ok bool, err error) {
	text, err := b.client.HGet(ctx, b.key, "version").Result()
	if errors.Is(err, redis.Nil) {
		return 0, false, nil
	}
	if err == nil {
		version, err = strconv.ParseUint(text, 10, 64)
	}
	if err != nil {
		return 0, false, fmt.Errorf("live: which version is up: %w", err)
	}
	return version, true, nil
}

// Snapshot is the publication that is up; not ok when there is none.
func (b *Board) Snapshot(ctx context.Context) (s Snapshot, ok bool, err error) {
	data, err := b.client.HGet(ctx, b.key, "data").Bytes()
	if errors.Is(err, redis.Nil) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("live: read what is up: %w", err)
	}
	s, err = DecodeSnapshot(data)
	return s, err == nil, err
}
