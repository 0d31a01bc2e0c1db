package rpc

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/link/linktest"
)

func isRelay(c *Config)     { c.RelayType = "relay" }
func usesRelays(c *Config)  { c.RelayType, c.Relayed = "relay", true }
func doesNotWait(c *Config) { c.NodeWait = -1 }

// linked is the nodes that n has links to that it opened itself.
func linked(n *testNode) map[id.Node]bool {
	nodes := map[id.Node]bool{}
	for _, p := range n.rpc.everyPeer(nil) {
		if c := p.live.Load(); c != nil && c.circuit == 0 {
			nodes[p.Node] = true
		}
	}
	return nodes
}

func TestRelayedCallerHoldsLinksToRelaysOnly(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	caller := newNode(t, view, 1, "caller", usesRelays)
	var relays []*testNode
	for i := range id.Node(3) {
		relays = append(relays, newNode(t, view, firstRelay+i, "relay", isRelay))
		view.Set(relays[i].member)
	}
	const callees = 12
	for i := range id.Node(callees) {
		callee := newNode(t, view, 2+i, "echo")
		HandleFunc(callee, echo, func(ctx context.Context, m *text) (*text, error) {
			if who, want := Caller(ctx), caller.rpc.Self(); who != want {
				t.Errorf("the caller is %v, want %v", who, want)
			}
			if over := ctx.(*callContext).from.conn.Peer(); over.Type != "relay" {
				t.Errorf("it came over a link of %v", over)
			}
			return m, nil
		})
		view.Set(callee.member)
	}
	for i := range id.Node(callees) {
		for range 3 {
			if _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(2+i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range linked(caller) {
		if n < firstRelay {
			t.Errorf("there is a link to node %v", n)
		}
	}
	passages := 0
	for _, relay := range relays {
		if relay.rpc.relayed.Load() == 0 {
			t.Errorf("relay %v had nothing to do", relay.member.Node)
		}
		relay.rpc.mu.Lock()
		passages += len(relay.rpc.passages)
		relay.rpc.mu.Unlock()
	}
	if passages != callees {
		t.Errorf("%d circuits for %d callees", passages, callees)
	}
	settled(t, append(relays, caller)...)
}

func TestDirectAndRelayedNodesCallEachOther(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	nodes := []*testNode{
		newNode(t, view, 1, "echo", usesRelays), newNode(t, view, 2, "echo"), newNode(t, view, 3, "echo", isRelay),
		newNode(t, view, firstRelay, "relay", isRelay), newNode(t, view, firstRelay+1, "echo,relay", usesRelays),
	}
	for _, n := range nodes {
		HandleFunc(n, whose, func(ctx context.Context, _ *empty) (*wrapperspb.UInt32Value, error) {
			return wrapperspb.UInt32(uint32(Caller(ctx).Node)<<16 | uint32(n.member.Node)), nil
		})
		view.Set(n.member)
	}
	for _, from := range nodes {
		for _, to := range nodes {
			reply, err := whose.Call(t.Context(), from.rpc, &empty{}, To(to.member.Node))
			if want := uint32(from.member.Node)<<16 | uint32(to.member.Node); err != nil || reply.Value != want {
				t.Errorf("from %v to %v: %x, %v", from.member.Node, to.member.Node, reply.GetValue(), err)
			}
		}
	}
	if n := linked(nodes[0]); n[2] || n[3] {
		t.Errorf("the relayed node holds links to %v", n)
	}
	if n := linked(nodes[1]); !n[1] || !n[3] {
		t.Errorf("the direct node holds links to %v only", n)
	}
	settled(t, nodes...)
}

// Whatever happens to the relay that calls go through, they end as lost, nothing is handled twice, and the next ones go through another.
func TestCallsGoOnWithoutARelay(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(*linktest.Proxy){
		"cut":            func(p *linktest.Proxy) { p.Refuse(); p.Cut() },
		"held":           func(p *linktest.Proxy) { p.Hold(linktest.Both) },
		"requests lost":  func(p *linktest.Proxy) { p.Lose(linktest.Up) },
		"lost both ways": func(p *linktest.Proxy) { p.Lose(linktest.Both) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			view := cluster.NewStatic()
			caller, callee := newNode(t, view, 1, "caller", alert, usesRelays), newNode(t, view, 2, "echo", alert)
			first, second := newNode(t, view, firstRelay, "relay", alert, isRelay), newNode(t, view, firstRelay+1, "relay", alert, isRelay)
			p := behind(t, first)
			view.Set(callee.member)
			var handled tally
			begun := make(chan struct{}, 8)
			HandleFunc(callee, echo, func(ctx context.Context, m *text) (*text, error) {
				handled.add(m.Value)
				if m.Value[0] == 'w' {
					waitsForItsEnd(ctx, begun)
				}
				return m, nil
			})
			errs := inFlight(t, 8, begun, func(i int) error {
				_, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String(fmt.Sprint("w", i)), Any)
				return err
			})
			view.Set(second.member)
			harm(p)
			for range 8 {
				if err := <-errs; fault.CodeOf(err) != fault.Lost {
					t.Errorf("in flight: %v, want lost", err)
				}
			}
			attempt := 0
			for range 20 {
				eventually(t, "served", func() bool {
					attempt++
					value := fmt.Sprint("after", attempt)
					reply, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String(value), Any)
					return err == nil && reply.Value == value
				})
			}
			if second.rpc.relayed.Load() == 0 {
				t.Error("the other relay had nothing to do")
			}
			settled(t, caller, callee, second)
			eventually(t, "without passages", func() bool { return first.rpc.passing.Load() == 0 })
			handled.atMostOnce(t)
		})
	}
}

// A relay that drains loses no call: those under way end, and callers go another way at once, without membership saying so.
func TestRelayDrains(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	caller, callee := newNode(t, view, 1, "caller", calm, usesRelays), newNode(t, view, 2, "echo", calm)
	first, second := newNode(t, view, firstRelay, "relay", calm, isRelay), newNode(t, view, firstRelay+1, "relay", calm, isRelay)
	view.Set(first.member, callee.member)
	begun, release := make(chan context.Context, 1), make(chan struct{})
	HandleFunc(callee, echo, waitsFor(begun, release))
	HandleFunc(callee, again, func(_ context.Context, m *text) (*text, error) { return m, nil })
	errs := make(chan error, 1)
	go func() { _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); errs <- err }()
	<-begun
	view.Set(second.member)

	done := make(chan struct{})
	var callers atomic.Int64
	go func() { // callers that never pause
		defer close(done)
		for callers.Load() >= 0 {
			if _, err := again.Call(t.Context(), caller.rpc, &text{}, To(2)); err != nil {
				t.Errorf("meanwhile: %v", err)
				return
			}
			callers.Add(1)
		}
	}()
	drained := make(chan error, 1)
	go func() { drained <- first.rpc.Drain(t.Context()) }()
	eventually(t, "relayed by the other", func() bool { return second.rpc.relayed.Load() > 100 })
	select {
	case err := <-drained:
		t.Fatalf("drained with a call under way: %v", err)
	default:
	}
	if n := caller.rpc.InFlight(); n < 1 {
		t.Errorf("%d calls in flight", n)
	}
	close(release)
	if err := <-errs; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	eventually(t, "left by the caller", func() bool {
		first.rpc.mu.Lock()
		defer first.rpc.mu.Unlock()
		return len(first.rpc.passages) == 0
	})
	first.stop()
	for before := callers.Load(); callers.Load() < before+100; {
		if _, err := again.Call(t.Context(), caller.rpc, &text{}, To(2)); err != nil {
			t.Fatalf("without the first relay: %v", err)
		}
	}
	callers.Store(-1 << 40)
	<-done
	settled(t, caller, callee, second)
}

func TestNoRelay(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	callee := newNode(t, view, 2, "echo")
	HandleFunc(callee, echo, func(_ context.Context, m *text) (*text, error) { return m, nil })
	view.Set(callee.member)
	t.Run("is there", func(t *testing.T) {
		caller := newNode(t, view, 1, "caller", usesRelays, doesNotWait)
		if _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("got %v, want unavailable", err)
		}
		settled(t, caller)
	})
	t.Run("is what the node is", func(t *testing.T) {
		view.Set(newNode(t, view, firstRelay, "relay").member)
		defer view.Remove(firstRelay)
		caller := newNode(t, view, 1, "caller", usesRelays, doesNotWait)
		if _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("got %v, want unavailable", err)
		}
		settled(t, caller)
	})
	t.Run("yet", func(t *testing.T) {
		watched := watchedView{view, make(chan struct{}, 10)}
		caller := newNode(t, view, 1, "caller", usesRelays, func(c *Config) { c.View, c.NodeWait = watched, patience })
		<-watched.watches // the RPC's own
		errs := make(chan error, 1)
		go func() { _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); errs <- err }()
		<-watched.watches
		view.Set(newNode(t, view, firstRelay, "relay", isRelay).member)
		if err := <-errs; err != nil {
			t.Error(err)
		}
		settled(t, caller, callee)
	})
}

// The relay cannot get rid of what it is to pass on: it keeps a bounded queue, and refuses calls beyond.
func TestRelaySheds(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	caller, callee := newNode(t, view, 1, "caller", calm, usesRelays), newNode(t, view, 2, "echo", calm)
	relay := newNode(t, view, firstRelay, "relay", narrow, isRelay)
	p := behind(t, callee)
	view.Set(relay.member)
	HandleFunc(callee, load, func(context.Context, *wrapperspb.BytesValue) (*emptypb.Empty, error) { return &emptypb.Empty{}, nil },
		Queue(1<<16))
	call := func() error {
		_, err := load.Call(t.Context(), caller.rpc, wrapperspb.Bytes(make([]byte, bigBody)), Any)
		return err
	}
	if err := call(); err != nil {
		t.Fatal(err)
	}
	p.Hold(linktest.Up)
	var shed, ended atomic.Int64
	calls := int64(0)
	eventually(t, "full for good", func() bool {
		calls++
		go func() {
			switch err := call(); fault.CodeOf(err) {
			case fault.OK:
			case fault.Overloaded:
				shed.Add(1)
			default:
				t.Errorf("got %v, want overloaded", err)
			}
			ended.Add(1)
		}()
		return shed.Load() >= 50
	})
	if n := queued(relay); n > smallQueue {
		t.Errorf("%d bytes are queued, the limit is %d", n, smallQueue)
	}
	p.Heal()
	eventually(t, "ended", func() bool { return ended.Load() == calls })
	settled(t, caller, relay, callee)
}

func TestRelaysAreChosenEvenlyAndForGood(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	for i := range id.Node(4) {
		view.Set(cluster.Member{Node: firstRelay + i, Boot: 1, Type: "relay", Addr: "127.0.0.1:1", State: cluster.Ready})
	}
	r := New(Config{Self: link.Peer{Node: 1, Boot: 1}, View: view, RelayType: "relay", Relayed: true})
	defer func() { _ = r.Stop(context.Background()) }()
	const pairs = 1000
	share := map[id.Node]int{}
	for i := range pairs {
		p := newPeer(r, cluster.Member{Node: id.Node(i + 1000)})
		g := r.pickRelay(p, &tries{})
		share[g.Node]++
		if other := r.pickRelay(p, &tries{}); other != g {
			t.Errorf("node %v: relay %v, then %v", p.Node, g.Node, other.Node)
		}
		g.leaving.Store(true)
		if other := r.pickRelay(p, &tries{}); other == g {
			t.Errorf("node %v: a relay that leaves was chosen", p.Node)
		}
		g.leaving.Store(false)
	}
	for n, got := range share {
		if got < pairs/4*7/10 || got > pairs/4*13/10 {
			t.Errorf("relay %v has %d of %d pairs", n, got, pairs)
		}
	}
}
