package zone

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/game/api"
	"loumiao/game/pb"
)

const (
	attemptTimeout = 5 * time.Second        // for db, or an owner, to answer
	firstPause     = 250 * time.Millisecond // between two attempts; doubled each time
	longestPause   = 10 * time.Second

	// nobodyAfter is for how long a player has to be without an owner before nobody counts as his owner. When Redis has lost its data,
	// the world that still holds him binds him again as soon as it renews its lease, so this is longer than a lease lasts.
	nobodyAfter = 3 * lease.DefaultTTL
)

// peers is what a room asks of others.
type peers interface {
	// record stores a match's result, once; a repetition answers what the first did.
	record(ctx context.Context, m *pb.RecordMatch) (*pb.RecordMatchReply, error)
	// finished and unmatched tell a player's owner. fault.NotOwner: nobody owns the player now.
	finished(ctx context.Context, m *pb.PlayerFinished) error
	unmatched(ctx context.Context, m *pb.PlayerUnmatched) error
	// offer tells matchmaking of open seats.
	offer(ctx context.Context, m *pb.OfferPlaces) error
}

// A notice tells one player's owner something.
type notice struct {
	player api.PlayerID
	tell   func(context.Context) error
	nobody time.Time // from then on a player without an owner needs not be told
}

func newNotice(player api.PlayerID, tell func(context.Context) error) notice {
	return notice{player: player, tell: tell, nobody: time.Now().Add(nobodyAfter)}
}

// A retry paces repeated attempts.
type retry struct {
	pause time.Duration
	until time.Time
}

func newRetry(d time.Duration) retry { return retry{pause: firstPause, until: time.Now().Add(d)} }

// next is how long to wait before the next attempt, if there is to be one.
func (r *retry) next() (time.Duration, bool) {
	pause := r.pause
	r.pause = min(2*r.pause, longestPause)
	return pause, time.Now().Add(pause).Before(r.until)
}

func (r *Room) again(ctx *actor.Context, _ *again) error {
	if r.phase == recording {
		r.settle(ctx)
	}
	return nil
}

// settle does what is left to do after the battle: it stores the result, and tells the owners. What fails is tried again later.
func (r *Room) settle(ctx *actor.Context) {
	if r.result != nil {
		err := r.store(ctx)
		switch {
		case err == nil:
		case fault.CodeOf(err) != fault.Invalid && r.later(ctx):
			r.zone.log.Warn("result not stored; will try again", "match", r.match, "err", err)
			return
		default:
			r.lose(err)
		}
	}
	var err error
	r.notices, err = tellAll(ctx, r.notices, r.zone.busy.closing())
	if len(r.notices) > 0 {
		if r.later(ctx) {
			return
		}
		r.zone.log.Error("owners not told how a match ended", "match", r.match, "players", len(r.notices), "err", err)
	}
	r.leave(ctx)
}

// store gives the result to db.
func (r *Room) store(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	reply, err := r.zone.peers.record(ctx, r.result)
	if err != nil {
		return err
	}
	r.zone.stats.battles.WithLabelValues("recorded").Inc()
	r.result = nil
	r.retry = newRetry(r.zone.cfg.RecordFor)
	for _, result := range reply.GetResults() {
		finished := &pb.PlayerFinished{Player: result.GetPlayer(), Result: result.GetResult()}
		r.notices = append(r.notices, newNotice(api.PlayerID(result.GetPlayer()), func(ctx context.Context) error {
			return r.zone.peers.finished(ctx, finished)
		}))
	}
	return nil
}

// lose gives up on the result. It stands whole in the log, from where a person can still have it stored.
func (r *Room) lose(err error) {
	r.zone.stats.battles.WithLabelValues("lost").Inc()
	r.zone.log.Error("RESULT LOST: db did not take it", "match", r.match, "result", protojson.Format(r.result), "err", err)
	r.result = nil
	r.retry = newRetry(r.zone.cfg.RecordFor)
	r.notices = r.unmatched("the battle's result could not be stored", r.told)
}

// unmatched is the notices to players that the match came to nothing for them.
func (r *Room) unmatched(reason string, players []api.PlayerID) []notice {
	var notices []notice
	for _, p := range players {
		m := &pb.PlayerUnmatched{Match: int64(r.match), Player: int64(p), Reason: reason}
		notices = append(notices, newNotice(p, func(ctx context.Context) error { return r.zone.peers.unmatched(ctx, m) }))
	}
	return notices
}

// tellSoon tells owners something while the battle goes on.
func (z *Zone) tellSoon(notices []notice) {
	if len(notices) == 0 {
		return
	}
	z.tellers.Go(func() {
		for attempts := newRetry(z.cfg.RecordFor); ; {
			notices, _ = tellAll(z.life, notices, z.busy.closing())
			pause, ok := attempts.next()
			if len(notices) == 0 || !ok || !waited(z.life, pause) {
				return // an owner who was not told finds out when his player wants something else
			}
		}
	})
}

// later plans another attempt, unless it is too late for that.
func (r *Room) later(ctx *actor.Context) bool {
	pause, ok := r.retry.next()
	if !ok || r.closing {
		return false
	}
	r.next = ctx.After(pause, &again{})
	return true
}

// tellAll tells the owners all at once and returns those who have to be told again, with one reason. That nobody has owned a player for
// long is no reason: whoever takes him next asks for the room, and then db for the result. Nor is it one for a zone that stops: a world
// which holds him sees it go and ends his match.
func tellAll(ctx context.Context, notices []notice, stopping bool) ([]notice, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	errs := make([]error, len(notices))
	var wg sync.WaitGroup
	for i, n := range notices {
		wg.Go(func() { errs[i] = n.tell(ctx) })
	}
	wg.Wait()
	var failed []notice
	var reason error
	for i, err := range errs {
		nobody := fault.CodeOf(err) == fault.NotOwner && (stopping || !time.Now().Before(notices[i].nobody))
		if err != nil && !nobody {
			failed, reason = append(failed, notices[i]), err
		}
	}
	return failed, reason
}
