package rpc

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/trace"
)

// call makes a call, trying again where that is allowed. With no error, w holds the reply and is to be released.
func (r *RPC) call(ctx context.Context, m *method, req proto.Message, to Target) (w *pending, err error) {
	if r.invalid != nil {
		return nil, r.invalid
	}
	if to.kind == toAll {
		return nil, fault.New(fault.Invalid, "a call has one answer: use Send or CallAll for all nodes")
	}
	stats, start := r.stats.of(m), r.clock()
	span := r.span(ctx, m)
	w, err = r.callTarget(ctx, m, stats, req, to, span)
	span.End(err)
	end := time.Duration(0)
	if err == nil {
		end = w.ended
	} else {
		end = r.clock()
	}
	stats.called(fault.CodeOf(err), end-start)
	return w, err
}

// span is one for a call or a send, whatever it takes, if ctx belongs to a trace.
func (r *RPC) span(ctx context.Context, m *method) trace.Span {
	if r.cfg.Tracer == nil {
		return trace.Span{}
	}
	return trace.From(ctx).Child(trace.Client, m.name)
}

func (r *RPC) callTarget(ctx context.Context, m *method, stats *methodStats, req proto.Message, to Target, span trace.Span) (*pending, error) {
	var tried tries
	for {
		p, err := r.pick(ctx, m, stats, to, &tried)
		if err != nil {
			return nil, err
		}
		if p == nil {
			if err := r.waitForType(ctx, m.typ); err != nil {
				return nil, err
			}
			continue
		}
		w, unsent, err := r.callPeer(ctx, m, req, p, span)
		if err == nil {
			return w, nil
		}
		tried.add(p)
		if tried.n == maxTries || !mayRetry(m, to, err, unsent, tried.n) || pause(ctx, to, tried.n) != nil {
			return nil, err
		}
		if to.kind == toOwner {
			if f, ok := r.cfg.Owners.(Forgetter); ok {
				f.Forget(int64(to.key), p.Node, p.Boot)
			}
		}
	}
}

// mayRetry says whether a call that failed for the n-th time may be tried again. unsent: it surely reached no handler.
func mayRetry(m *method, to Target, err error, unsent bool, n int) bool {
	code := fault.CodeOf(err)
	switch {
	case code == fault.Deadline || code == fault.Cancelled:
		return false
	case to.kind == toOwner && code == fault.NotOwner:
		return n == 1
	case unsent && (to.kind == toAny || to.kind == toKey):
		// An overloaded node's load must not be multiplied: one other node is asked, not all.
		return code == fault.Unavailable || code == fault.Lost || code == fault.Overloaded && n == 1
	}
	return m.idempotent && (code == fault.Lost || code == fault.Unavailable)
}

// pause waits a little before a node is tried again, so that it may come back; another node is tried at once.
func pause(ctx context.Context, to Target, n int) error {
	if to.kind == toAny || to.kind == toKey || to.kind == toOwner {
		return ctx.Err()
	}
	d := time.Duration(n) * firstBackoff
	timer := time.NewTimer(d + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pick is the node to try next; nil when none is ready.
func (r *RPC) pick(ctx context.Context, m *method, stats *methodStats, to Target, tried *tries) (*peer, error) {
	rt := r.current()
	var p *peer
	switch to.kind {
	case toAny:
		p = pickAny(r.groupOf(rt, m, stats).serving(), tried)
	case toKey:
		p = pickKey(r.groupOf(rt, m, stats).serving(), to.key, tried)
	case toNode:
		return r.nodeOf(rt, id.Node(to.key), 0)
	case toOwner:
		if r.cfg.Owners == nil {
			return nil, fault.New(fault.Unavailable, "this node knows no owners")
		}
		node, boot, err := r.cfg.Owners.Owner(ctx, int64(to.key))
		if err != nil {
			return nil, err
		}
		return r.nodeOf(rt, node, boot)
	}
	return p, nil
}

func (r *RPC) nodeOf(rt *routes, node id.Node, boot id.Boot) (*peer, error) {
	p := rt.byNode[node]
	if node == r.cfg.Self.Node {
		p = r.own // also while membership does not show it
	}
	if p == nil || boot != 0 && p.Boot != boot {
		return nil, fault.Errorf(fault.Unavailable, "node %v is not there", node)
	}
	return p, nil
}

// callPeer makes one attempt. unsent: the request surely reached no handler.
func (r *RPC) callPeer(ctx context.Context, m *method, req proto.Message, p *peer, span trace.Span) (w *pending, unsent bool, err error) {
	if ctx.Err() != nil {
		return nil, true, ended(ctx)
	}
	timeout, expire := r.cfg.CallTimeout, uint32(0)
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(time.Until(deadline), time.Microsecond)
	} else {
		expire = r.sweep.expiry(timeout)
	}
	var c *caller
	var call uint64
	for {
		if c, err = p.connect(ctx); err != nil {
			return nil, true, err
		}
		if w, err = c.calls.add(expire); err == nil {
			call = w.number
			if expire != 0 {
				r.sweep.ensure(r)
			}
			if err = c.request(kindCall, call, m, timeout, req, span); err == nil {
				break
			}
			if c.calls.take(call) == nil {
				<-w.done // it was ended by somebody else meanwhile
			}
			w.release()
		}
		if err != errRetired {
			return nil, true, err
		}
	}
	if done := ctx.Done(); done == nil {
		<-w.done
	} else {
		select {
		case <-w.done:
		case <-done:
			if c.calls.take(call) == nil {
				<-w.done // somebody was faster
				break
			}
			w.release()
			err := ended(ctx)
			c.cancel(call)
			return nil, false, err
		}
	}
	if w.err != nil {
		unsent, err = w.refused, w.err
		w.release()
		return nil, unsent, err
	}
	return w, false, nil
}

// ended is why ctx ended, as a fault.
func ended(ctx context.Context) error {
	code, text := fault.Outside(ctx.Err())
	return fault.Wrap(ctx.Err(), code, text)
}

// send hands a one-way message to a link.
func (r *RPC) send(ctx context.Context, m *method, req proto.Message, to Target) error {
	if r.invalid != nil {
		return r.invalid
	}
	stats := r.stats.of(m)
	span := r.span(ctx, m)
	err := r.sendTarget(ctx, m, stats, req, to, span)
	span.End(err)
	stats.sent(fault.CodeOf(err))
	return err
}

func (r *RPC) sendTarget(ctx context.Context, m *method, stats *methodStats, req proto.Message, to Target, span trace.Span) error {
	if to.kind == toAll {
		peers, err := r.everyone(m)
		if err != nil {
			return err
		}
		var errs []error
		for _, p := range peers {
			errs = append(errs, r.sendPeer(ctx, m, req, p, span))
		}
		return errors.Join(errs...)
	}
	var tried tries
	for {
		p, err := r.pick(ctx, m, stats, to, &tried)
		if err != nil {
			return err
		}
		if p == nil {
			return noNode(m.typ)
		}
		if err = r.sendPeer(ctx, m, req, p, span); err == nil {
			return nil
		}
		if tried.add(p); tried.n == maxTries || !mayRetry(m, to, err, true, tried.n) || pause(ctx, to, tried.n) != nil {
			return err
		}
	}
}

func (r *RPC) sendPeer(ctx context.Context, m *method, req proto.Message, p *peer, span trace.Span) error {
	var timeout time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		if timeout = time.Until(deadline); timeout <= 0 {
			return ended(ctx)
		}
	}
	for {
		c, err := p.connect(ctx)
		if err != nil {
			return err
		}
		if err = c.request(kindSend, 0, m, timeout, req, span); err != errRetired {
			return err
		}
	}
}
