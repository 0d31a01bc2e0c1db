package public

import (
	"context"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/public"
)

const (
	lookEvery   = 500 * time.Millisecond // how soon what Redis has lost is made again
	copyPage    = 500                    // entries that are copied at once
	sweepPage   = 500                    // players that are looked through at once
	mostRanked  = 100                    // of a page that a client gets
	someRanked  = 20                     // when it does not say
	mostReports = 1000                   // standings in one report
)

// copied is the state of Redis's copy.
type copied struct {
	served atomic.Bool // it is whole, but perhaps for what has changed in this moment
	stale  atomic.Bool // it has to be made again
}

// begin serves the copy that is there. It may lack the last thing that a leader which died has written, so that it is made again.
func (c *copied) begin(ctx context.Context, b *board) error {
	made, err := b.isMade(ctx)
	c.served.Store(made)
	c.stale.Store(true)
	return err
}

// keepCopy makes the copy again whenever it has to be, until ctx ends.
func (r *reign) keepCopy(ctx context.Context) {
	failing := false
	for {
		if err := r.lookAtCopy(ctx); err != nil {
			if !r.failed(ctx, "copy the rankings to Redis", err, &failing) {
				return
			}
			continue
		}
		failing = false
		if !sleep(ctx, lookEvery) {
			return
		}
	}
}

func (r *reign) lookAtCopy(ctx context.Context) error {
	made, err := r.board.isMade(ctx)
	if err != nil {
		return err
	}
	if !made {
		r.copy.served.Store(false)
	}
	if made && !r.copy.stale.Load() {
		return nil
	}
	r.copy.stale.Store(false) // first: what fails meanwhile makes it stale again
	if err := r.makeCopy(ctx); err != nil {
		r.copy.stale.Store(true)
		return err
	}
	return nil
}

// makeCopy copies everything. What changes meanwhile is newer, and stays.
func (r *reign) makeCopy(ctx context.Context) error {
	if err := r.board.beginMaking(ctx); err != nil {
		return err
	}
	var after public.Rank
	for {
		page, err := r.store.Ranks(ctx, after, copyPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		moves := make([]public.Move, len(page))
		for i, rank := range page {
			moves[i].Rank = rank
		}
		if err := r.board.put(ctx, moves); err != nil {
			return err
		}
		after = page[len(page)-1]
	}
	if err := r.board.endMaking(ctx); err != nil {
		return err
	}
	r.copy.served.Store(true)
	return nil
}

// rank takes standings into SQL and then into the copy.
func (r *reign) rank(ctx context.Context, standings []*pb.PlayerStanding) error {
	known := make([]public.Standing, 0, len(standings))
	for _, s := range standings {
		if s.GetPlayer() <= 0 || s.GetArea() > 1<<16-1 {
			return fault.Errorf(fault.Invalid, "there is no player %d in area %d", s.GetPlayer(), s.GetArea())
		}
		known = append(known, public.Standing{
			Player: s.GetPlayer(), Area: uint16(s.GetArea()), Name: s.GetName(), Level: s.GetLevel(), Rating: s.GetRating(),
			Version: s.GetVersion(), Matched: s.GetMatchedMs(),
		})
	}
	moves, err := r.leader.Rank(ctx, known)
	if err != nil {
		return err
	}
	if err := r.board.put(ctx, moves); err != nil {
		r.copy.stale.Store(true) // it is in SQL
		r.log.Warn("the copy of the rankings is behind, and is made again", "err", err)
	}
	return nil
}

func (r *reign) reportStandings(ctx context.Context, m *pb.PlayerStandings) (*pb.Done, error) {
	if n := len(m.GetStandings()); n > mostReports {
		return nil, fault.Errorf(fault.TooLarge, "%d standings are more than %d", n, mostReports)
	}
	return &pb.Done{}, r.rank(ctx, m.GetStandings())
}

// sweep looks through all players again and again, for what nobody has told.
func (r *reign) sweep(ctx context.Context) {
	failing := false
	for after := int64(0); ; {
		page, err := api.ListStandings.Call(ctx, r.node.RPC(), &pb.ListStandings{After: after, Limit: sweepPage}, rpc.Any)
		if err == nil {
			err = r.rank(ctx, page.GetStandings())
		}
		if err != nil {
			if !r.failed(ctx, "look through all players", err, &failing) {
				return
			}
			continue
		}
		failing = false
		pause := r.cfg.Ranking.SweepPause
		if n := len(page.GetStandings()); n == sweepPage {
			after = page.GetStandings()[n-1].GetPlayer()
		} else {
			after, pause = 0, r.cfg.Ranking.SweepEvery
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

func (r *reign) readRanking(ctx context.Context, m *pb.ReadRanking) (*pb.GetRankingReply, error) {
	on := public.Board(m.GetBoard())
	if on == "" {
		on = public.Rating
	}
	if on != public.Rating && on != public.Level {
		return nil, fault.Errorf(fault.NotFound, "there is no ranking %.20q", string(on))
	}
	from, limit, err := page(m.GetFrom(), m.GetLimit())
	if err != nil {
		return nil, err
	}
	if !r.copy.served.Load() {
		return nil, fault.New(fault.Unavailable, "the ranking is being made again: try again in a while")
	}
	return r.board.read(ctx, on, uint16(m.GetArea()), m.GetPlayer(), from, limit, m.GetAround())
}

// page checks which places are wanted.
func page(from int64, limit int32) (int64, int, error) {
	if limit == 0 {
		limit = someRanked
	}
	if from == 0 {
		from = 1
	}
	if from < 0 || from > 1<<40 || limit < 0 || limit > mostRanked {
		return 0, 0, fault.Errorf(fault.Invalid, "%d places from %d on: must be 1 to %d, from 1 on", limit, from, mostRanked)
	}
	return from, int(limit), nil
}
