package public

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/game/pb"
	"loumiao/game/store/public"
)

// A board is the copy of the rankings in Redis. For each board and area:
//
//	order    a sorted set: the score, negated, of "<when it was reached, 15 digits><player, 19 digits>", so that its order is the ranking's
//	players  a hash: player -> "<version> <member of order> <name>"; of one who was erased, only a version that is newer than any
//
// and a key that says that it was made.
type board struct{ stores *store.Stores }

func (b *board) keys(on public.Board, area uint16) (order, players string) {
	tag := fmt.Sprintf("{%s-%d}", on, area)
	return b.stores.Key("ranking", tag, "order"), b.stores.Key("ranking", tag, "players")
}

func (b *board) made() string   { return b.stores.Key("ranking", "{made}") }
func (b *board) making() string { return b.stores.Key("ranking", "{made}", "making") }

// putScript takes entries of one board and area: player, version, member, score and name of each; an empty member takes one out. What is there of a newer version
// stays: the one who sends something older does not lead any more, or has been overtaken.
var putScript = redis.NewScript(`
for i = 1, #ARGV, 5 do
	local player, version, member = ARGV[i], ARGV[i + 1], ARGV[i + 2]
	local known = redis.call('HGET', KEYS[2], player)
	local was, old
	if known then was, old = string.match(known, '^(%d+) (%d+) ') end
	if not was or tonumber(was) <= tonumber(version) then
		if old and old ~= member then redis.call('ZREM', KEYS[1], old) end
		if member == '' then
			redis.call('HDEL', KEYS[2], player)
		else
			redis.call('ZADD', KEYS[1], ARGV[i + 3], member)
			redis.call('HSET', KEYS[2], player, version .. ' ' .. member .. ' ' .. ARGV[i + 4])
		end
	end
end
return 1`)

func member(r public.Rank) string { return fmt.Sprintf("%015d%019d", max(0, r.ReachedAt), r.Player) }

// put takes entries as they are now.
func (b *board) put(ctx context.Context, moves []public.Move) error {
	type place struct {
		board public.Board
		area  uint16
	}
	args := map[place][]any{}
	for _, m := range moves {
		here := place{m.Board, m.Area}
		args[here] = append(args[here], m.Player, m.Version, member(m.Rank), -m.Score, m.Name)
		if m.From != 0 {
			there := place{m.Board, m.From}
			args[there] = append(args[there], m.Player, m.Version, "", 0, "")
		}
	}
	for at, args := range args {
		order, players := b.keys(at.board, at.area)
		if err := putScript.Run(ctx, b.stores.Redis(), []string{order, players}, args...).Err(); err != nil {
			return fmt.Errorf("copy the ranking: %w", err)
		}
	}
	return nil
}

// eraseScript takes a player out of one board and area for good: ARGV[1] is the player, ARGV[2] what stands in his place.
var eraseScript = redis.NewScript(`
local known = redis.call('HGET', KEYS[2], ARGV[1])
local old = known and string.match(known, '^%d+ (%d+) ')
if old then redis.call('ZREM', KEYS[1], old) end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1`)

// erasedMember is of no entry.
const erasedMember = "0"

// erase takes a player out of all boards of some areas. What was read of him before, and is put after, is older than what is there.
func (b *board) erase(ctx context.Context, player int64, areas []uint16) error {
	const never = 1 << 53 // a version, the greatest that Lua counts to
	for _, on := range public.Boards() {
		for _, area := range areas {
			order, players := b.keys(on, area)
			if err := eraseScript.Run(ctx, b.stores.Redis(), []string{order, players}, player, fmt.Sprintf("%d %s ", never, erasedMember)).Err(); err != nil {
				return fmt.Errorf("take a player out of the copy of the ranking: %w", err)
			}
		}
	}
	return nil
}

// read is a page of a board: from a place on, or around a player if around is set; and the player's own place.
func (b *board) read(ctx context.Context, on public.Board, area uint16, player, from int64, limit int, around bool) (*pb.GetRankingReply, error) {
	order, players := b.keys(on, area)
	r := b.stores.Redis()
	total, err := r.ZCard(ctx, order).Result()
	if err != nil {
		return nil, fmt.Errorf("read the ranking: %w", err)
	}
	reply := &pb.GetRankingReply{Total: total, Me: &pb.Ranked{Player: player}}
	if player != 0 {
		if reply.Me, err = b.placeOf(ctx, order, players, player); err != nil {
			return nil, err
		}
	}
	if around {
		from = max(1, reply.Me.GetPlace()-int64(limit-1)/2)
	}
	page, err := r.ZRangeWithScores(ctx, order, from-1, from-2+int64(limit)).Result()
	if err != nil || len(page) == 0 {
		return reply, err
	}
	ids := make([]string, len(page))
	for i, z := range page {
		text, _ := z.Member.(string)
		id, err := playerOf(text)
		if err != nil {
			return nil, err
		}
		ids[i] = strconv.FormatInt(id, 10)
		reply.Ranked = append(reply.Ranked, &pb.Ranked{Place: from + int64(i), Player: id, Score: -int64(z.Score)})
	}
	known, err := r.HMGet(ctx, players, ids...).Result()
	if err != nil {
		return nil, fmt.Errorf("read the ranking: %w", err)
	}
	for i, value := range known {
		text, _ := value.(string) // somebody who has just left the area has none
		_, _, reply.Ranked[i].Name = split(text)
	}
	return reply, nil
}

func (b *board) placeOf(ctx context.Context, order, players string, player int64) (*pb.Ranked, error) {
	me := &pb.Ranked{Player: player}
	known, err := b.stores.Redis().HGet(ctx, players, strconv.FormatInt(player, 10)).Result()
	if errors.Is(err, redis.Nil) {
		return me, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ranking: %w", err)
	}
	_, at, name := split(known)
	if at == erasedMember {
		return me, nil
	}
	var rank *redis.IntCmd
	var score *redis.FloatCmd
	_, err = b.stores.Redis().Pipelined(ctx, func(p redis.Pipeliner) error { // and not WITHSCORE, which is of Redis 7.2
		rank, score = p.ZRank(ctx, order, at), p.ZScore(ctx, order, at)
		return nil
	})
	if errors.Is(err, redis.Nil) { // has moved between the two reads
		return nil, fault.New(fault.Unavailable, "the ranking is changing: try again")
	}
	if err != nil {
		return nil, fmt.Errorf("read the ranking: %w", err)
	}
	me.Name, me.Place, me.Score = name, rank.Val()+1, -int64(score.Val())
	return me, nil
}

func split(known string) (version, member, name string) {
	version, rest, _ := strings.Cut(known, " ")
	member, name, _ = strings.Cut(rest, " ")
	return version, member, name
}

const reachedDigits = 15

func playerOf(member string) (int64, error) {
	if len(member) <= reachedDigits {
		return 0, fmt.Errorf("read the ranking: member %.40q", member)
	}
	id, err := strconv.ParseInt(member[reachedDigits:], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the ranking: member %.40q: %w", member, err)
	}
	return id, nil
}

// isMade is whether the copy was made, and not lost since.
func (b *board) isMade(ctx context.Context) (bool, error) {
	n, err := b.stores.Redis().Exists(ctx, b.made()).Result()
	if err != nil {
		return false, fmt.Errorf("look at the copy of the ranking: %w", err)
	}
	return n > 0, nil
}

// beginMaking and endMaking are around the making of the copy. endMaking fails when Redis has lost its memory in between.
func (b *board) beginMaking(ctx context.Context) error {
	return b.stores.Redis().Set(ctx, b.making(), 1, 0).Err()
}

func (b *board) endMaking(ctx context.Context) error {
	if err := b.stores.Redis().Rename(ctx, b.making(), b.made()).Err(); err != nil {
		return fmt.Errorf("the copy of the ranking was lost while it was made: %w", err)
	}
	return nil
}
