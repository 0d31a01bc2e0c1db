package rpc

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/link/linktest"
)

var (
	load  = Method[*wrapperspb.BytesValue, *emptypb.Empty]("echo.Load")
	fetch = Method[*text, *wrapperspb.BytesValue]("echo.Fetch")
)

const (
	smallQueue = 256 << 10
	bigBody    = 16 << 10
	// What a proxy and the kernel keep of a connection that is held, at the very most.
	onTheWay = 32 << 20
)

// narrow is calm, with little room for what waits to be sent.
func narrow(c *Config) {
	calm(c)
	c.Links.MaxQueued = smallQueue
}

// queued is how many bytes wait on the links that a node opened.
func queued(n *testNode) int {
	total := 0
	n.rpc.mu.Lock()
	defer n.rpc.mu.Unlock()
	for _, p := range n.rpc.peers {
		if c := p.live.Load(); c != nil {
			total += c.conn.Queued()
		}
	}
	return total
}

// A peer that does not read costs its caller a bounded queue; beyond, sends are shed and go to another node. What was taken arrives, once and in order.
func TestPeerThatDoesNotReadIsShed(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	caller, slow, other := newNode(t, view, 1, "caller", narrow), newNode(t, view, 2, "echo", narrow), newNode(t, view, 3, "echo", narrow)
	p := behind(t, slow)
	view.Set(other.member)
	var next, disordered, elsewhere atomic.Int64
	b := actor.NewBehavior[sink]()
	var ref actor.Ref
	HandleActor(slow, func() actor.Ref { return ref }, b, load, func(_ *sink, _ *actor.Context, m *wrapperspb.BytesValue) (*emptypb.Empty, error) {
		if next.Add(1) != int64(m.Value[0])|int64(m.Value[1])<<8 {
			disordered.Add(1)
		}
		return &emptypb.Empty{}, nil
	})
	ref, err := actor.Spawn(slow.actors, "load", b, &sink{}, actor.Options{Mailbox: 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	HandleFunc(other, load, func(context.Context, *wrapperspb.BytesValue) (*emptypb.Empty, error) {
		elsewhere.Add(1)
		return &emptypb.Empty{}, nil
	}, Queue(1<<10))
	body := func(i int) *wrapperspb.BytesValue {
		b := bytes.Repeat([]byte{7}, bigBody)
		b[0], b[1] = byte(i), byte(i>>8)
		return wrapperspb.Bytes(b)
	}
	if err := load.Send(t.Context(), caller.rpc, body(1), To(2)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there", func() bool { return next.Load() == 1 })
	p.Hold(linktest.Up)
	sent, shed := 1, 0
	eventually(t, "full for good", func() bool {
		switch err := load.Send(t.Context(), caller.rpc, body(sent+1), To(2)); fault.CodeOf(err) {
		case fault.OK:
			shed = 0
			if sent++; sent*bigBody > onTheWay {
				t.Fatalf("%d messages of %d bytes were taken, and none is read", sent, bigBody)
			}
		case fault.Overloaded:
			shed++
		default:
			t.Fatal(err)
		}
		return shed == 50
	})
	if n := queued(caller); n > smallQueue {
		t.Errorf("%d bytes are queued, the limit is %d", n, smallQueue)
	}
	if _, err := load.Call(t.Context(), caller.rpc, body(0), To(2)); fault.CodeOf(err) != fault.Overloaded {
		t.Errorf("a call as well: %v, want overloaded", err)
	}
	for i := range int64(20) {
		if err := load.Send(t.Context(), caller.rpc, body(0), Any); err != nil {
			t.Fatalf("to any: %v", err)
		}
		eventually(t, "served by the other node", func() bool { return elsewhere.Load() == i+1 })
	}
	p.Heal()
	eventually(t, "there", func() bool { return next.Load() == int64(sent) })
	if disordered.Load() != 0 {
		t.Errorf("%d messages came out of order", disordered.Load())
	}
	settled(t, caller, slow, other)
}

// Calls that wait for a slow peer are seen by those who choose: others are preferred.
func TestCallsKeepAwayFromASlowPeer(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		view := cluster.NewStatic()
		caller, slow, other := w.newNode(t, view, 1, "caller", calm), w.newNode(t, view, 2, "echo", calm), w.newNode(t, view, 3, "echo", calm)
		p := behind(t, slow)
		view.Set(other.member)
		var elsewhere atomic.Int64
		HandleFunc(slow, echo, func(_ context.Context, m *text) (*text, error) { return m, nil })
		HandleFunc(other, echo, func(_ context.Context, m *text) (*text, error) { elsewhere.Add(1); return m, nil })
		if _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(2)); err != nil {
			t.Fatal(err)
		}
		p.Slow(linktest.Down, 1)
		const stuck = 8
		errs := make(chan error, stuck)
		for range stuck {
			go func() { _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(2)); errs <- err }()
		}
		eventually(t, "stuck", func() bool { return caller.rpc.InFlight() == stuck })
		for range 100 {
			if _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); err != nil {
				t.Fatal(err)
			}
		}
		if n := elsewhere.Load(); n != 100 {
			t.Errorf("%d of 100 calls were kept away from the slow node", n)
		}
		p.Heal()
		for range stuck {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		settled(t, caller, slow, other)
	})
}

// A caller that does not read its replies costs the callee a bounded queue; what does not fit is dropped, and those calls end by their deadline.
func TestCallerThatDoesNotReadLosesItsReplies(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	caller, server := newNode(t, view, 1, "caller", calm), newNode(t, view, 2, "echo", narrow)
	p := behind(t, server)
	const big = 64 << 10
	var answered atomic.Int64
	var link atomic.Pointer[callee]
	HandleFunc(server, fetch, func(ctx context.Context, m *text) (*wrapperspb.BytesValue, error) {
		link.Store(ctx.(*callContext).from)
		answered.Add(1)
		if m.Value == "big" {
			return wrapperspb.Bytes(make([]byte, big)), nil
		}
		return wrapperspb.Bytes([]byte(m.Value)), nil
	})
	if _, err := fetch.Call(t.Context(), caller.rpc, wrapperspb.String("small"), Any); err != nil {
		t.Fatal(err)
	}
	p.Hold(linktest.Down)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	calls := 0
	call := func() { // and wait until it was answered, in vain
		calls++
		go func() { _, err := fetch.Call(ctx, caller.rpc, wrapperspb.String("big"), Any); errs <- err }()
		eventually(t, "answered", func() bool { return answered.Load() == int64(calls)+1 && server.rpc.Running() == 0 })
	}
	conn := link.Load().conn
	for conn.Queued() < smallQueue-big {
		if call(); calls*big > onTheWay {
			t.Fatalf("%d replies of %d bytes have left, and none is read", calls, big)
		}
	}
	for range 20 {
		call()
	}
	if n := conn.Queued(); n > smallQueue {
		t.Errorf("%d bytes are queued, the limit is %d", n, smallQueue)
	}
	cancel()
	for range calls {
		if err := <-errs; fault.CodeOf(err) != fault.Cancelled {
			t.Errorf("got %v", err)
		}
	}
	p.Heal()
	if reply, err := fetch.Call(t.Context(), caller.rpc, wrapperspb.String("small"), Any); err != nil || string(reply.Value) != "small" {
		t.Errorf("afterwards: %v, %v", reply, err)
	}
	settled(t, caller, server)
}
