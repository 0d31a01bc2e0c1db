package rpc

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/trace"
	"loumiao/framework/trace/tracetest"
)

// tracedBy has a node record what it calls and serves.
func tracedBy(t *tracetest.Traces, service string) func(*Config) {
	return func(c *Config) { c.Tracer, _ = t.Open(service, uint16(c.Self.Node)) }
}

// A call of a trace is followed to the callee's function or actor, and from there on; what belongs to none leaves nothing.
func TestTraceGoesWithTheCall(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		var traces tracetest.Traces
		owner := &owners{}
		caller, callee := w.pair(t, tracedBy(&traces, "caller"), func(c *Config) { c.Owners = owner })
		callee.rpc.cfg.Tracer, _ = traces.Open("echo", 2) // before anybody calls
		owner.set(func(int64) (id.Node, id.Boot, error) { return 2, callee.member.Boot, nil })
		HandleFunc(callee, echo, func(ctx context.Context, m *text) (*text, error) {
			if m.Value == "bad" {
				return nil, fault.New(fault.NotFound, "no such text")
			}
			trace.From(ctx).Child(trace.Client, "sql "+m.Value).End(nil)
			return m, nil
		})
		pool := actor.NewPool(callee.actors, func(*actor.Context, playerID) (*ledger, error) { return &ledger{}, nil }, actor.PoolConfig{Name: "player"})
		Handle(callee, pool, note, func(l *ledger, ctx *actor.Context, m *wrapperspb.Int64Value) (*empty, error) {
			l.seen = append(l.seen, m.Value)
			if m.Value%2 == 0 != trace.From(ctx).IsZero() {
				t.Errorf("message %d belongs to the trace %v", m.Value, trace.From(ctx).Ref())
			}
			_, err := echo.Call(ctx, callee.rpc, wrapperspb.String("deep"), To(2)) // the node's own
			return &empty{}, err
		}, Create())
		if _, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String("untraced"), Any); err != nil {
			t.Fatal(err)
		}
		if n := len(traces.Ended()); n != 0 {
			t.Errorf("%d spans without a trace", n)
		}

		root := func(name string) (context.Context, trace.Span) {
			span := trace.Begin(caller.rpc.cfg.Tracer, trace.Server, name)
			return trace.With(t.Context(), span), span
		}
		ctx, span := root("client")
		if _, err := echo.Call(ctx, caller.rpc, wrapperspb.String("flat"), Any); err != nil {
			t.Fatal(err)
		}
		if _, err := echo.Call(ctx, caller.rpc, wrapperspb.String("bad"), Any); fault.CodeOf(err) != fault.NotFound {
			t.Fatal(err)
		}
		if got, want := traces.Path("sql flat"), "client > echo.Echo > echo.Echo > sql flat"; got != want {
			t.Errorf("path %q, want %q", got, want)
		}
		span.End(nil)

		// Sends with and without a trace keep their order.
		ctx, span = root("sender")
		for i := range int64(100) {
			with := t.Context()
			if i%2 == 1 {
				with = ctx
			}
			if err := note.Send(with, caller.rpc, wrapperspb.Int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := note.Call(ctx, caller.rpc, wrapperspb.Int64(101)); err != nil {
			t.Fatal(err)
		}
		span.End(nil)
		if got, want := traces.Path("sql deep"), "sender > player.Note > player.Note > wrapperspb.Int64Value > echo.Echo > echo.Echo > sql deep"; got != want {
			t.Errorf("path %q, want %q", got, want)
		}
		settled(t, caller, callee)
		eventually(t, "all ended once", func() bool { return traces.Unbalanced() == 0 })
		failed := 0
		for _, s := range traces.Ended() {
			if s.Err != nil {
				failed++
			}
		}
		if failed != 2 { // at both ends of the one call
			t.Errorf("%d spans failed, want 2", failed)
		}
	})
}

// What comes as a trace and is none is ignored; so is one that this node does not record.
func TestTraceThatIsNone(t *testing.T) {
	t.Parallel()
	for name, traced := range map[string]bool{"recorded here": true, "not recorded here": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var traces tracetest.Traces
			n, _ := pair(t, func(c *Config) {
				if traced {
					tracedBy(&traces, "caller")(c)
				}
			})
			handled := make(chan bool, 8)
			HandleFunc(n, echo, func(ctx context.Context, m *text) (*text, error) {
				handled <- trace.From(ctx).IsZero()
				return m, nil
			}, Inline())
			own := n.rpc.own.live.Load().local
			frame := func(ref trace.Ref) []byte {
				b := appendRequest(nil, kindSend, 0, echo.hash, 0, trace.Of(fake{ref}))
				return append(b, "\x0a\x02hi"...)
			}
			good := trace.Ref{Trace: [16]byte{1}, Span: [8]byte{1}}
			for _, ref := range []trace.Ref{{}, {Trace: good.Trace}, {Span: good.Span}} {
				if err := own.take(frame(ref)); err != nil || !<-handled {
					t.Errorf("%v: %v, or it was taken for a trace", ref, err)
				}
			}
			if err := own.take(frame(good)); err != nil || <-handled == traced {
				t.Errorf("a good one: %v, or not as wanted", err)
			}
			if err := own.take(frame(good)[:requestSize+trace.RefSize-1]); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("one cut off: %v", err)
			}
			if n := len(traces.Ended()); traced != (n == 1) {
				t.Errorf("%d spans", n)
			}
		})
	}
}

// fake is a recording that is only its name.
type fake struct{ ref trace.Ref }

func (f fake) Ref() trace.Ref                           { return f.ref }
func (f fake) Child(trace.Kind, string) trace.Recording { return f }
func (fake) Set(string, string)                         {}
func (fake) SetInt(string, int64)                       {}
func (fake) End(error)                                  {}

// ownCalls is calls to the own node, on the caller's goroutine, with and without tracing: nothing else takes part, so that the difference can be seen.
func ownCalls(t testing.TB) map[string]func() {
	var traces tracetest.Traces
	calls := map[string]func(){}
	for name, change := range map[string]func(*Config){"off": func(*Config) {}, "on, no trace": tracedBy(&traces, "caller"), "on, traced": func(c *Config) { c.Tracer = fakes{} }} {
		n := newNode(t, cluster.NewStatic(), 1, "echo", change)
		n.view.Set(n.member)
		HandleFunc(n, echo, func(_ context.Context, m *text) (*text, error) { return m, nil }, Inline())
		ctx := context.Background()
		if name == "on, traced" {
			ctx = trace.With(ctx, trace.Of(fake{trace.Ref{Trace: [16]byte{1}, Span: [8]byte{1}}}))
		}
		req := wrapperspb.String("hello")
		calls[name] = func() {
			if _, err := echo.Call(ctx, n.rpc, req, To(1)); err != nil {
				t.Error(err)
			}
		}
	}
	return calls
}

type fakes struct{}

func (fakes) Begin(trace.Kind, string) trace.Span                       { return trace.Span{} }
func (fakes) Continue(ref trace.Ref, _ trace.Kind, _ string) trace.Span { return trace.Of(fake{ref}) }

// Not parallel: it counts allocations.
func TestWhatIsNotTracedAllocatesNoMore(t *testing.T) {
	calls := ownCalls(t)
	off, untraced := testing.AllocsPerRun(1000, calls["off"]), testing.AllocsPerRun(1000, calls["on, no trace"])
	if untraced > off {
		t.Errorf("%v allocations with a tracer and no trace, %v without a tracer", untraced, off)
	}
}

// What tracing costs a call:
//
//	go test ./framework/rpc -run '^$' -bench Trace -count 5
func BenchmarkTrace(b *testing.B) {
	calls := ownCalls(b)
	for _, name := range []string{"off", "on, no trace", "on, traced"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				calls[name]()
			}
		})
	}
}
