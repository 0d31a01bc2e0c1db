package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/id"
	"loumiao/framework/store"
)

// Blocks is the accounts whose tokens gates refuse although they are still good, in Redis: who was sanctioned gets no new token, so each is kept only for as
// long as a token lives. Account nodes write it, from SQL, and write it again if Redis has lost it. It is safe for concurrent use.
type Blocks struct{ stores *store.Stores }

// NewBlocks reads and writes the stack's blocks.
func NewBlocks(stores *store.Stores) *Blocks { return &Blocks{stores} }

// Both keys of an account have one hash tag: they are deleted together.
func (b *Blocks) key(account AccountID) string {
	return b.stores.Key("blocked", "{"+account.String()+"}")
}

func (b *Blocks) clearedKey(account AccountID) string {
	return b.stores.Key("blocked", "{"+account.String()+"}", "cleared")
}

// Block keeps an account out for a while, and reports whether those who were in have been sent away since, which [Blocks.Clear] notes. notice is what the
// player is told.
func (b *Blocks) Block(ctx context.Context, account AccountID, notice string, ttl time.Duration) (cleared bool, err error) {
	var fresh *redis.BoolCmd
	var noted *redis.IntCmd
	_, err = b.stores.Redis().Pipelined(ctx, func(p redis.Pipeliner) error {
		fresh, noted = p.SetNX(ctx, b.key(account), notice, ttl), p.Exists(ctx, b.clearedKey(account))
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("block account %d: %w", account, err)
	}
	return !fresh.Val() && noted.Val() == 1, nil
}

// Clear notes that those who were in when the account was blocked have been sent away: for ttl, at least as long as the block holds.
func (b *Blocks) Clear(ctx context.Context, account AccountID, ttl time.Duration) error {
	if err := b.stores.Redis().Set(ctx, b.clearedKey(account), 1, ttl).Err(); err != nil {
		return fmt.Errorf("note that account %d is sent away: %w", account, err)
	}
	return nil
}

// Unblock lets it in again.
func (b *Blocks) Unblock(ctx context.Context, account AccountID) error {
	if err := b.stores.Redis().Del(ctx, b.key(account), b.clearedKey(account)).Err(); err != nil {
		return fmt.Errorf("unblock account %d: %w", account, err)
	}
	return nil
}

// Blocked is what to tell a player of the account, if it is kept out.
func (b *Blocks) Blocked(ctx context.Context, account AccountID) (notice string, blocked bool, err error) {
	notice, err = b.stores.Redis().Get(ctx, b.key(account)).Result()
	if errors.Is(err, redis.Nil) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look whether account %d is blocked: %w", account, err)
	}
	return notice, true, nil
}

// A Seat is where a player's session is.
type Seat struct {
	Gate    id.Node
	Session id.Session
	Turn    uint64 // of its connection
}

// SeatKey is where gates keep it in Redis.
func SeatKey(stores *store.Stores, player int64) string {
	return stores.Key("session", strconv.FormatInt(player, 10))
}

// ParseSeat reads what they keep there. Gate 0 is nobody.
func ParseSeat(text string) (s Seat, err error) {
	if n, err := fmt.Sscanf(text, "%d %d %d", &s.Gate, &s.Session, &s.Turn); n != 3 || err != nil {
		return Seat{}, fmt.Errorf("session in Redis: %q is not one", text)
	}
	return s, nil
}

// FindSeat is where a player's session is now. ok is false if he has none.
func FindSeat(ctx context.Context, stores *store.Stores, player int64) (s Seat, ok bool, err error) {
	text, err := stores.Redis().Get(ctx, SeatKey(stores, player)).Result()
	if errors.Is(err, redis.Nil) {
		return Seat{}, false, nil
	}
	if err == nil {
		s, err = ParseSeat(text)
	}
	if err != nil {
		return Seat{}, false, fmt.Errorf("find the session of player %d: %w", player, err)
	}
	return s, s.Gate != 0, nil
}
