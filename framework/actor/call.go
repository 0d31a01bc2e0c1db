package actor

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/trace"
)

// A call is an Ask that waits. It is recycled, unless something that outlives it might still look at it.
type call struct {
	state atomic.Uint32
	msg   any
	err   error
	done  chan struct{} // receives when msg and err are there, and for a nudge
	alarm alarm
	wheel *wheel // of the alarm; sync.Pool keeps calls near a core, and so their wheel
	nudge bool   // the alarm does not end the call, but wakes the caller

	// The chain of calls: the actor whose handler asks, and the call that it is handling. nil for what comes from elsewhere.
	from   *cell
	parent *call
	span   trace.Span  // that the asker works in
	kept   atomic.Bool // something further down the chain was given up, is perhaps still queued, and links to here
}

// The states of a call, in order. It ends in one of the last two.
const (
	pending   uint32 = iota
	settling         // msg and err are being set
	answered         // by the callee
	abandoned        // by the caller: what it sent may still be queued
)

// Respond is how the callee ends the call, unless the caller has.
func (k *call) Respond(msg any, err error) { k.settle(answered, msg, err) }

// Span makes a call a trace.Carrier.
func (k *call) Span() trace.Span { return k.span }

// expire ends the call at its deadline, or wakes the caller.
func (k *call) expire() {
	if k.nudge {
		k.done <- struct{}{}
		return
	}
	k.settle(abandoned, nil, fault.Wrap(context.DeadlineExceeded, fault.Deadline, "no answer in time"))
}

func (k *call) settle(as uint32, msg any, err error) {
	if k.state.CompareAndSwap(pending, settling) {
		k.msg, k.err = msg, err
		k.state.Store(as)
		k.done <- struct{}{}
	}
}

// inattention is how long an Ask may fail to notice that its context was cancelled. Most calls are over by then, and waiting for
// one channel is much cheaper than for two.
const inattention = 5 * time.Millisecond

// ask queues msg with send and waits for the answer. target is who will get it, as far as that is known.
func (s *System) ask(ctx context.Context, target *cell, msg any, send func(envelope) error) (any, error) {
	within, direct := ctx.(*Context)
	if !direct {
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		within, _ = ctx.Value(contextKey{}).(*Context)
	}
	k := s.call()
	if within != nil {
		if err := within.cycle(target); err != nil {
			s.calls.Put(k)
			return nil, err
		}
		k.from, k.parent = within.cell, within.call()
	}

	if s.cfg.Traced {
		k.span = trace.From(ctx)
	}
	now := s.clock.coarse()
	deadline := now + int64(s.cfg.AskTimeout)
	alarm := deadline
	if direct { // its Done would cost a context, and could only tell of the same deadline
		if within.deadline != 0 {
			deadline, alarm = within.deadline, within.deadline
		}
	} else {
		if t, ok := ctx.Deadline(); ok {
			deadline = s.clock.at(t)
		}
		if k.nudge = ctx.Done() != nil; k.nudge {
			alarm = min(deadline, now+int64(inattention))
		}
	}
	if !k.wheel.arm(&k.alarm, alarm, k) {
		return nil, ErrStopped // the system has given up on its actors
	}
	if err := send(envelope{msg: msg, reply: k, deadline: deadline}); err != nil {
		k.state.Store(answered)
		s.hangUp(k)
		return nil, err
	}
	<-k.done
	if k.state.Load() < answered { // only a nudge
		k.listen(ctx, deadline)
	}
	reply, err := k.msg, k.err
	s.hangUp(k)
	return reply, err
}

// listen waits for what comes first: the answer, the end of ctx, or the deadline.
func (k *call) listen(ctx context.Context, deadline int64) {
	k.nudge = false
	if _, own := ctx.Deadline(); !own && !k.wheel.arm(&k.alarm, deadline, k) {
		k.settle(abandoned, nil, ErrStopped)
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		k.settle(abandoned, nil, ended(ctx))
		<-k.done
	}
}

// call is a fresh call.
func (s *System) call() *call {
	k, _ := s.calls.Get().(*call)
	if k == nil {
		k = &call{done: make(chan struct{}, 2)} // an answer and a nudge
		k.wheel = s.wheels[int(s.made.Add(1))%len(s.wheels)]
	}
	return k
}

// hangUp recycles a call that is over, unless its alarm has gone off or its message may still be queued.
func (s *System) hangUp(k *call) {
	silent := k.wheel.disarm(&k.alarm)
	over := k.state.Load() == answered
	if over && silent && !k.kept.Load() {
		k.msg, k.err, k.from, k.parent, k.span = nil, nil, nil, nil, trace.Span{}
		k.state.Store(pending)
		s.calls.Put(k)
	} else if k.parent != nil && (!over || k.kept.Load()) {
		k.parent.kept.Store(true)
	}
}

// call is the Ask that the handler answers; nil for other messages.
func (c *Context) call() *call {
	if c.deferred {
		return nil // it may be answered any time, so it is no link of the chain
	}
	k, _ := c.reply.(*call)
	return k
}

// cycle is an error if target waits, through a chain of calls, for this very handler. A concurrent actor may be in the chain as
// often as it has handlers.
func (c *Context) cycle(target *cell) error {
	times := 0
	chain := []string(nil)
	for at, k := c.cell, c.call(); at != nil; at, k = k.from, k.parent {
		if at == target {
			times++
		}
		if k == nil {
			break
		}
	}
	if times == 0 || times < int(target.most) {
		return nil
	}
	for at, k := c.cell, c.call(); at != nil; at, k = k.from, k.parent {
		chain = append(chain, at.label())
		if k == nil {
			break
		}
	}
	slices.Reverse(chain)
	return &CycleError{Chain: append(chain, target.label())}
}
