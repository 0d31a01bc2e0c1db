package actor

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// PoolConfig says how a [Pool]'s actors come and go.
type PoolConfig struct {
	Name      string        // the actors are named "Name/key"; empty is the state's type
	IdleAfter time.Duration // an actor without messages for so long, give or take some 10 ms, is stopped, see Behavior.OnIdle; 0 is never
	Mailbox   int           // queued messages an actor; 0 is Config.Mailbox
	OnRequest bool          // a message makes no actor: only Create does, and Deliver with create
}

// Validate names every field that is out of bounds.
func (c PoolConfig) Validate() error {
	var errs []error
	if c.IdleAfter < 0 {
		errs = append(errs, fmt.Errorf("actor: pool %s: IdleAfter %s is negative", c.Name, c.IdleAfter))
	}
	if c.Mailbox < 0 || c.Mailbox > maxMailbox {
		errs = append(errs, fmt.Errorf("actor: pool %s: Mailbox %d is not within 0 and %d", c.Name, c.Mailbox, maxMailbox))
	}
	return errors.Join(errs...)
}

// A Pool is a set of serial actors that are found by key: one for each player, room or guild. It is safe for concurrent use.
//
// A key has one actor at a time. While one stops, its key's next actor may already take messages, but it is loaded only after
// the old one's stop hook has returned, so it sees what that has saved. An actor that panics is removed without
// its stop hook, and the next message loads it afresh.
type Pool[K comparable, S any] struct {
	sys      *System
	cfg      PoolConfig
	load     func(ctx *Context, key K) (*S, error)
	behavior *Behavior[S]
	kind     func() *kind // freezes the behavior when it is first wanted

	seed     maphash.Seed
	shards   [poolShards]poolShard[K, S]
	draining atomic.Bool
}

const poolShards = 16

type poolShard[K comparable, S any] struct {
	mu    sync.RWMutex
	seats map[K]*seat[K, S]
}

// A seat is a pool's actor.
type seat[K comparable, S any] struct {
	cell
	pool *Pool[K, S]
	key  K
}

// NewPool makes a pool without actors. load makes the state of a key's new actor; it runs on that actor's own first turn, so it
// may block, use the Context's timers and ask others. Its error answers everybody who is queued, and the actor is removed.
// Out-of-bounds fields of cfg get their default.
func NewPool[K comparable, S any](sys *System, load func(ctx *Context, key K) (*S, error), cfg PoolConfig) *Pool[K, S] {
	p := &Pool[K, S]{sys: sys, cfg: cfg, load: load, behavior: NewBehavior[S](), seed: maphash.MakeSeed()}
	if p.cfg.Name == "" {
		p.cfg.Name = p.behavior.name
	}
	if cfg.Validate() != nil {
		p.cfg.Mailbox, p.cfg.IdleAfter = 0, max(0, cfg.IdleAfter)
	}
	p.kind = sync.OnceValue(func() *kind { return sys.kind(&p.behavior.behavior) })
	for i := range p.shards {
		p.shards[i].seats = map[K]*seat[K, S]{}
	}
	sys.enter(p)
	return p
}

// Behavior is where the handlers are registered, before the pool's first actor.
func (p *Pool[K, S]) Behavior() *Behavior[S] { return p.behavior }

// Get finds the key's actor, unless it is stopping.
func (p *Pool[K, S]) Get(key K) (Ref, bool) {
	s := p.find(key)
	if s == nil || !s.running() {
		return Ref{}, false
	}
	return Ref{&s.cell}, true
}

// Tell queues msg at the key's actor, which it makes unless the pool is OnRequest. See [Ref.Tell]; without an actor it returns
// [ErrNoActor].
func (p *Pool[K, S]) Tell(key K, msg any) error {
	return p.push(key, !p.cfg.OnRequest, envelope{msg: msg})
}

// Deliver queues msg at the key's actor, or with create at one that it makes, in one step. See [Ref.Deliver]; without an actor
// it returns [ErrNoActor].
func (p *Pool[K, S]) Deliver(key K, create bool, msg any, reply Responder, deadline time.Time) error {
	return p.push(key, create, envelope{msg: msg, reply: reply, deadline: p.sys.clock.at(deadline)})
}

// AskPool is [Ask] to the key's actor, which it makes unless the pool is OnRequest.
func AskPool[R any, K comparable, S any](ctx context.Context, p *Pool[K, S], key K, msg Request[R]) (R, error) {
	var target *cell
	if s := p.find(key); s != nil {
		target = &s.cell
	}
	reply, err := p.sys.ask(ctx, target, msg, func(e envelope) error { return p.push(key, !p.cfg.OnRequest, e) })
	return answer[R](msg, reply, err)
}

// Create finds or makes the key's actor, which begins to load at once. It does not wait for that. The only error is
// [ErrStopped].
func (p *Pool[K, S]) Create(key K) (Ref, error) {
	for {
		s := p.find(key)
		if s != nil && s.running() {
			return Ref{&s.cell}, nil
		}
		s, made, err := p.make(key, s)
		if err != nil {
			return Ref{}, err
		}
		if made {
			s.release(free)
			return Ref{&s.cell}, nil
		}
	}
}

// Remove stops the key's actor after its queued work. It does not wait: see [Ref.Done].
func (p *Pool[K, S]) Remove(key K) {
	if s := p.find(key); s != nil {
		s.stop()
	}
}

// Len is the number of actors, with those that are stopping.
func (p *Pool[K, S]) Len() int {
	n := 0
	for i := range p.shards {
		h := &p.shards[i]
		h.mu.RLock()
		n += len(h.seats)
		h.mu.RUnlock()
	}
	return n
}

// Range calls fn for the actors that were there when it began, until fn returns false. fn may use the pool.
func (p *Pool[K, S]) Range(fn func(K, Ref) bool) {
	for _, s := range p.all() {
		if !fn(s.key, Ref{&s.cell}) {
			return
		}
	}
}

// Drain ends the pool: it refuses new work, stops all actors after their queued work, and waits for them or for the end of ctx,
// which is then its error.
func (p *Pool[K, S]) Drain(ctx context.Context) error {
	p.draining.Store(true)
	seats := p.all()
	for _, s := range seats {
		s.stop()
	}
	for _, s := range seats {
		select {
		case <-s.done():
		case <-ctx.Done():
			return fmt.Errorf("actor: drain pool %s: %d actors left: %w", p.cfg.Name, p.Len(), context.Cause(ctx))
		}
	}
	p.sys.exit(p)
	return nil
}

func (p *Pool[K, S]) shard(key K) *poolShard[K, S] {
	return &p.shards[maphash.Comparable(p.seed, key)%poolShards]
}

func (p *Pool[K, S]) find(key K) *seat[K, S] {
	h := p.shard(key)
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.seats[key]
}

func (p *Pool[K, S]) all() []*seat[K, S] {
	var seats []*seat[K, S]
	for i := range p.shards {
		h := &p.shards[i]
		h.mu.RLock()
		for _, s := range h.seats {
			seats = append(seats, s)
		}
		h.mu.RUnlock()
	}
	return seats
}

// push queues e at the key's actor. When that has begun to stop, e goes to the next one, if there may be a next one.
func (p *Pool[K, S]) push(key K, create bool, e envelope) error {
	for {
		s := p.find(key)
		if s == nil && !create {
			if p.draining.Load() {
				return ErrStopped
			}
			return ErrNoActor
		}
		if s != nil {
			if err := s.push(e); err != ErrStopped || !create {
				return err
			}
		}
		if _, _, err := p.make(key, s); err != nil {
			return err
		}
	}
}

// make puts a new actor on the key's seat, unless somebody else than old (nil: nobody) has it by now. It does not start it.
func (p *Pool[K, S]) make(key K, old *seat[K, S]) (s *seat[K, S], made bool, err error) {
	h := p.shard(key)
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.seats[key]; now != nil && now != old {
		return now, false, nil
	}
	if p.draining.Load() {
		return nil, false, ErrStopped
	}
	s = &seat[K, S]{pool: p, key: key, cell: cell{
		sys:      p.sys,
		kind:     p.kind(),
		capacity: int32(p.sys.mailbox(p.cfg.Mailbox)),
		limit:    1,
		most:     1,
	}}
	s.origin = s
	if old != nil {
		s.hold = afterOther
	}
	if err := p.sys.add(&s.cell); err != nil {
		return nil, false, err
	}
	if p.cfg.IdleAfter > 0 {
		s.watch(p.cfg.IdleAfter)
	}
	if old != nil && !old.bequeath(&s.cell) {
		s.release(afterOther)
	}
	h.seats[key] = s
	return s, true, nil
}

func (s *seat[K, S]) load(ctx *Context) (any, error) { return s.pool.load(ctx, s.key) }

func (s *seat[K, S]) label() string { return fmt.Sprintf("%s/%v", s.pool.cfg.Name, s.key) }

// forget frees the seat, unless the next actor has it.
func (s *seat[K, S]) forget() {
	h := s.pool.shard(s.key)
	h.mu.Lock()
	if h.seats[s.key] == s {
		delete(h.seats, s.key)
	}
	h.mu.Unlock()
}
