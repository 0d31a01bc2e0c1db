package gate

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/gate"
	"loumiao/framework/store"
	"loumiao/game/api"
)

// sessionMemory is how long Redis remembers where a player's session is; no session lasts as long.
const sessionMemory = 7 * 24 * time.Hour

// releaseMemory is how long Redis remembers it after nobody has it any more: longer than a session may come back.
const releaseMemory = 2 * time.Hour

// claimScript makes a connection of the session ARGV[2] at the gate ARGV[1] the player's, in a turn after all before it that is ARGV[3] at least. If
// ARGV[5] is 1 and the player has another session, it does not. It returns who had it, and the turn.
var claimScript = redis.NewScript(`
local old = redis.call('GET', KEYS[1])
local turn = tonumber(ARGV[3])
if old then
	local session, last = string.match(old, '^%d+ (%d+) (%d+)$')
	if ARGV[5] == '1' and session ~= ARGV[2] then
		return {old, ''}
	end
	if last and tonumber(last) >= turn then
		turn = tonumber(last) + 1
	end
end
local text = string.format('%.0f', turn)
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. text, 'PX', ARGV[4])
return {old, text}`)

// releaseScript notes that nobody has the player's session ARGV[2], if that is still what ARGV[1] says. It is remembered for a while that this was his last.
var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
	redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
	return 1
end
return 0`)

// sessions is where gates agree on each player's one session: a key in Redis, exchanged in one step, so that of two logins at once
// each sees the other or is seen. Should Redis lose it, the player's world still keeps only his newest session.
type sessions struct {
	stores *store.Stores
}

func (s *sessions) key(player int64) string {
	return api.SeatKey(s.stores, player)
}

// value is a holder as it stands in Redis.
func value(h gate.Holder) string {
	return fmt.Sprintf("%d %d %d", uint64(h.Node), uint64(h.Session), h.Turn)
}

// Claim makes the holder the player's.
func (s *sessions) Claim(ctx context.Context, player int64, h gate.Holder, again bool) (turn uint64, previous *gate.Holder, err error) {
	args := []any{uint64(h.Node), uint64(h.Session), time.Now().UnixMilli(), sessionMemory.Milliseconds(), again}
	reply, err := claimScript.Run(ctx, s.stores.Redis(), []string{s.key(player)}, args...).Slice()
	if err == nil && len(reply) != 2 {
		err = fmt.Errorf("it is answered %v", reply)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("claim the session of player %d: %w", player, err)
	}
	switch reply[1] {
	case "":
		return 0, nil, gate.ErrReplaced
	default:
		if turn, err = strconv.ParseUint(fmt.Sprint(reply[1]), 10, 64); err != nil {
			return 0, nil, fmt.Errorf("claim the session of player %d: %w", player, err)
		}
	}
	old, ok := reply[0].(string)
	if !ok {
		return turn, nil, nil
	}
	previous, err = parseHolder(old)
	return turn, previous, err
}

// Release notes that nobody has the player's session, if it is still this holder's.
func (s *sessions) Release(ctx context.Context, player int64, h gate.Holder) error {
	nobody := h
	nobody.Node = 0
	args := []any{value(h), value(nobody), releaseMemory.Milliseconds()}
	if err := releaseScript.Run(ctx, s.stores.Redis(), []string{s.key(player)}, args...).Err(); err != nil {
		return fmt.Errorf("release the session of player %d: %w", player, err)
	}
	return nil
}

// parseHolder reads a holder, which is nil when nobody has the session any more.
func parseHolder(text string) (*gate.Holder, error) {
	seat, err := api.ParseSeat(text)
	if err != nil || seat.Gate == 0 {
		return nil, err
	}
	return &gate.Holder{Node: seat.Gate, Session: seat.Session, Turn: seat.Turn}, nil
}
