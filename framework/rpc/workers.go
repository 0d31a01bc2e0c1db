package rpc

import (
	"context"
	"runtime/debug"
	"sync"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
)

// workers run one method's function on a bounded number of goroutines, which come when there is work and go when there is none.
type workers struct {
	run   func(context.Context, proto.Message) (proto.Message, error)
	loop  func() // w.work as a value, made once: a go statement with it does not allocate
	limit int

	max int // requests that run and wait, together

	mu    sync.Mutex
	busy  int        // goroutines
	fresh bool       // one of them was started and has not taken its first request
	held  int        // requests that run or wait
	queue []*inbound // ring of those that wait
	head  int
	count int
}

func newWorkers(limit, queue int, run func(context.Context, proto.Message) (proto.Message, error)) *workers {
	w := &workers{run: run, limit: max(1, limit)}
	w.max = w.limit + max(0, queue)
	w.queue = make([]*inbound, 16)
	w.loop = w.work
	return w
}

// submit queues a request, and gives it a goroutine if there may be one more.
func (w *workers) submit(in *inbound) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held >= w.max {
		return fault.Errorf(fault.Overloaded, "%s: %d requests are under way already", in.endpoint.name, w.held)
	}
	w.held++
	if in.call != 0 {
		in.from.cancels.add(in.ctx)
	}
	in.waited = w.held > w.limit
	w.push(in)
	w.grow()
	return nil
}

// grow starts a goroutine if requests wait and none is on its way to them. That one starts the next when it takes its first request, so that functions which do not block are
// served by few goroutines, and one that blocks holds up nobody. With the lock held.
func (w *workers) grow() {
	if w.count > 0 && !w.fresh && w.busy < w.limit {
		w.fresh = true
		w.busy++
		go w.loop()
	}
}

func (w *workers) push(in *inbound) {
	if w.count == len(w.queue) {
		grown := make([]*inbound, 2*len(w.queue))
		n := copy(grown, w.queue[w.head:])
		copy(grown[n:], w.queue[:w.head])
		w.queue, w.head = grown, 0
	}
	w.queue[(w.head+w.count)%len(w.queue)] = in
	w.count++
}

// next is a request to work on; nil ends the goroutine. first: it has not served one yet.
func (w *workers) next(first bool) *inbound {
	w.mu.Lock()
	defer w.mu.Unlock()
	if first {
		w.fresh = false
	} else {
		w.held--
	}
	if w.count == 0 {
		w.busy--
		return nil
	}
	in := w.queue[w.head]
	w.queue[w.head] = nil
	w.head = (w.head + 1) % len(w.queue)
	w.count--
	w.grow()
	return in
}

func (w *workers) work() {
	over := false
	defer func() {
		if !over { // a handler ended this goroutine: another takes its place
			w.mu.Lock()
			w.held--
			w.mu.Unlock()
			go w.loop()
		}
	}()
	for in := w.next(true); in != nil; in = w.next(false) {
		w.serve(in)
	}
	over = true
}

func (w *workers) serve(in *inbound) {
	var reply proto.Message
	var err error = errGoexit
	defer func() {
		if v := recover(); v != nil {
			in.from.rpc.log.Error("handler panicked", "method", in.endpoint.name, "panic", v, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "internal error")
		}
		in.ctx.cut()
		if in.call != 0 {
			in.from.cancels.remove(in.ctx)
		}
		in.Respond(reply, err)
	}()
	if in.waited && in.ctx.late() { // nobody waits for what it would do
		err = errTimeout
		return
	}
	reply, err = w.run(in.ctx, in.msg)
}

var errGoexit = fault.New(fault.Internal, "the handler ended its goroutine")
