package public

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/store/public"
)

// retryEvery is the pause after something that cannot be done now, such as while SQL or Redis cannot be reached.
const retryEvery = time.Second

// A reign is the time in which a node leads, under one epoch. It is safe for concurrent use.
type reign struct {
	*Service
	leader *public.Leader
	log    *slog.Logger
	copy   copied
	rooms  map[uint16]*room
	speaks *limits
	settle sync.Mutex // held while a season is settled
	fenced chan error // told when another node turns out to lead
}

func newReign(s *Service, epoch uint64) *reign {
	r := &reign{
		Service: s, leader: s.store.Leading(epoch), log: s.node.Log(), rooms: map[uint16]*room{}, fenced: make(chan error, 1),
		speaks: newLimits(s.cfg.Chat.Every, s.cfg.Chat.Burst),
	}
	for _, a := range s.areas {
		r.rooms[a] = newRoom(a, s.cfg.Chat.AreaRate)
	}
	return r
}

// begin is what has to be done before anybody is served: little, because they wait.
func (r *reign) begin(ctx context.Context) error {
	for _, a := range r.areas {
		if err := r.leader.BeginSeason(ctx, a); err != nil {
			return err
		}
	}
	return r.copy.begin(ctx, r.board)
}

// run does what goes on by itself, until ctx ends or another node turns out to lead.
func (r *reign) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { r.keepCopy(ctx) })
	work.Go(func() { r.sweep(ctx) })
	work.Go(func() { r.keepTelling(ctx) })
	work.Go(func() { r.obey(ctx) })
	for _, j := range r.jobs {
		for _, a := range r.areas {
			work.Go(func() { r.keepJob(ctx, j, a) })
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.fenced:
		return err
	}
}

// failed says whether to go on after an error: not when another node leads. It logs the error if it is the first of a series, and waits a moment.
func (r *reign) failed(ctx context.Context, what string, err error, failing *bool) (goOn bool) {
	if errors.Is(err, public.ErrFenced) || fault.CodeOf(err) == fault.Fenced {
		select {
		case r.fenced <- err:
		default: // somebody else has told
		}
		return false
	}
	if ctx.Err() != nil {
		return false
	}
	if !*failing {
		r.log.Warn("public: something does not work; will try again", "what", what, "err", err)
	}
	*failing = true
	return sleep(ctx, retryEvery)
}

// sleep waits, and is false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
