package trace_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"loumiao/framework/trace"
	"loumiao/framework/trace/tracetest"
)

func TestWithoutATracerNothingHappens(t *testing.T) {
	ctx := context.Background()
	allocs := testing.AllocsPerRun(100, func() {
		s := trace.Begin(nil, trace.Server, "x")
		s = s.Child(trace.Client, "y")
		s.Set("a", "b")
		s.SetInt("c", 1)
		s.End(nil)
		if !s.IsZero() || !s.Ref().IsZero() || trace.With(ctx, s) != ctx || !trace.From(ctx).IsZero() {
			t.Error("there is a span")
		}
		if !trace.Continue(nil, trace.Ref{Trace: [16]byte{1}, Span: [8]byte{1}}, trace.Server, "x").IsZero() {
			t.Error("there is a span")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestRefsThatAreNone(t *testing.T) {
	t.Parallel()
	good := trace.Ref{Trace: [16]byte{15: 7}, Span: [8]byte{9}}
	b := good.Append(nil)
	if got := trace.ParseRef(append(b, "more"...)); got != good || len(b) != trace.RefSize || got.String() != "00000000000000000000000000000007" {
		t.Errorf("got %v, %d bytes", got, len(b))
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "short": b[:trace.RefSize-1], "zeros": make([]byte, trace.RefSize),
		"no trace": append(make([]byte, 16), b[16:]...), "no span": append(b[:16:16], make([]byte, 8)...),
	} {
		if got := trace.ParseRef(b); got != (trace.Ref{}) || got.String() != "" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLogsSayWhichTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(trace.Logs(slog.NewTextHandler(&out, nil))).With("node", 3).WithGroup("g")
	var traces tracetest.Traces
	tracer, _ := traces.Open("world", 3)
	span := tracer.Begin(trace.Server, "Greet")
	ctx, cancel := context.WithCancel(trace.With(context.Background(), span))
	defer cancel()
	log.InfoContext(ctx, "in")
	log.Info("out")
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[0], "trace="+span.Ref().String()) || strings.Contains(lines[1], "trace=") {
		t.Errorf("logged:\n%s", out.String())
	}
	trace.From(ctx).Child(trace.Client, "sql").End(errors.New("no"))
	if got := traces.Path("sql"); got != "Greet > sql" {
		t.Errorf("path %q", got)
	}
}
