package rpc

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link/linktest"
)

// alert makes a node that soon gives up a peer that is silent, and does not end calls for any other reason.
func alert(c *Config) {
	c.Links.Heartbeat = 200 * time.Millisecond
	c.Links.HandshakeTimeout = time.Second
	c.CallTimeout = 2 * patience
}

// calm makes a node that gives nobody up, so that only what a test is about ends a call.
func calm(c *Config) {
	c.Links.Heartbeat = 2 * patience
	c.Links.HandshakeTimeout = patience
	c.CallTimeout = 2 * patience
}

// inFlight makes n calls, each with a number of its own, and returns when so many of their handlers have begun. On a machine that stands still for a while, an alert node may give up
// its peer already here; then another call is made in place of each that was lost.
func inFlight(t *testing.T, n int, begun <-chan struct{}, call func(number int) error) (errs <-chan error) {
	t.Helper()
	ended := make(chan error, n)
	number := 0
	start := func() {
		i := number
		number++
		go func() { ended <- call(i) }()
	}
	for range n {
		start()
	}
	for range n {
		for waits := true; waits; {
			select {
			case <-begun:
				waits = false
			case err := <-ended:
				if code := fault.CodeOf(err); code != fault.Lost && code != fault.Unavailable {
					t.Fatalf("a call that was to wait: %v", err)
				}
				start()
			}
		}
	}
	return ended
}

// waitsForItsEnd says that a handler has begun, and returns when its context has ended.
func waitsForItsEnd(ctx context.Context, begun chan<- struct{}) {
	select {
	case begun <- struct{}{}:
	case <-ctx.Done():
	}
	<-ctx.Done()
}

// behind puts a proxy in front of a node: from now on membership shows that.
func behind(t *testing.T, n *testNode) *linktest.Proxy {
	t.Helper()
	p := linktest.NewProxy(t, n.member.Addr)
	n.set(func(m *cluster.Member) { m.Addr = p.Addr() })
	return p
}

// tally counts how often each request was handled.
type tally struct{ counts sync.Map }

func (c *tally) add(request string) {
	n, _ := c.counts.LoadOrStore(request, &atomic.Int32{})
	n.(*atomic.Int32).Add(1)
}

func (c *tally) atMostOnce(t *testing.T) {
	t.Helper()
	c.counts.Range(func(request, n any) bool {
		if n := n.(*atomic.Int32).Load(); n > 1 {
			t.Errorf("%s was handled %d times", request, n)
		}
		return true
	})
}

// Whatever happens between two nodes, calls in flight end as lost, those made meanwhile end, nothing is handled twice, both ends come to rest, and once it is over calls
// succeed again.
func TestCallsEndWhateverHappensToTheLink(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		for name, harm := range map[string]func(*linktest.Proxy){
			"cut":               func(p *linktest.Proxy) { p.Cut() },
			"cut for a while":   func(p *linktest.Proxy) { p.Refuse(); p.Cut() },
			"lost both ways":    func(p *linktest.Proxy) { p.Lose(linktest.Both) },
			"requests lost":     func(p *linktest.Proxy) { p.Lose(linktest.Up) },
			"replies lost":      func(p *linktest.Proxy) { p.Lose(linktest.Down) },
			"held both ways":    func(p *linktest.Proxy) { p.Hold(linktest.Both) },
			"requests held":     func(p *linktest.Proxy) { p.Hold(linktest.Up) },
			"replies held":      func(p *linktest.Proxy) { p.Hold(linktest.Down) },
			"later than silent": func(p *linktest.Proxy) { p.Delay(linktest.Both, 2*time.Second) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				view := cluster.NewStatic()
				caller, callee := w.newNode(t, view, 1, "caller", alert), w.newNode(t, view, 2, "echo", alert)
				p := behind(t, callee)
				var handled tally
				begun := make(chan struct{}, 8)
				HandleFunc(callee, echo, func(ctx context.Context, m *text) (*text, error) {
					handled.add(m.Value)
					if strings.HasPrefix(m.Value, "wait") {
						waitsForItsEnd(ctx, begun)
					}
					return m, nil
				})
				call := func(ctx context.Context, value string) error {
					reply, err := echo.Call(ctx, caller.rpc, wrapperspb.String(value), Any)
					if err == nil && reply.Value != value {
						t.Errorf("the reply to %s is %s", value, reply.Value)
					}
					return err
				}
				errs := inFlight(t, 8, begun, func(i int) error { return call(t.Context(), fmt.Sprint("wait", i)) })
				harm(p)
				for i := range 8 { // those that come meanwhile must not wait for better times
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
					switch err := call(ctx, fmt.Sprint("meanwhile", i)); fault.CodeOf(err) {
					case fault.OK, fault.Deadline, fault.Lost, fault.Unavailable:
					default:
						t.Errorf("meanwhile: %v", err)
					}
					cancel()
				}
				for range 8 {
					if err := <-errs; fault.CodeOf(err) != fault.Lost {
						t.Errorf("in flight: %v, want lost", err)
					}
				}
				if n := caller.rpc.InFlight(); n != 0 {
					t.Errorf("%d calls are still in flight", n)
				}
				p.Heal()
				attempt := 0
				eventually(t, "served again", func() bool { attempt++; return call(t.Context(), fmt.Sprint("after", attempt)) == nil })
				settled(t, caller, callee)
				handled.atMostOnce(t)
			})
		}
	})
}

// The handler had its effect, and the reply is lost: only a method that is declared idempotent is called a second time.
func TestOnlyIdempotentMethodsHaveTheirEffectAgain(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		for name, tt := range map[string]struct {
			method  MethodDef[*text, *text]
			effects int32
			code    fault.Code
		}{
			"not idempotent": {echo, 1, fault.Lost},
			"idempotent":     {again, 2, fault.OK},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				view := cluster.NewStatic()
				caller, callee := w.newNode(t, view, 1, "caller", calm), w.newNode(t, view, 2, "echo", calm)
				p := behind(t, callee)
				var effects atomic.Int32
				HandleFunc(callee, tt.method, func(_ context.Context, m *text) (*text, error) {
					if effects.Add(1) == 1 {
						p.Hold(linktest.Down)
					}
					return m, nil
				})
				err := make(chan error, 1)
				go func() { _, e := tt.method.Call(t.Context(), caller.rpc, &text{}, Any); err <- e }()
				eventually(t, "handled", func() bool { return effects.Load() == 1 && callee.rpc.Running() == 0 })
				p.Cut() // and what is held, wherever it is by now, goes nowhere
				p.Heal()
				if e := <-err; fault.CodeOf(e) != tt.code || effects.Load() != tt.effects {
					t.Errorf("got %v after %d effects, want %v after %d", e, effects.Load(), tt.code, tt.effects)
				}
				settled(t, caller, callee)
			})
		}
	})
}

// A reply that comes after its caller has left goes nowhere, above all not to the call that has the same slot now.
func TestReplyAfterTheDeadlineGoesNowhere(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		view := cluster.NewStatic()
		caller, callee := w.newNode(t, view, 1, "caller", calm), w.newNode(t, view, 2, "echo", calm)
		p := behind(t, callee)
		HandleFunc(callee, echo, func(_ context.Context, m *text) (*text, error) { return m, nil })
		call := func(ctx context.Context, value string) error {
			reply, err := echo.Call(ctx, caller.rpc, wrapperspb.String(value), Any)
			if err == nil && reply.Value != value {
				t.Errorf("the reply to %s is %s", value, reply.Value)
			}
			return err
		}
		if err := call(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		for end, ctx := range map[fault.Code]func() (context.Context, context.CancelFunc){
			fault.Deadline: func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 10*time.Millisecond)
			},
			fault.Cancelled: func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					eventually(t, "in flight", func() bool { return caller.rpc.InFlight() == 1 })
					cancel()
				}()
				return ctx, cancel
			},
		} {
			p.Hold(linktest.Down)
			ctx, cancel := ctx()
			if err := call(ctx, "late"); fault.CodeOf(err) != end {
				t.Errorf("got %v, want %v", err, end)
			}
			cancel()
			if n := caller.rpc.InFlight(); n != 0 {
				t.Errorf("%d calls in flight", n)
			}
			errs := make(chan error, 1)
			go func() { errs <- call(t.Context(), "next") }()
			eventually(t, "in flight", func() bool { return caller.rpc.InFlight() == 1 })
			p.Heal()
			if err := <-errs; err != nil {
				t.Error(err)
			}
			settled(t, caller, callee)
		}
	})
}

// A cancellation overtakes nothing: the request that is on its way still arrives first, and its handler learns of it.
func TestCancellationFollowsItsRequest(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		view := cluster.NewStatic()
		caller, callee := w.newNode(t, view, 1, "caller", calm), w.newNode(t, view, 2, "echo", calm)
		p := behind(t, callee)
		ended := make(chan error, 1)
		HandleFunc(callee, echo, func(ctx context.Context, m *text) (*text, error) {
			if m.Value == "wait" {
				<-ctx.Done()
				ended <- ctx.Err()
			}
			return m, nil
		})
		if _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); err != nil {
			t.Fatal(err)
		}
		p.Hold(linktest.Up)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			eventually(t, "in flight", func() bool { return caller.rpc.InFlight() == 1 })
			cancel()
		}()
		if _, err := echo.Call(ctx, caller.rpc, wrapperspb.String("wait"), Any); fault.CodeOf(err) != fault.Cancelled {
			t.Errorf("got %v, want cancelled", err)
		}
		if len(ended) != 0 {
			t.Fatal("the request was not held")
		}
		p.Heal()
		if err := <-ended; err != context.Canceled {
			t.Errorf("the handler's context ended with %v", err)
		}
		settled(t, caller, callee)
	})
}

// Membership shows a life of a node whose address belongs to another by now: the call is refused before anything is sent.
func TestAnotherLifeAtTheAddressIsNotCalled(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		view := cluster.NewStatic()
		caller, callee := w.newNode(t, view, 1, "caller"), w.newNode(t, view, 2, "echo")
		var handled atomic.Int32
		HandleFunc(callee, again, func(_ context.Context, m *text) (*text, error) { handled.Add(1); return m, nil })
		for name, wrong := range map[string]cluster.Member{
			"an earlier life": {Node: 2, Boot: callee.member.Boot - 1, Type: "echo", Addr: callee.member.Addr, State: cluster.Ready},
			"another node":    {Node: 3, Boot: callee.member.Boot, Type: "echo", Addr: callee.member.Addr, State: cluster.Ready},
		} {
			view.Set(wrong)
			if _, err := again.Call(t.Context(), caller.rpc, &text{}, To(wrong.Node)); fault.CodeOf(err) != fault.Unavailable || handled.Load() != 0 {
				t.Errorf("%s: %v, handled %d times; want unavailable, never", name, err, handled.Load())
			}
			view.Remove(wrong.Node)
		}
		view.Set(callee.member)
		if _, err := again.Call(t.Context(), caller.rpc, &text{}, Any); err != nil || handled.Load() != 1 {
			t.Errorf("the right life: %v, handled %d times", err, handled.Load())
		}
		settled(t, caller, callee)
	})
}

// Two processes believe to be the same node. Membership shows one of them, and no call reaches the other.
func TestOnlyTheLifeInMembershipIsCalled(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		view := cluster.NewStatic()
		caller := w.newNode(t, view, 1, "caller")
		var handled [2]atomic.Int32
		var twins [2]*testNode
		for i := range twins {
			twins[i] = w.newNode(t, view, 2, "echo", func(c *Config) { c.Self.Boot += id.Boot(i); c.Links.Self.Boot += id.Boot(i) })
			HandleFunc(twins[i], echo, func(_ context.Context, m *text) (*text, error) { handled[i].Add(1); return m, nil })
		}
		for i, twin := range twins {
			view.Set(twin.member)
			for range 10 {
				if _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(2)); err != nil {
					t.Error(err)
				}
			}
			if got, other := handled[i].Swap(0), handled[1-i].Swap(0); got != 10 || other != 0 {
				t.Errorf("life %d: %d calls reached it and %d the other", i, got, other)
			}
		}
		settled(t, caller, twins[0], twins[1])
	})
}
