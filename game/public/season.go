package public

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/public"
	"loumiao/game/tables"
)

const (
	settlePage    = 200 // places that are settled at once, and recorded as such
	settlers      = 8   // players who get theirs at a time
	callTimeout   = 5 * time.Second
	mailSender    = "system"
	seasonMailFor = 30 * 24 * time.Hour
)

// endSeason is the job that ends the season of an area.
func (s *Service) endSeason(ctx context.Context, area uint16, at time.Time) error {
	r := s.reign.Load()
	if r == nil {
		return errNotLeading
	}
	if err := r.leader.EndSeason(ctx, area, at, int64(s.cfg.Seasons.Base)); err != nil {
		return err
	}
	return r.settleSeasons(ctx, area)
}

// settleSeason is the job that settles what could not be settled when a season ended.
func (s *Service) settleSeason(ctx context.Context, area uint16, _ time.Time) error {
	r := s.reign.Load()
	if r == nil {
		return errNotLeading
	}
	return r.settleSeasons(ctx, area)
}

// settleSeasons gives everybody what the seasons that have ended give. Whoever has got it is recorded; who has got it and is not recorded, because the leader died
// in between, does not get it again: the mail and the change of the rating have the season as their key.
func (r *reign) settleSeasons(ctx context.Context, area uint16) error {
	r.settle.Lock()
	defer r.settle.Unlock()
	seasons, err := r.store.Unsettled(ctx, area)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range seasons { // also behind one in which somebody has no room for his mail
		errs = append(errs, r.settleOne(ctx, s))
	}
	return errors.Join(errs...)
}

func (r *reign) settleOne(ctx context.Context, s public.Season) error {
	left := 0
	var last error
	for after := int64(0); ; {
		places, err := r.store.UnsettledPlaces(ctx, s.Area, s.Number, after, settlePage)
		if err != nil {
			return err
		}
		if len(places) == 0 {
			break
		}
		after = places[len(places)-1].Place
		done, failure := r.giveAll(ctx, s, places)
		if err := r.leader.Settle(ctx, s.Area, s.Number, done); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if n := len(places) - len(done); n > 0 {
			left, last = left+n, failure
		}
	}
	all, err := r.leader.SettleSeason(ctx, s.Area, s.Number)
	if err == nil && !all {
		err = fmt.Errorf("season %d of area %d: %d players have not got theirs yet: %w", s.Number, s.Area, left, last)
	}
	return err
}

// giveAll returns the places whose players have got theirs, and an error of one who has not.
func (r *reign) giveAll(ctx context.Context, s public.Season, places []public.Place) (done []int64, failure error) {
	var mu sync.Mutex
	var next atomic.Int64
	var work sync.WaitGroup
	for range min(settlers, len(places)) {
		work.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(places)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				err := r.give(ctx, s, places[i])
				mu.Lock()
				if err == nil {
					done = append(done, places[i].Place)
				} else {
					failure = err
				}
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return done, failure
}

// give gives one player what his season gives. One who is not there any more gets nothing, nor does one whose mailbox has been full until the mail would have expired.
func (r *reign) give(ctx context.Context, s public.Season, p public.Place) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	key := fmt.Sprintf("season:%d:%d", s.Area, s.Number)
	if change := r.cfg.Seasons.afterwards(p.Score); change != 0 {
		op := &pb.ApplyOp{Player: p.Player, Key: key, Reason: "season", Rating: change}
		if _, err := api.ApplyOp.Call(ctx, r.node.RPC(), op, rpc.ByKey(p.Player)); err != nil {
			return unlessGone(err)
		}
		r.tellChanged(ctx, p.Player)
	}
	gold, until := r.cfg.Seasons.reward(p.Place), s.Ended.Add(seasonMailFor)
	if !p.Played || gold == 0 || !until.After(r.now()) {
		return nil
	}
	mail := &pb.SendMail{
		Player: p.Player, Key: key, Sender: mailSender, Subject: fmt.Sprintf("Season %d", s.Number),
		Body:   fmt.Sprintf("You have ended season %d in place %d, with a rating of %d.", s.Number, p.Place, p.Score),
		Wallet: map[string]int64{tables.Gold: gold}, ExpiresMs: until.UnixMilli(),
	}
	_, err := api.SendMail.Call(ctx, r.node.RPC(), mail, rpc.ByKey(p.Player))
	return unlessGone(err)
}

// unlessGone is err, but for a player who is not there.
func unlessGone(err error) error {
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

// tellChanged tells a player's owner that what he has was changed. Without one, he sees it when he comes.
func (r *reign) tellChanged(ctx context.Context, player int64) {
	err := api.PlayerChanged.Send(ctx, r.node.RPC(), &pb.PlayerChanged{Player: player})
	if code := fault.CodeOf(err); err != nil && code != fault.NotOwner && code != fault.NotFound && !errors.Is(err, context.Canceled) {
		r.log.Debug("owner not told of a change", "player", player, "err", err)
	}
}

func (r *reign) listSeasons(ctx context.Context, m *pb.ListSeasons) (*pb.GetSeasonsReply, error) {
	limit := int(m.GetLimit())
	if limit == 0 {
		limit = public.MaxSeasons / 2
	}
	if limit < 0 || limit > public.MaxSeasons {
		return nil, fault.Errorf(fault.Invalid, "%d seasons: must be 1 to %d", limit, public.MaxSeasons)
	}
	seasons, mine, err := r.store.Seasons(ctx, uint16(m.GetArea()), m.GetPlayer(), limit)
	if err != nil {
		return nil, err
	}
	reply := &pb.GetSeasonsReply{}
	for _, s := range seasons {
		one := &pb.Season{Number: s.Number, StartsMs: s.Starts.UnixMilli()}
		if !s.Ended.IsZero() {
			one.EndedMs = s.Ended.UnixMilli()
		}
		if p, ok := mine[s.Number]; ok {
			one.Me = ranked(p)
		}
		reply.Seasons = append(reply.Seasons, one)
	}
	return reply, nil
}

func (r *reign) readSeason(ctx context.Context, m *pb.ReadSeason) (*pb.GetSeasonReply, error) {
	from, limit, err := page(m.GetFrom(), m.GetLimit())
	if err != nil {
		return nil, err
	}
	places, err := r.store.Places(ctx, uint16(m.GetArea()), m.GetNumber(), from, limit)
	if err != nil {
		return nil, err
	}
	reply := &pb.GetSeasonReply{}
	for _, p := range places {
		reply.Ranked = append(reply.Ranked, ranked(p))
	}
	return reply, nil
}

func ranked(p public.Place) *pb.Ranked {
	return &pb.Ranked{Place: p.Place, Player: p.Player, Name: p.Name, Score: p.Score}
}
