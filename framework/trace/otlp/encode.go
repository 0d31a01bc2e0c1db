package otlp

import (
	"encoding/json"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// What follows is opentelemetry/proto/collector/trace/v1 in JSON, as the OTLP specification has it: ids in hexadecimal, 64-bit integers as strings.

type request struct {
	ResourceSpans []resourceSpans `json:"resourceSpans"`
}

type resourceSpans struct {
	Resource   attributes   `json:"resource"`
	ScopeSpans []scopeSpans `json:"scopeSpans"`
}

type attributes struct {
	Attributes []keyValue `json:"attributes"`
}

type scopeSpans struct {
	Scope struct {
		Name string `json:"name"`
	} `json:"scope"`
	Spans []span `json:"spans"`
}

type span struct {
	Trace      string     `json:"traceId"`
	ID         string     `json:"spanId"`
	Parent     string     `json:"parentSpanId,omitempty"`
	Name       string     `json:"name"`
	Kind       int        `json:"kind"`
	Start      string     `json:"startTimeUnixNano"`
	End        string     `json:"endTimeUnixNano"`
	Attributes []keyValue `json:"attributes,omitempty"`
	Dropped    int        `json:"droppedAttributesCount,omitempty"`
	Status     *status    `json:"status,omitempty"`
}

type status struct {
	Message string `json:"message,omitempty"`
	Code    int    `json:"code"`
}

// statusError is STATUS_CODE_ERROR.
const statusError = 2

type keyValue struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

type value struct {
	String *string `json:"stringValue,omitempty"`
	Int    *string `json:"intValue,omitempty"`
}

// encode is one request; all spans of a batch are of one provider, and so of one resource and scope.
func encode(spans []sdk.ReadOnlySpan) []byte {
	all := resourceSpans{ScopeSpans: make([]scopeSpans, 1)}
	scope := &all.ScopeSpans[0]
	for i, s := range spans {
		if i == 0 {
			all.Resource.Attributes = keyValues(s.Resource().Attributes())
			scope.Scope.Name = s.InstrumentationScope().Name
		}
		scope.Spans = append(scope.Spans, encodeSpan(s))
	}
	b, err := json.Marshal(request{[]resourceSpans{all}})
	if err != nil {
		return nil // there is nothing in it that cannot be encoded
	}
	return b
}

func encodeSpan(s sdk.ReadOnlySpan) span {
	c := s.SpanContext()
	out := span{
		Trace: c.TraceID().String(), ID: c.SpanID().String(), Name: s.Name(), Kind: int(s.SpanKind()),
		Start: nanos(s.StartTime()), End: nanos(s.EndTime()), Attributes: keyValues(s.Attributes()), Dropped: s.DroppedAttributes(),
	}
	if s.Parent().SpanID().IsValid() {
		out.Parent = s.Parent().SpanID().String()
	}
	if s.Status().Code == codes.Error {
		out.Status = &status{s.Status().Description, statusError}
	}
	return out
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func keyValues(attrs []attribute.KeyValue) []keyValue {
	out := make([]keyValue, 0, len(attrs))
	for _, a := range attrs {
		text := a.Value.String()
		kv := keyValue{Key: string(a.Key)}
		if a.Value.Type() == attribute.INT64 {
			kv.Value.Int = &text
		} else {
			kv.Value.String = &text
		}
		out = append(out, kv)
	}
	return out
}
