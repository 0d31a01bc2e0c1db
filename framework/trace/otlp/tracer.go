package otlp

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otel "go.opentelemetry.io/otel/trace"

	"loumiao/framework/fault"
	"loumiao/framework/trace"
)

type tracer struct {
	otel.Tracer
	sample float64
}

// Begin is part of [trace.Tracer].
func (t *tracer) Begin(kind trace.Kind, name string) trace.Span {
	if !sampled(t.sample) {
		return trace.Span{}
	}
	return trace.Of(t.start(context.Background(), kind, name))
}

// Continue is part of [trace.Tracer].
func (t *tracer) Continue(parent trace.Ref, kind trace.Kind, name string) trace.Span {
	remote := otel.NewSpanContext(otel.SpanContextConfig{TraceID: parent.Trace, SpanID: parent.Span, TraceFlags: otel.FlagsSampled, Remote: true})
	return trace.Of(t.start(otel.ContextWithRemoteSpanContext(context.Background(), remote), kind, name))
}

var kinds = map[trace.Kind]otel.SpanKind{
	trace.Internal: otel.SpanKindInternal, trace.Server: otel.SpanKindServer, trace.Client: otel.SpanKindClient, trace.Producer: otel.SpanKindProducer,
}

func (t *tracer) start(ctx context.Context, kind trace.Kind, name string) *recording {
	ctx, span := t.Start(ctx, name, otel.WithSpanKind(kinds[kind]))
	return &recording{t, ctx, span}
}

// A recording is one span of the library's, and the context in which its children are made.
type recording struct {
	tracer *tracer
	ctx    context.Context
	span   otel.Span
}

// Ref is part of [trace.Recording], as the following are.
func (r *recording) Ref() trace.Ref {
	c := r.span.SpanContext()
	return trace.Ref{Trace: c.TraceID(), Span: c.SpanID()}
}

func (r *recording) Child(kind trace.Kind, name string) trace.Recording {
	return r.tracer.start(r.ctx, kind, name)
}

func (r *recording) Set(key, value string) { r.span.SetAttributes(attribute.String(key, value)) }

func (r *recording) SetInt(key string, value int64) {
	r.span.SetAttributes(attribute.Int64(key, value))
}

// End marks as failed what is the callee's fault or nobody's. Its text stays in the node's log: it may hold what a player wrote.
func (r *recording) End(err error) {
	if err != nil {
		code := fault.CodeOf(err)
		r.span.SetAttributes(attribute.String("code", code.String()))
		r.span.SetStatus(codes.Error, code.String())
	}
	r.span.End()
}
