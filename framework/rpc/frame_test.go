package rpc

import (
	"bytes"
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/link"
	"loumiao/framework/trace"
)

func TestFrames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		bytes []byte
		want  frame
	}{
		{"call", append(appendRequest(nil, kindCall, 5, 6, 7*time.Microsecond, trace.Span{}), "body"...),
			frame{kind: kindCall, call: 5, method: 6, timeout: 7 * time.Microsecond, body: []byte("body")}},
		{"send", appendRequest(nil, kindSend, 0, 6, 0, trace.Span{}), frame{kind: kindSend, method: 6, body: []byte{}}},
		{"traced call", append(appendRequest(nil, kindCall, 5, 6, 7*time.Microsecond, trace.Of(fake{trace.Ref{Trace: [16]byte{1}, Span: [8]byte{2}}})), "body"...),
			frame{kind: kindCall, flags: traced, call: 5, method: 6, timeout: 7 * time.Microsecond, trace: trace.Ref{Trace: [16]byte{1}, Span: [8]byte{2}}, body: []byte("body")}},
		{"reply", append(appendHead(nil, kindReply, 0, 9, 5), "body"...), frame{kind: kindReply, load: 9, call: 5, body: []byte("body")}},
		{"error", appendError(nil, refused, 9, 5, fault.NotFound, "no"), frame{kind: kindError, flags: refused, load: 9, call: 5, code: fault.NotFound, body: []byte("no")}},
		{"cancel", appendHead(nil, kindCancel, 0, 0, 5), frame{kind: kindCancel, call: 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseFrame(tt.bytes)
			if err != nil || !bytes.Equal(got.body, tt.want.body) {
				t.Fatalf("got body %q, %v", got.body, err)
			}
			got.body, tt.want.body = nil, nil
			if g, w := got, tt.want; g.kind != w.kind || g.flags != w.flags || g.load != w.load || g.call != w.call || g.method != w.method || g.timeout != w.timeout || g.trace != w.trace || g.code != w.code {
				t.Errorf("got %+v, want %+v", g, w)
			}
		})
	}
}

func TestMalformedFrames(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"empty":            {},
		"short head":       make([]byte, headSize-1),
		"unknown kind":     appendHead(nil, 99, 0, 0, 1),
		"short call":       appendHead(nil, kindCall, 0, 0, 1),
		"call of number 0": appendRequest(nil, kindCall, 0, 1, 0, trace.Span{}),
		"send of number 1": appendRequest(nil, kindSend, 1, 1, 0, trace.Span{}),
		"short trace":      appendHead(nil, kindCall, traced, 0, 1),
		"reply with trace": appendHead(nil, kindReply, traced, 0, 1),
		"unknown flags":    appendHead(nil, kindReply, 4, 0, 1),
		"error without":    appendHead(nil, kindError, 0, 0, 1),
		"error of code ok": appendError(nil, 0, 0, 1, fault.OK, ""),
		"long cancel":      append(appendHead(nil, kindCancel, 0, 0, 1), 0),
	} {
		if f, err := parseFrame(b); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestTimeoutsRoundUp(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]uint32{0: 0, 1: 1, time.Microsecond: 1, time.Microsecond + 1: 2, time.Second: 1e6, 100 * time.Hour: 1<<32 - 1} {
		if got := microseconds(d); got != want {
			t.Errorf("%v is %d, want %d", d, got, want)
		}
	}
}

// A peer that sends nonsense loses its link, and takes nothing else down.
func TestNonsenseEndsTheLink(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"malformed":         {1, 2, 3},
		"reply to a callee": appendHead(nil, kindReply, 0, 0, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, callee := pair(t)
			HandleFunc(callee, echo, func(_ context.Context, m *text) (*text, error) { return m, nil })
			closed := make(chan error, 1)
			c, err := link.Dial(t.Context(), callee.member.Addr, caller.rpc.cfg.Links, link.RPC, link.Peer{}, onClosed(closed))
			if err != nil {
				t.Fatal(err)
			}
			_ = c.Write(func(out []byte) []byte { return append(out, b...) })
			<-closed
			<-c.Done()
			if _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); err != nil {
				t.Errorf("an honest caller: %v", err)
			}
		})
	}
}

type onClosed chan error

func (onClosed) Frame(*link.Conn, []byte)         {}
func (onClosed) Flush(*link.Conn)                 {}
func (c onClosed) Closed(_ *link.Conn, err error) { c <- err }

// Whatever arrives at either end, nothing panics, and a callee that works on nothing has nothing under way.
func FuzzFrames(f *testing.F) {
	body := []byte("\x0a\x02hi")
	f.Add(append(appendRequest(nil, kindCall, 5, echo.hash, time.Second, trace.Span{}), body...))
	f.Add(append(appendRequest(nil, kindSend, 0, echo.hash, 0, trace.Span{}), body...))
	f.Add(append(appendRequest(nil, kindCall, 5, echo.hash, time.Second, trace.Of(fake{trace.Ref{Trace: [16]byte{1}, Span: [8]byte{2}}})), body...))
	f.Add(append(appendHead(nil, kindReply, 0, 9, 1<<slotBits), body...))
	f.Add(appendError(nil, refused, 9, 1<<slotBits, fault.NotFound, "no"))
	f.Add(appendHead(nil, kindCancel, 0, 0, 5))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseFrame(b); err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%x: %v", b, err)
		}
		r := New(Config{Self: link.Peer{Node: 1, Boot: 1, Type: "echo"}, View: cluster.NewStatic()})
		HandleFunc(r, echo, func(_ context.Context, m *text) (*text, error) { return m, nil })
		own := r.own.live.Load()
		w, err := own.calls.add(0) // its number is 1<<slotBits
		if err != nil {
			t.Fatal(err)
		}
		_ = own.take(b)
		_ = own.local.take(b)
		if reply, err := echo.Call(context.Background(), r, wrapperspb.String("x"), To(1)); err != nil || reply.Value != "x" {
			t.Errorf("after %x: %v, %v", b, reply, err)
		}
		if err := r.Stop(context.Background()); err != nil || r.Running() != 0 {
			t.Errorf("after %x: %v, %d run", b, err, r.Running())
		}
		<-w.done
	})
}
