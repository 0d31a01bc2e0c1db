package actor

import (
	"fmt"
	"reflect"
	"sync"
)

// A Behavior is what one kind of actor does: a handler for each type of message. S is the actors' state. Handlers are registered
// with [Handle] and [HandleTell] before the first actor is made; later, and twice for one type, is a programmer's error
// and panics. One Behavior serves any number of actors, in any number of systems.
type Behavior[S any] struct{ behavior }

// NewBehavior makes a Behavior without handlers.
func NewBehavior[S any]() *Behavior[S] {
	return &Behavior[S]{behavior{name: typeName(reflect.TypeFor[S]()), handlers: map[reflect.Type]*handler{}}}
}

// Handle has fn handle messages of type M; its result answers whoever asked. An error answers instead of the R. M is a
// concrete type: send pointers, which cost no allocation. fn alone has the *S while it runs, unless the actor was made
// Concurrent.
func Handle[S, M, R any](b *Behavior[S], fn func(*S, *Context, M) (R, error)) {
	b.register(&handler{
		message: reflect.TypeFor[M](),
		reply:   reflect.TypeFor[R](),
		invoke: func(state any, ctx *Context, msg any) (any, error) {
			reply, err := fn(state.(*S), ctx, msg.(M))
			if err != nil {
				return nil, err
			}
			return reply, nil
		},
	})
}

// HandleTell has fn handle messages of type M, which have no reply. An error is counted and logged; somebody who asked all
// the same gets the error, or nil.
func HandleTell[S, M any](b *Behavior[S], fn func(*S, *Context, M) error) {
	b.register(&handler{
		message: reflect.TypeFor[M](),
		invoke: func(state any, ctx *Context, msg any) (any, error) {
			return nil, fn(state.(*S), ctx, msg.(M))
		},
	})
}

// OnStop has fn run as the last thing on the actor's turn when it stops, after its queued work. It does not run after a
// panic, nor when the state was never loaded. It may Ask others.
func (b *Behavior[S]) OnStop(fn func(*S, *Context)) {
	b.hook(func() { b.onStop = func(state any, ctx *Context) { fn(state.(*S), ctx) } })
}

// OnIdle has fn decide, on the actor's turn, whether an actor that got no message for its pool's IdleAfter may stop. If it
// returns false it is asked again after another IdleAfter.
func (b *Behavior[S]) OnIdle(fn func(*S, *Context) bool) {
	b.hook(func() { b.onIdle = func(state any, ctx *Context) bool { return fn(state.(*S), ctx) } })
}

// behavior is a Behavior without its type parameter.
type behavior struct {
	name string // the state's type: the "actor" label of metrics

	mu       sync.Mutex
	frozen   bool
	handlers map[reflect.Type]*handler
	onStop   func(state any, ctx *Context)
	onIdle   func(state any, ctx *Context) bool
}

// A handler is one registered function. state is a *S.
type handler struct {
	message reflect.Type
	reply   reflect.Type // nil for a tell
	invoke  func(state any, ctx *Context, msg any) (any, error)
}

func (b *behavior) register(h *handler) {
	if h.message.Kind() == reflect.Interface {
		panic(fmt.Sprintf("actor: a handler of %s takes the interface %s; messages are told apart by concrete types", b.name, h.message))
	}
	b.hook(func() {
		if b.handlers[h.message] != nil {
			panic(fmt.Sprintf("actor: %s has two handlers for %s", b.name, h.message))
		}
		b.handlers[h.message] = h
	})
}

func (b *behavior) hook(set func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.frozen {
		panic("actor: the behavior of " + b.name + " was changed after its first actor was made")
	}
	set()
}

// freeze ends registration. What it guards may be read without a lock from then on.
func (b *behavior) freeze() {
	b.mu.Lock()
	b.frozen = true
	b.mu.Unlock()
}

// typeName is t without a pointer's star, as logs and metrics show it.
func typeName(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "nil"
	}
	return t.String()
}
