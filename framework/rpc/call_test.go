package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
)

type (
	text  = wrapperspb.StringValue
	empty = emptypb.Empty
)

var (
	echo  = Method[*text, *text]("echo.Echo")
	again = Method[*text, *text]("echo.Again", Idempotent())
	whose = Method[*empty, *wrapperspb.UInt32Value]("echo.Whose")
)

// cut ends every link that the node accepted, as a crash would.
func (n *testNode) cut() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = n.server.Stop(ctx)
}

// waitsFor is a handler that reports that it began and returns when released.
func waitsFor(begun chan<- context.Context, release <-chan struct{}) func(context.Context, *text) (*text, error) {
	return func(ctx context.Context, m *text) (*text, error) {
		begun <- ctx
		<-release
		return m, nil
	}
}

func settled(t testing.TB, nodes ...*testNode) {
	t.Helper()
	for _, n := range nodes {
		eventually(t, "without calls", func() bool { return n.rpc.InFlight() == 0 && n.rpc.Running() == 0 && n.rpc.passing.Load() == 0 })
	}
}

func TestWhatComesBack(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		errMail := fault.New(fault.NotFound, "no such mail")
		outcomes := map[string]func() (*text, error){
			"reply":            func() (*text, error) { return wrapperspb.String("hello"), nil },
			"nil reply":        func() (*text, error) { return nil, nil },
			"fault":            func() (*text, error) { return nil, errMail },
			"wrapped fault":    func() (*text, error) { return nil, fmt.Errorf("open: %w", errMail) },
			"internal":         func() (*text, error) { return nil, errors.New("the password is hunter2") },
			"panic":            func() (*text, error) { panic("the password is hunter2") },
			"invalid UTF-8":    func() (*text, error) { return wrapperspb.String("\xff"), nil },
			"reply, too large": func() (*text, error) { return wrapperspb.String(strings.Repeat("x", 17<<20)), nil },
		}
		tests := []struct {
			name  string
			reply string
			code  fault.Code
		}{
			{"reply", "hello", fault.OK},
			{"nil reply", "", fault.OK},
			{"fault", "", fault.NotFound},
			{"wrapped fault", "", fault.NotFound},
			{"internal", "", fault.Internal},
			{"panic", "", fault.Internal},
			{"invalid UTF-8", "", fault.Internal},
			{"reply, too large", "", fault.TooLarge},
		}
		caller, callee := w.pair(t)
		handler := func(_ context.Context, m *text) (*text, error) { return outcomes[m.Value]() }
		HandleFunc(callee, echo, handler)
		HandleFunc(caller, echo, handler)
		for where, to := range map[string]Target{"over a link": To(2), "to itself": To(1)} {
			for _, tt := range tests {
				t.Run(where+"/"+tt.name, func(t *testing.T) {
					reply, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String(tt.name), to)
					if fault.CodeOf(err) != tt.code || reply.GetValue() != tt.reply {
						t.Errorf("got %.50q, %v; want %q, %v", reply.GetValue(), err, tt.reply, tt.code)
					}
					if tt.code == fault.NotFound && !errors.Is(err, errMail) {
						t.Errorf("%v is not the error that the handler returned", err)
					}
					if err != nil && strings.Contains(err.Error(), "hunter2") {
						t.Errorf("%v tells details", err)
					}
				})
			}
		}
		settled(t, caller, callee)
	})
}

func TestWhatCannotBeCalled(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, _ := w.pair(t, func(c *Config) { c.NodeWait = time.Millisecond })
		nowhere := Method[*text, *text]("nowhere.Echo")
		tests := []struct {
			name string
			call func() error
			code fault.Code
		}{
			{"no handler", func() error { _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); return err }, fault.Unimplemented},
			{"no node of the type, without waiting", func() error {
				eager, _ := w.pair(t, func(c *Config) { c.NodeWait = -1 })
				_, err := nowhere.Call(t.Context(), eager.rpc, &text{}, Any)
				return err
			}, fault.Unavailable},
			{"no node of the type", func() error { _, err := nowhere.Call(t.Context(), caller.rpc, &text{}, Any); return err }, fault.Unavailable},
			{"no node of the type, send", func() error { return nowhere.Send(t.Context(), caller.rpc, &text{}, Any) }, fault.Unavailable},
			{"no node of the type, all", func() error { return nowhere.Send(t.Context(), caller.rpc, &text{}, All) }, fault.Unavailable},
			{"no such node", func() error { _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(77)); return err }, fault.Unavailable},
			{"no directory", func() error { _, err := echo.Call(t.Context(), caller.rpc, &text{}, Owner(1)); return err }, fault.Unavailable},
			{"all have no one answer", func() error { _, err := echo.Call(t.Context(), caller.rpc, &text{}, All); return err }, fault.Invalid},
			{"request cannot be encoded", func() error { _, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String("\xff"), Any); return err }, fault.Invalid},
			{"request too large", func() error {
				_, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String(strings.Repeat("x", 17<<20)), Any)
				return err
			}, fault.TooLarge},
			{"an invalid Config", func() error { _, err := echo.Call(t.Context(), New(Config{}), &text{}, Any); return err }, fault.Internal},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				if err := tt.call(); fault.CodeOf(err) != tt.code {
					t.Errorf("got %v, want %v", err, tt.code)
				}
			})
		}
		settled(t, caller)
	})
}

func TestDeadlineCrossesTheWire(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t)
		seen := make(chan time.Duration, 16) // how far the handler's deadline is from the caller's; one that has none is far off
		var wants [16]time.Time
		HandleFunc(callee, echo, func(ctx context.Context, m *text) (*text, error) {
			attempt, err := strconv.Atoi(m.GetValue())
			if err != nil {
				return nil, err
			}
			got, _ := ctx.Deadline()
			seen <- got.Sub(wants[attempt]).Abs()
			<-ctx.Done()
			return nil, ctx.Err()
		})
		for attempt := 0; ; attempt++ { // on a busy machine a request's time may be over before it is there, and then it does not run
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond<<attempt)
			wants[attempt], _ = ctx.Deadline()
			_, err := echo.Call(ctx, caller.rpc, wrapperspb.String(strconv.Itoa(attempt)), Any)
			cancel()
			if fault.CodeOf(err) != fault.Deadline {
				t.Fatalf("got %v, want deadline", err)
			}
			select {
			case off := <-seen:
				if off > time.Second {
					t.Errorf("the handler's deadline is off by %v from the caller's", off)
				}
			default:
				continue
			}
			break
		}
		settled(t, caller, callee)
	})
}

func TestCallTimeoutIsTheDefault(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t, func(c *Config) { c.CallTimeout = 30 * time.Millisecond })
		begun, release := make(chan context.Context, 1), make(chan struct{})
		HandleFunc(callee, echo, waitsFor(begun, release))
		_, err := echo.Call(context.Background(), caller.rpc, &text{}, Any)
		if fault.CodeOf(err) != fault.Deadline {
			t.Errorf("got %v, want deadline", err)
		}
		close(release) // the reply is late now, and must go nowhere
		patient, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for i := range 100 {
			want := fmt.Sprint(i)
			go func() { <-begun }()
			if reply, err := echo.Call(patient, caller.rpc, wrapperspb.String(want), Any); err != nil || reply.Value != want {
				t.Fatalf("got %v, %v, want %s", reply, err, want)
			}
		}
		settled(t, caller, callee)
	})
}

func TestCancellationCrossesTheWire(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t)
		begun, ended := make(chan struct{}), make(chan error, 1)
		handler := func(ctx context.Context, m *text) (*text, error) {
			begun <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, nil
		}
		HandleFunc(callee, echo, handler)
		HandleFunc(caller, echo, handler)
		for _, to := range []Target{To(1), To(2)} {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-begun; cancel() }()
			_, err := echo.Call(ctx, caller.rpc, &text{}, to)
			if fault.CodeOf(err) != fault.Cancelled || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want cancelled", err)
			}
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("the handler's context ended with %v", err)
			}
		}
		settled(t, caller, callee)
	})
}

func TestLostLinkEndsEveryCallAtOnce(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t)
		begun, release := make(chan context.Context, 100), make(chan struct{})
		HandleFunc(callee, echo, waitsFor(begun, release))
		HandleFunc(callee, again, waitsFor(begun, release))
		errs := make(chan error, 20)
		for range 20 {
			go func() { _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); errs <- err }()
		}
		var there context.Context
		for range 20 {
			there = <-begun
		}
		callee.cut()
		for range 20 {
			if err := <-errs; fault.CodeOf(err) != fault.Lost {
				t.Errorf("got %v, want lost", err)
			}
		}
		<-there.Done() // the handlers learn of it as well
		close(release)
		settled(t, caller, callee)
	})
}

// A node that leaves membership, or comes back in a new life, is let go at once, before its link notices.
func TestNodeThatLeavesEndsItsCalls(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t)
		begun, release := make(chan context.Context, 1), make(chan struct{})
		HandleFunc(callee, echo, waitsFor(begun, release))
		err := make(chan error)
		go func() { _, e := echo.Call(t.Context(), caller.rpc, &text{}, Any); err <- e }()
		<-begun
		callee.view.Remove(2)
		if e := <-err; fault.CodeOf(e) != fault.Lost {
			t.Errorf("got %v, want lost", e)
		}
		close(release)
	})
}

func TestOnlyIdempotentMethodsAreSentAgain(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		for name, tt := range map[string]struct {
			method MethodDef[*text, *text]
			calls  int32
			code   fault.Code
		}{
			"not idempotent": {echo, 1, fault.Lost},
			"idempotent":     {again, 2, fault.OK},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				view := cluster.NewStatic()
				caller := w.newNode(t, view, 1, "caller")
				var calls atomic.Int32
				nodes := map[id.Node]*testNode{}
				handler := func(ctx context.Context, m *text) (*text, error) {
					if calls.Add(1) == 1 { // crash with the first one in hand
						nodes[idOf(ctx)].cut()
						<-ctx.Done()
					}
					return m, nil
				}
				for i := id.Node(2); i <= 3; i++ {
					nodes[i] = w.newNode(t, view, i, "echo")
					HandleFunc(nodes[i], tt.method, func(ctx context.Context, m *text) (*text, error) {
						return handler(context.WithValue(ctx, nodeKey{}, i), m)
					})
					view.Set(nodes[i].member)
				}
				_, err := tt.method.Call(t.Context(), caller.rpc, &text{}, Any)
				if fault.CodeOf(err) != tt.code || calls.Load() != tt.calls {
					t.Errorf("got %v after %d calls, want %v after %d", err, calls.Load(), tt.code, tt.calls)
				}
			})
		}
	})
}

type nodeKey struct{}

func idOf(ctx context.Context) id.Node { return ctx.Value(nodeKey{}).(id.Node) }

func TestCallerIsKnown(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t)
		HandleFunc(callee, whose, func(ctx context.Context, _ *empty) (*wrapperspb.UInt32Value, error) {
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			return wrapperspb.UInt32(uint32(Caller(derived).Node)), nil
		})
		reply, err := whose.Call(t.Context(), caller.rpc, &empty{}, Any)
		if err != nil || reply.Value != 1 {
			t.Errorf("got %v, %v, want 1", reply, err)
		}
		if p := Caller(t.Context()); p.Node != 0 {
			t.Errorf("a context of nobody's call has caller %v", p)
		}
	})
}

func TestFunctionsAreBounded(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t)
		begun, release := make(chan context.Context, 8), make(chan struct{})
		HandleFunc(callee, echo, waitsFor(begun, release), Concurrent(3), Queue(2))
		errs := make(chan error, 6)
		for range 6 {
			go func() { _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(2)); errs <- err }()
		}
		if err := <-errs; fault.CodeOf(err) != fault.Overloaded {
			t.Errorf("the sixth: %v, want overloaded", err)
		}
		for range 3 {
			<-begun
		}
		if len(begun) != 0 {
			t.Error("more than 3 at a time")
		}
		close(release)
		for range 5 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		settled(t, caller, callee)
	})
}

func TestDrainRefusesAndWaits(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		view := cluster.NewStatic()
		caller, a, b := w.newNode(t, view, 1, "caller"), w.newNode(t, view, 2, "echo"), w.newNode(t, view, 3, "echo")
		begun, release := make(chan context.Context, 1), make(chan struct{})
		HandleFunc(a, again, waitsFor(begun, release))
		HandleFunc(a, echo, func(context.Context, *text) (*text, error) { t.Error("a drained node served"); return nil, nil })
		HandleFunc(b, echo, func(_ context.Context, m *text) (*text, error) { return m, nil })
		view.Set(caller.member, a.member, b.member)

		running := make(chan error, 1)
		go func() { _, err := again.Call(t.Context(), caller.rpc, &text{}, To(2)); running <- err }()
		<-begun
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := a.rpc.Drain(ctx); fault.CodeOf(err) != fault.Deadline {
			t.Errorf("drain with a call running: %v, want deadline", err)
		}
		for range 20 { // others take over, though membership still shows a as ready
			if _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(2)); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("call to the drained node: %v, want unavailable", err)
		}
		close(release)
		if err := <-running; err != nil {
			t.Errorf("the running call: %v", err)
		}
		if err := a.rpc.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestStopEndsWhatWaits(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t)
		begun, release := make(chan context.Context, 1), make(chan struct{})
		HandleFunc(callee, echo, waitsFor(begun, release))
		errs := make(chan error, 1)
		go func() { _, err := echo.Call(context.Background(), caller.rpc, &text{}, Any); errs <- err }()
		<-begun
		if err := caller.rpc.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-errs; fault.CodeOf(err) != fault.Lost {
			t.Errorf("got %v, want lost", err)
		}
		if _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(2)); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("call after stop: %v, want unavailable", err)
		}
		if _, err := echo.Call(t.Context(), caller.rpc, &text{}, To(1)); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("call of itself after stop: %v, want unavailable", err)
		}
		close(release)
	})
}

func TestSendToAllAndCallAll(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		view := cluster.NewStatic()
		caller := w.newNode(t, view, 1, "echo") // it is one of all
		got := make(chan id.Node, 16)
		nodes := []*testNode{caller, w.newNode(t, view, 2, "echo"), w.newNode(t, view, 3, "echo,other"), w.newNode(t, view, 4, "other")}
		for _, n := range nodes {
			HandleFunc(n, echo, func(_ context.Context, m *text) (*text, error) {
				got <- n.member.Node
				if n.member.Node == 3 {
					return nil, fault.New(fault.NotFound, "not here")
				}
				return m, nil
			})
			view.Set(n.member)
		}
		if err := echo.Send(t.Context(), caller.rpc, &text{}, All); err != nil {
			t.Fatal(err)
		}
		seen := map[id.Node]bool{}
		for range 3 {
			seen[<-got] = true
		}
		if !seen[1] || !seen[2] || !seen[3] {
			t.Errorf("seen by %v", seen)
		}
		results, err := echo.CallAll(t.Context(), caller.rpc, wrapperspb.String("x"))
		if err != nil || len(results) != 3 {
			t.Fatalf("%d results, %v", len(results), err)
		}
		for _, r := range results {
			if r.Node == 3 && fault.CodeOf(r.Err) != fault.NotFound || r.Node != 3 && (r.Err != nil || r.Reply.Value != "x") {
				t.Errorf("node %v: %v, %v", r.Node, r.Reply, r.Err)
			}
		}
		settled(t, nodes...)
	})
}

// Whoever calls first, and however many do, there is one link: a second would be left behind by Stop.
func TestFirstCallsShareOneLink(t *testing.T) {
	t.Parallel()
	for range 20 {
		var dials atomic.Int32
		caller, callee := pair(t, func(c *Config) {
			c.Links.Dialer = func(ctx context.Context, addr string) (net.Conn, error) {
				dials.Add(1)
				var d net.Dialer
				return d.DialContext(ctx, "tcp", addr)
			}
		})
		HandleFunc(callee, echo, func(_ context.Context, m *text) (*text, error) { return m, nil })
		errs := make(chan error)
		for range 32 {
			go func() { _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); errs <- err }()
		}
		for range 32 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		// The one who looked before the link was there, and comes to open it after.
		if p := caller.rpc.current().byNode[2]; p != nil {
			if c, err := p.open(t.Context()); c != p.live.Load() || err != nil {
				t.Errorf("another link was opened, or none: %v", err)
			}
		}
		if n := dials.Load(); n != 1 {
			t.Errorf("%d links were opened", n)
		}
	}
}
