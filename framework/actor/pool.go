package actor

import (
	"context"
	"time"
)

// PoolConfig says how a Pool's actors run.
type PoolConfig struct {
	Name      string        // names the actors "Name/key"; empty: the state's type
	IdleAfter time.Duration // an actor without messages for so long is stopped; 0: never
	Mailbox   int           // queued messages an actor; 0: Config.Mailbox
	OnRequest bool          // only Create and Deliver with create make actors; otherwise any message does
}

// A Pool is a set of serial actors found by key. Safe for concurrent use.
type Pool[K comparable, S any] struct{}

// NewPool makes an empty Pool. load runs on the new actor's first turn and makes its state.
func NewPool[K comparable, S any](sys *System, load func(ctx *Context, key K) (*S, error), cfg PoolConfig) *Pool[K, S] {
	return &Pool[K, S]{}
}

// Behavior is where the pool's handlers are registered, before its first actor.
func (p *Pool[K, S]) Behavior() *Behavior[S] { panic("not built yet") }

// Get finds a running actor.
func (p *Pool[K, S]) Get(key K) (Ref, bool) { panic("not built yet") }

// Deliver finds the key's actor, or makes it when create is set, and queues msg there, in one step.
func (p *Pool[K, S]) Deliver(key K, create bool, msg any, reply Responder, deadline time.Time) error {
	panic("not built yet")
}

// Tell queues msg at the key's actor, which it makes unless the pool is OnRequest.
func (p *Pool[K, S]) Tell(key K, msg any) error { panic("not built yet") }

// Create finds or makes the key's actor.
func (p *Pool[K, S]) Create(key K) (Ref, error) { panic("not built yet") }

// Remove stops the key's actor after its queued work.
func (p *Pool[K, S]) Remove(key K) { panic("not built yet") }

// Drain refuses new work, stops every actor after its queued work, and waits.
func (p *Pool[K, S]) Drain(ctx context.Context) error { panic("not built yet") }

// Len is the number of actors.
func (p *Pool[K, S]) Len() int { panic("not built yet") }

// Range calls fn for actors until it returns false.
func (p *Pool[K, S]) Range(fn func(K, Ref) bool) { panic("not built yet") }

// AskPool is Ask to the key's actor, which it makes unless the pool is OnRequest.
func AskPool[R any, K comparable, S any](ctx context.Context, p *Pool[K, S], key K, msg Request[R]) (R, error) {
	panic("not built yet")
}
