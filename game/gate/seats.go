package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/id"
)

const (
	seatsEvery = time.Second // how soon it is seen that Redis has lost where players' sessions are
	seatsBatch = 1000        // that are put back at once
)

// keepSeats puts back where the sessions here are whenever Redis has lost it, until ctx ends: whoever is to be sent away is looked for there.
func (g *Gate) keepSeats(ctx context.Context) {
	tick := time.NewTicker(seatsEvery)
	defer tick.Stop()
	lost := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		kept, err := g.sessions.kept(ctx, g.node.ID(), g.node.Boot())
		if lost = lost || err == nil && !kept; !lost {
			continue
		}
		if err := g.putBack(ctx); err != nil {
			if ctx.Err() == nil {
				g.node.Log().Warn("where sessions are is not in Redis; trying again", "err", err)
			}
			continue
		}
		lost = false
	}
}

// putBack puts back every session's seat, and ends those of players who are kept out: they were looked for perhaps while there was none.
func (g *Gate) putBack(ctx context.Context) error {
	if err := g.sessions.keep(ctx, g.node.ID(), g.node.Boot()); err != nil { // first: what is lost meanwhile is then seen
		return err
	}
	who := map[int64]gate.Identity{}
	seats := map[int64]gate.Holder{}
	g.gate.Each(func(i gate.Identity, h gate.Holder) { who[i.Player], seats[i.Player] = i, h })
	if err := g.sessions.putBack(ctx, seats); err != nil {
		return err
	}
	for player, h := range seats {
		err := g.barred(ctx, who[player])
		switch code, message := fault.Outside(err); code {
		case fault.OK:
		case fault.Forbidden, fault.Unauthenticated:
			g.gate.Kick(h.Session, h.Turn, code, message)
		default:
			return err
		}
	}
	return nil
}

// keptKey says which life of a gate has put its sessions' seats into this Redis.
func (s *sessions) keptKey(node id.Node) string {
	return s.stores.Key("session", "gate", node.String())
}

func (s *sessions) kept(ctx context.Context, node id.Node, boot id.Boot) (bool, error) {
	text, err := s.stores.Redis().Get(ctx, s.keptKey(node)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("look for sessions in Redis: %w", err)
	}
	return text == boot.String(), nil
}

func (s *sessions) keep(ctx context.Context, node id.Node, boot id.Boot) error {
	return s.stores.Redis().Set(ctx, s.keptKey(node), boot.String(), 0).Err()
}

// putBack notes who has players' sessions, unless somebody has noted another since.
func (s *sessions) putBack(ctx context.Context, seats map[int64]gate.Holder) error {
	players := make([]int64, 0, len(seats))
	for player := range seats {
		players = append(players, player)
	}
	for part := range slices.Chunk(players, seatsBatch) {
		_, err := s.stores.Redis().Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, player := range part {
				p.SetNX(ctx, s.key(player), value(seats[player]), sessionMemory)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("note %d sessions again: %w", len(part), err)
		}
	}
	return nil
}
