package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
)

// Blocks is the accounts whose tokens gates refuse although they are still good, in Redis: who was sanctioned, may not play any longer, or has ended a login, gets no new token by
// it, so each is kept only for as long as a token lives. Account nodes write it, from SQL, and write it again if Redis has lost it. It is safe for concurrent use.
type Blocks struct{ stores *store.Stores }

// NewBlocks reads and writes the stack's blocks.
func NewBlocks(stores *store.Stores) *Blocks { return &Blocks{stores} }

// All keys of an account have one hash tag: they are read and deleted together.
func (b *Blocks) key(account AccountID) string {
	return b.stores.Key("blocked", "{"+account.String()+"}")
}

func (b *Blocks) clearedKey(account AccountID) string {
	return b.stores.Key("blocked", "{"+account.String()+"}", "cleared")
}

func (b *Blocks) barredKey(account AccountID) string {
	return b.stores.Key("blocked", "{"+account.String()+"}", "barred")
}

func (b *Blocks) erasedKey(account AccountID) string {
	return b.stores.Key("blocked", "{"+account.String()+"}", "erased")
}

func (b *Blocks) loginKey(account AccountID, login string) string {
	return b.stores.Key("blocked", "{"+account.String()+"}", "login", login)
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

// Bar keeps an account out for a while that was let in before and may not stay; [Blocks.Unbar] lets it in. It is apart from what [Blocks.Block] does.
func (b *Blocks) Bar(ctx context.Context, account AccountID, notice string, ttl time.Duration) error {
	if err := b.stores.Redis().Set(ctx, b.barredKey(account), notice, ttl).Err(); err != nil {
		return fmt.Errorf("bar account %d: %w", account, err)
	}
	return nil
}

// Unbar lets it in again.
func (b *Blocks) Unbar(ctx context.Context, account AccountID) error {
	if err := b.stores.Redis().Del(ctx, b.barredKey(account)).Err(); err != nil {
		return fmt.Errorf("unbar account %d: %w", account, err)
	}
	return nil
}

// Erase keeps an account out that was erased, for ttl, and forgets what else kept it out, and why. Nothing lets it in: not a login either that was under way.
func (b *Blocks) Erase(ctx context.Context, account AccountID, ttl time.Duration) error {
	_, err := b.stores.Redis().TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, b.erasedKey(account), "this account was erased", ttl)
		p.Del(ctx, b.key(account), b.clearedKey(account), b.barredKey(account))
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep account %d out, which was erased: %w", account, err)
	}
	return nil
}

// LoginEnded is the notice of those whose login was ended.
const LoginEnded = "this login was ended; log in again"

// What is kept of a login that has ended.
const (
	loginKept    = "ended"
	loginCleared = "cleared" // sessions that it has led to, too
)

// An Ended is a login that was ended before its time.
type Ended struct {
	Account AccountID
	Login   string
}

// endedAtOnce is how many logins go to Redis together.
const endedAtOnce = 500

// EndLogins keeps out tokens of logins for ttl, and returns those by which somebody may still be in: all but those that [Blocks.ClearLogin] has noted since.
func (b *Blocks) EndLogins(ctx context.Context, logins []Ended, ttl time.Duration) (in []Ended, err error) {
	for some := range slices.Chunk(logins, endedAtOnce) {
		kept := make([]*redis.StringCmd, len(some))
		_, err := b.stores.Redis().Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, l := range some {
				p.SetNX(ctx, b.loginKey(l.Account, l.Login), loginKept, ttl)
				kept[i] = p.Get(ctx, b.loginKey(l.Account, l.Login))
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) {
			return in, fmt.Errorf("end %d logins: %w", len(some), err)
		}
		for i, l := range some {
			if kept[i].Val() != loginCleared {
				in = append(in, l)
			}
		}
	}
	return in, nil
}

// ClearLogin notes that those who were in by a login have been sent away.
func (b *Blocks) ClearLogin(ctx context.Context, account AccountID, login string, ttl time.Duration) error {
	if err := b.stores.Redis().Set(ctx, b.loginKey(account, login), loginCleared, ttl).Err(); err != nil {
		return fmt.Errorf("note that a login of account %d is sent away: %w", account, err)
	}
	return nil
}

// Blocked is what to tell a player who comes by a login of the account, if he is kept out. login may be empty.
func (b *Blocks) Blocked(ctx context.Context, account AccountID, login string) (notice string, blocked bool, err error) {
	found, err := b.stores.Redis().MGet(ctx, b.key(account), b.barredKey(account), b.erasedKey(account), b.loginKey(account, login)).Result()
	if err != nil {
		return "", false, fmt.Errorf("look whether account %d is blocked: %w", account, err)
	}
	for i, value := range found {
		if notice, ok := value.(string); ok && i < 3 { // the last is the login's
			return notice, true, nil
		} else if ok {
			return LoginEnded, true, nil
		}
	}
	return "", false, nil
}

// Refuse is why whoever comes by a login of the account is kept out, as a fault for the client, or nil. It is fault.Unavailable while that is not known.
func (b *Blocks) Refuse(ctx context.Context, account AccountID, login string) error {
	notice, blocked, err := b.Blocked(ctx, account, login)
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Unavailable, "it is not known whether this account may come in")
	case !blocked:
		return nil
	case notice == LoginEnded:
		return fault.New(fault.Unauthenticated, notice)
	}
	return fault.New(fault.Forbidden, notice)
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

// FindSeats is where those of the players are who have a session now.
func FindSeats(ctx context.Context, stores *store.Stores, players []int64) (map[int64]Seat, error) {
	found := make([]*redis.StringCmd, len(players))
	_, err := stores.Redis().Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, player := range players {
			found[i] = p.Get(ctx, SeatKey(stores, player))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("find the sessions of %d players: %w", len(players), err)
	}
	seats := map[int64]Seat{}
	for i, player := range players {
		text, err := found[i].Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		s, err := ParseSeat(text)
		if err != nil {
			return nil, fmt.Errorf("find the session of player %d: %w", player, err)
		}
		if s.Gate != 0 {
			seats[player] = s
		}
	}
	return seats, nil
}
