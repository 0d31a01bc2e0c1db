package rpc

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
)

// Circuits go out of use while they are in use all the time: every call is answered, every send arrives once, and no handler is cut short.
func TestNothingIsLostWhenCircuitsRetire(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	caller, callee, relay := newNode(t, view, 1, "caller", calm, usesRelays), newNode(t, view, 2, "echo", calm), newNode(t, view, firstRelay, "relay", calm, isRelay)
	view.Set(callee.member, relay.member)
	var arrived, cut atomic.Int64
	HandleFunc(callee, echo, func(_ context.Context, m *text) (*text, error) { return m, nil })
	HandleFunc(callee, again, func(ctx context.Context, m *text) (*text, error) {
		runtime.Gosched()
		if ctx.Err() != nil {
			cut.Add(1)
		}
		arrived.Add(1)
		return m, nil
	}, Queue(1<<16))
	stop, stopped := make(chan struct{}), make(chan struct{})
	retired := 0
	go func() { // the adversary
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			p, err := caller.rpc.nodeOf(caller.rpc.current(), 2, 0)
			if err != nil {
				t.Error(err)
				return
			}
			if c := p.live.Load(); c != nil {
				p.retire(c)
				retired++
			}
			p.sweepRetired()
			runtime.Gosched()
		}
	}()
	const callers, each = 4, 300
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := range each {
				if err := again.Send(t.Context(), caller.rpc, &text{}, To(2)); err != nil {
					t.Errorf("send: %v", err)
				}
				value := fmt.Sprint(i, j)
				if reply, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String(value), To(2)); err != nil || reply.Value != value {
					t.Errorf("call %s: %v, %v", value, reply, err)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	<-stopped
	eventually(t, "arrived", func() bool { return arrived.Load() == callers*each })
	settled(t, caller, callee, relay)
	if cut.Load() != 0 || retired == 0 {
		t.Errorf("%d handlers were cut, %d circuits retired", cut.Load(), retired)
	}
}

// Whoever looked up a circuit just before it went out of use is not the worse for it.
func TestRetiredCircuitIsLeft(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(context.Context, *RPC) error{
		"call": func(ctx context.Context, r *RPC) error { _, err := echo.Call(ctx, r, &text{}, To(2)); return err },
		"send": func(ctx context.Context, r *RPC) error { return echo.Send(ctx, r, &text{}, To(2)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			view := cluster.NewStatic()
			caller, callee, relay := newNode(t, view, 1, "caller", calm, usesRelays), newNode(t, view, 2, "echo", calm), newNode(t, view, firstRelay, "relay", calm, isRelay)
			view.Set(callee.member, relay.member)
			var arrived atomic.Int64
			HandleFunc(callee, echo, func(_ context.Context, m *text) (*text, error) { arrived.Add(1); return m, nil })
			if _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(2)); err != nil {
				t.Fatal(err)
			}
			p, err := caller.rpc.nodeOf(caller.rpc.current(), 2, 0)
			if err != nil {
				t.Fatal(err)
			}
			c := p.live.Load() // stays what is found, until the others look again
			if !c.calls.closeEmpty(errRetired) {
				t.Fatal("a call is in flight")
			}
			c.hangUp(errRetired)
			errs := make(chan error, 1)
			ctx := asked{t.Context(), make(chan struct{}, 1)}
			go func() { errs <- use(ctx, caller.rpc) }()
			<-ctx.asked
			for range 100 {
				runtime.Gosched()
			}
			p.live.CompareAndSwap(c, nil)
			if err := <-errs; err != nil {
				t.Error(err)
			}
			eventually(t, "arrived", func() bool { return arrived.Load() == 2 })
			settled(t, caller, callee, relay)
		})
	}
}

// asked says when it was first asked for its deadline.
type asked struct {
	context.Context
	asked chan struct{}
}

func (a asked) Deadline() (time.Time, bool) {
	select {
	case a.asked <- struct{}{}:
	default:
	}
	return a.Context.Deadline()
}
