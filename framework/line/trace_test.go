package line

import (
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/line/internal/linepb"
	"loumiao/framework/trace"
	"loumiao/framework/trace/tracetest"
	"loumiao/framework/wire"
)

// A message that belongs to a trace has a span from its arrival to its answer, and its handler one within that; in everything else it is as any other.
func TestTracedMessages(t *testing.T) {
	t.Parallel()
	var traces tracetest.Traces
	b := newBackend(t, 2, func(b *backend, c *Config) {
		b.sys = actor.NewSystem(actor.Config{Logger: slog.New(slog.DiscardHandler), Traced: true})
		c.Tracer, _ = traces.Open("world", 2)
	})
	g := newGate(t, 1, b.member)
	s := g.enter(b, world)
	gateTracer, _ := traces.Open("gate", 1)
	forward := func(ref trace.Ref, h wire.Header, m proto.Message) {
		t.Helper()
		h.Stream, h.Message = world.Stream, b.srv.cfg.Registry.IDOf(m)
		body, err := wire.MarshalAppend(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.lines.ForwardTraced(ref, b.member.Node, world.ID, h, body); err != nil {
			t.Fatal(err)
		}
		g.lines.Flush()
	}
	root := gateTracer.Begin(trace.Producer, "gate")
	root.End(nil)

	forward(root.Ref(), wire.Header{Kind: wire.Request, Call: 5}, &linepb.Echo{Number: 7})
	if e := g.expect("deliver"); e.head.Kind != wire.Reply || e.head.Call != 5 || decode(t, e, &linepb.EchoReply{}).GetNumber() != 7 {
		t.Errorf("got %+v", e)
	}
	if got, want := traces.Path("linepb.Echo"), "gate > linetest.Echo > linepb.Echo"; got != want {
		t.Errorf("path %q, want %q", got, want)
	}
	forward(root.Ref(), wire.Header{Kind: wire.Request, Call: 6}, &linepb.Echo{Number: -1})
	if code, _ := g.expect("deliver").failed(t); code != fault.FailedPrecondition {
		t.Errorf("code %v", code)
	}
	forward(root.Ref(), wire.Header{Kind: wire.Request, Call: 7}, &linepb.Echo{Number: -3}) // panics
	g.expect("deliver")
	g.enter(b, world) // which ended the actor
	_ = s
	forward(root.Ref(), wire.Header{Kind: wire.Send}, &linepb.Note{Number: 9}) // its handler wants a session
	if n := receive(t, b.noted, "a note"); n != 9 {
		t.Errorf("note %d", n)
	}
	forward(trace.Ref{}, wire.Header{Kind: wire.Send}, &linepb.Note{Number: 10})
	if n := receive(t, b.noted, "a note"); n != 10 {
		t.Errorf("note %d", n)
	}
	// One that nobody handles: its player has not entered.
	other := world
	other.ID, other.Player = 2, 101
	g.attach(b, other)
	body, err := wire.MarshalAppend(nil, &linepb.Echo{})
	if err != nil {
		t.Fatal(err)
	}
	h := wire.Header{Kind: wire.Request, Call: 1, Stream: other.Stream, Message: b.srv.cfg.Registry.IDOf(&linepb.Echo{})}
	if err := g.lines.ForwardTraced(root.Ref(), b.member.Node, other.ID, h, body); err != nil {
		t.Fatal(err)
	}
	g.lines.Flush()
	if code, _ := g.expect("deliver").failed(t); code != fault.NotOwner {
		t.Errorf("code %v", code)
	}
	await(t, "all spans ended once", func() bool { return traces.Unbalanced() == 0 })
	failed := map[string]int{}
	for _, s := range traces.Ended() {
		if s.Err != nil {
			failed[s.Name]++
		}
	}
	if n := len(traces.Ended()); n != 10 || failed["linetest.Echo"] != 3 || failed["linepb.Echo"] != 2 {
		t.Errorf("%d spans, failed were %v", n, failed)
	}
}
