package match

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/game/api"
)

// A holding is what the tickets' hash says of a player; without a mode, nothing.
type holding struct {
	mode   string
	ticket Ticket
	match  string // "" while the ticket waits
}

func parseHolding(s string) (holding, error) {
	f := strings.Fields(s)
	if len(f) != 2 && len(f) != 3 {
		return holding{}, fmt.Errorf("%q is not what a player holds", s)
	}
	t, err := parseTicket(f[1])
	h := holding{mode: f[0], ticket: t}
	if len(f) == 3 {
		h.match = f[2]
	}
	return h, err
}

// find is the ticket of a player or, with player 0, the one with this id, for which it looks at all of the area's tickets. With both it is the player's, if it has that id.
func (s *Store) find(ctx context.Context, area api.Area, player api.PlayerID, id api.TicketID) (holding, error) {
	if player != 0 {
		held, err := s.client.HGet(ctx, s.at(area, "tickets"), player.String()).Result()
		if errors.Is(err, redis.Nil) {
			return holding{}, nil
		}
		if err != nil {
			return holding{}, fmt.Errorf("look up the ticket of player %v: %w", player, err)
		}
		h, err := parseHolding(held)
		if err == nil && id != 0 && h.ticket.ID != id {
			return holding{}, nil
		}
		return h, err
	}
	for cursor := uint64(0); ; {
		page, next, err := s.client.HScan(ctx, s.at(area, "tickets"), cursor, "", pollPage).Result()
		if err != nil {
			return holding{}, fmt.Errorf("look up ticket %v: %w", id, err)
		}
		for i := 1; i < len(page); i += 2 { // players and what they hold, in turn
			if strings.Contains(page[i], " "+id.String()+":") {
				return parseHolding(page[i])
			}
		}
		if cursor = next; next == 0 {
			return holding{}, nil
		}
	}
}

// end is whether a ticket has ended within the last minute, and in which match, 0 being none.
func (s *Store) end(ctx context.Context, area api.Area, id api.TicketID) (ended bool, match api.MatchID, err error) {
	n, err := s.client.Get(ctx, s.gone(area, id)).Int64()
	if errors.Is(err, redis.Nil) {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, fmt.Errorf("look up the end of ticket %v: %w", id, err)
	}
	return true, api.MatchID(n), nil
}

// look is a match's record, when it may be taken over, and what its players have said. redis.Nil: there is no such match.
func (s *Store) look(ctx context.Context, area api.Area, match string) (Match, int64, map[string]string, error) {
	fail := func(err error) (Match, int64, map[string]string, error) {
		return Match{}, 0, nil, fmt.Errorf("look up match %s: %w", match, err)
	}
	var record *redis.StringCmd
	var due *redis.FloatCmd
	var answers *redis.MapStringStringCmd
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		record = pipe.HGet(ctx, s.at(area, "matches"), match)
		due = pipe.ZScore(ctx, s.at(area, "due"), match)
		answers = pipe.HGetAll(ctx, s.answers(area, match))
		return nil
	})
	if err != nil {
		return fail(err)
	}
	m, err := parseMatch(area, record.Val())
	if err != nil {
		return fail(err)
	}
	n, err := strconv.ParseInt(match, 10, 64)
	if err != nil {
		return fail(err)
	}
	m.ID = api.MatchID(n)
	return m, int64(due.Val()), answers.Val(), nil
}

// waiting is the whole pool, without asking for its lead.
func (s *Store) waiting(ctx context.Context, p Pool) ([]Ticket, error) {
	var out []Ticket
	for after := "-inf"; ; {
		page, err := s.client.ZRangeByScoreWithScores(ctx, s.pool(p), &redis.ZRangeBy{Min: after, Max: "+inf", Count: pollPage}).Result()
		if err != nil {
			return nil, fmt.Errorf("read pool %v of area %v: %w", p.Mode, p.Area, err)
		}
		for _, z := range page {
			t, err := parseTicket(fmt.Sprint(z.Member))
			if err != nil {
				return nil, fmt.Errorf("read pool %v of area %v: %w", p.Mode, p.Area, err)
			}
			out = append(out, t)
		}
		if len(page) < pollPage {
			return out, nil
		}
		after = fmt.Sprintf("(%.0f", page[len(page)-1].Score)
	}
}

// leader is who runs a pool's passes, "" being nobody, for how long yet, and how many matches of the area are between claim and end.
func (s *Store) leader(ctx context.Context, p Pool) (self string, left time.Duration, underWay int64, err error) {
	var lead *redis.StringCmd
	var ttl *redis.DurationCmd
	var matches *redis.IntCmd
	_, err = s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		lead = pipe.Get(ctx, s.at(p.Area, "lead", p.Mode))
		ttl = pipe.PTTL(ctx, s.at(p.Area, "lead", p.Mode))
		matches = pipe.HLen(ctx, s.at(p.Area, "matches"))
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", 0, 0, fmt.Errorf("look up who leads pool %v of area %v: %w", p.Mode, p.Area, err)
	}
	return lead.Val(), max(0, ttl.Val()), matches.Val(), nil
}

// clock is the time by which tickets are dated, in milliseconds since 1970.
func (s *Store) clock(ctx context.Context) (int64, error) {
	if now := s.now(); now != 0 {
		return now, nil
	}
	now, err := s.client.Time(ctx).Result()
	if err != nil {
		return 0, fmt.Errorf("read the clock: %w", err)
	}
	return now.UnixMilli(), nil
}
