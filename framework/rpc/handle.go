package rpc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
)

// An endpoint is a method that this node serves.
type endpoint struct {
	*method
	stats *methodStats
	// accept decodes the body, which is valid during the call only, and hands the request on, with its deadline by the RPC's clock; 0 is none. With an error, no handler gets to see it
	// and Respond is not called.
	accept func(in *inbound, deadline time.Duration, body []byte) error
	shared bool // accept keeps nothing in the inbound, so that one may stand for all sends of a link
}

// A HandleOption changes how a method is served.
type HandleOption func(*handling)

type handling struct {
	concurrent int
	queue      int
	create     bool
	inline     bool
}

// Concurrent bounds how many goroutines work on one method at a time; for [HandleFunc]. Default 256.
func Concurrent(n int) HandleOption { return func(h *handling) { h.concurrent = n } }

// Queue bounds how many requests of one method may wait for a goroutine; more are Overloaded. For [HandleFunc]. Default 1024.
func Queue(n int) HandleOption { return func(h *handling) { h.queue = n } }

// Inline runs the function on the link's reader, with no goroutine in between, in the order of arrival: the quickest answer there is, for a function that surely never blocks, not on a lock, a
// channel, a call or a file. While it runs, nothing else that comes over the link is read. For [HandleFunc], where Concurrent and Queue then mean nothing.
func Inline() HandleOption { return func(h *handling) { h.inline = true } }

// Create lets requests make the key's actor; for [Handle]. Without it, a key without an actor is answered with fault.NotOwner.
func Create() HandleOption { return func(h *handling) { h.create = true } }

func handlingOf(opts []HandleOption) handling {
	h := handling{concurrent: 256, queue: 1024}
	for _, opt := range opts {
		opt(&h)
	}
	return h
}

// HandleFunc serves a method with a function, which runs on goroutines of its own, several at a time, in no order. Its ctx has the call's deadline and ends when the caller cancels, the
// link breaks or fn returns.
//
// Registration, here and in the other functions, panics when the node serves the method already, or another whose name has the same hash: programmer's errors.
func HandleFunc[Req, Resp proto.Message](h Host, m MethodDef[Req, Resp], fn func(ctx context.Context, req Req) (Resp, error), opts ...HandleOption) {
	o := handlingOf(opts)
	run := func(ctx context.Context, msg proto.Message) (proto.Message, error) { return fn(ctx, msg.(Req)) }
	w := newWorkers(o.concurrent, o.queue, run)
	request := codecOf[Req]()
	register(h, m.method, false, func(in *inbound, deadline time.Duration, body []byte) error {
		req, err := request.decode(body)
		if err != nil {
			return undecodable(m.method, err)
		}
		in.msg = req
		in.ctx = &callContext{from: in.from, call: in.call, deadline: deadline, span: in.span}
		if o.inline {
			w.serve(in)
			return nil
		}
		return w.submit(in)
	})
}

// HandleActor serves a method with one actor: fn runs on its turn, in the order of arrival. b is the actor's behavior, which takes handlers only until the actor is spawned, and one for each request
// type; so to says later which actor it is. It is asked for each request, on the link's reader, and returns at once. While it returns the zero Ref, requests are Unavailable.
func HandleActor[S any, Req, Resp proto.Message](h Host, to func() actor.Ref, b *actor.Behavior[S], m MethodDef[Req, Resp], fn func(*S, *actor.Context, Req) (Resp, error)) {
	actor.Handle(b, fn)
	request := codecOf[Req]()
	register(h, m.method, true, func(in *inbound, deadline time.Duration, body []byte) error {
		req, err := request.decode(body)
		if err != nil {
			return undecodable(m.method, err)
		}
		return to().Deliver(req, in, in.from.rpc.time(deadline))
	})
}

// Handle serves a keyed method with the actor of the key: fn runs on its turn, in the order of arrival. A key that has no actor here is answered with fault.NotOwner, unless [Create] is given. The
// pool's behavior may serve only one method for each request type.
func Handle[K ~int64, S any, Req, Resp proto.Message](h Host, pool *actor.Pool[K, S], m KeyedDef[K, Req, Resp], fn func(*S, *actor.Context, Req) (Resp, error), opts ...HandleOption) {
	o := handlingOf(opts)
	actor.Handle(pool.Behavior(), fn)
	request := codecOf[Req]()
	register(h, m.method, true, func(in *inbound, deadline time.Duration, body []byte) error {
		req, err := request.decode(body)
		if err != nil {
			return undecodable(m.method, err)
		}
		key := m.key(req)
		err = pool.Deliver(key, o.create, req, in, in.from.rpc.time(deadline))
		if errors.Is(err, actor.ErrNoActor) {
			return fault.Errorf(fault.NotOwner, "%d is not here", int64(key))
		}
		return err
	})
}

func undecodable(m *method, err error) error {
	return fault.Wrap(err, fault.Invalid, "the request of "+m.name+" cannot be decoded")
}

func register(h Host, m *method, shared bool, accept func(*inbound, time.Duration, []byte) error) {
	r := h.RPC()
	r.mu.Lock()
	defer r.mu.Unlock()
	old := *r.endpoints.Load()
	if e := old[m.hash]; e != nil {
		if e.name == m.name {
			panic(fmt.Sprintf("rpc: %s is served twice", m.name))
		}
		panic(fmt.Sprintf("rpc: %s and %s have the same hash: rename one", m.name, e.name))
	}
	next := maps.Clone(old)
	next[m.hash] = &endpoint{method: m, stats: r.stats.of(m), accept: accept, shared: shared}
	r.endpoints.Store(&next)
}
