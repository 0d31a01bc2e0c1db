package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/id"
	"loumiao/framework/store"
)

// A Singleton has one active holder in the stack; the others stand by. Whoever becomes active gets a new epoch, with which it fences its
// writes (see [Fence]): a holder that was paused may still run for a moment, and has no effect.
type Singleton struct {
	stores *store.Stores
	name   string
	owner  string
	node   string
	boot   string
	cfg    Config
	log    *slog.Logger
	onHeld func()
}

// NewSingleton prepares to be the one holder of name. Its epochs are in table fences of the tables' owner whose writes they fence. cfg must be
// valid.
func NewSingleton(stores *store.Stores, name, owner string, node id.Node, boot id.Boot, cfg Config, log *slog.Logger) *Singleton {
	return &Singleton{
		stores: stores, name: name, owner: owner, cfg: cfg.withDefaults(), log: log, onHeld: func() {},
		node: node.String(), boot: boot.String(),
	}
}

func (s *Singleton) key() string { return s.stores.Key("singleton", "{"+s.name+"}") }

// OnHeld has fn called each time a campaign finds that another holds the lease. It is for before Run, on whose goroutine fn runs.
func (s *Singleton) OnHeld(fn func()) { s.onHeld = fn }

// Run campaigns until it holds the lease, and then calls lead with a new epoch. lead's context ends when the lease is lost, or ctx is; lead
// must then return soon. When it returned because the lease was lost, Run campaigns again; otherwise Run releases the lease and returns
// lead's error, or nil when ctx has ended.
func (s *Singleton) Run(ctx context.Context, lead func(ctx context.Context, epoch uint64) error) error {
	db, err := s.stores.SQL(s.owner)
	if err != nil {
		return fmt.Errorf("lease: singleton %q: %w", s.name, err)
	}
	for {
		began, ok, err := s.acquire(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("singleton: campaign failed", "name", s.name, "err", err)
		}
		if err == nil && !ok {
			s.onHeld()
		}
		if ok {
			epoch, err := NextEpoch(ctx, db, s.name)
			switch {
			case err != nil && ctx.Err() == nil:
				s.log.Warn("singleton: no epoch", "name", s.name, "err", err)
				s.release(ctx)
			case err == nil:
				err, lost := s.lead(ctx, began, epoch, lead)
				if !lost {
					s.release(ctx)
					if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
						return nil
					}
					return err
				}
			}
		}
		// A random part, so that those who stand by do not all ask at once.
		pause := time.NewTimer(s.cfg.Renew/2 + rand.N(s.cfg.Renew/2))
		select {
		case <-ctx.Done():
			pause.Stop()
			if ok {
				s.release(ctx)
			}
			return nil
		case <-pause.C:
		}
	}
}

// acquire takes the lease if it is free, or this boot's already. It counts from began, before the call.
func (s *Singleton) acquire(ctx context.Context) (began time.Time, ok bool, err error) {
	began = time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Renew)
	defer cancel()
	ok, err = holdScript.Run(ctx, s.stores.Redis(), []string{s.key()}, s.node, s.boot, s.cfg.TTL.Milliseconds()).Bool()
	return began, ok, err
}

// holdScript takes or prolongs a lease that is free, the holder's own, or an older boot's of the same node: that one is dead, or fenced by the
// new epoch. Boots are hexadecimal numbers.
var holdScript = redis.NewScript(`
local held = redis.call('GET', KEYS[1])
local mine = ARGV[1] .. ' ' .. ARGV[2]
if held and held ~= mine then
	local node, boot = string.match(held, '^(%d+) (%x+)$')
	local older = boot and (#boot < #ARGV[2] or #boot == #ARGV[2] and boot < ARGV[2])
	if node ~= ARGV[1] or not older then return 0 end
end
redis.call('SET', KEYS[1], mine, 'PX', ARGV[3])
return 1`)

// lead runs the holder while this goroutine renews the lease.
func (s *Singleton) lead(ctx context.Context, began time.Time, epoch uint64, lead func(context.Context, uint64) error) (err error, lost bool) {
	s.log.Info("singleton: active", "name", s.name, "epoch", epoch)
	leading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- lead(leading, epoch) }()

	usable := s.cfg.TTL - s.cfg.Margin
	ticker := time.NewTicker(s.cfg.Renew)
	defer ticker.Stop()
	end := time.NewTimer(usable - time.Since(began))
	defer end.Stop()
	for {
		select {
		case err := <-done:
			return err, false
		case <-end.C:
		case <-ticker.C:
			if time.Since(began) >= usable {
				break // it was paused: others may have led since, and gone
			}
			renewed, ok, err := s.acquire(ctx)
			if ok {
				began = renewed
				end.Reset(usable - time.Since(began))
				continue
			}
			if err != nil {
				continue // until the end of the lease, the next renewal may succeed
			}
		}
		s.log.Warn("singleton: lease lost", "name", s.name, "epoch", epoch)
		cancel(ErrFenced)
		err := <-done
		if err != nil && !errors.Is(err, context.Canceled) {
			s.log.Warn("singleton: stopped with an error after its lease was lost", "name", s.name, "err", err)
		}
		return nil, true
	}
}

// release gives the lease up at once. When it cannot, the lease ends by itself.
func (s *Singleton) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Renew)
	defer cancel()
	if err := deleteScript.Run(ctx, s.stores.Redis(), []string{s.key()}, s.node+" "+s.boot).Err(); err != nil {
		s.log.Warn("singleton: lease not released", "name", s.name, "err", err)
	}
}
