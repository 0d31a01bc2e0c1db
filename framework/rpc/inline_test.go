package rpc

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// An inline function runs on the link's reader: in the order of arrival, without another goroutine, and a panic of it costs nobody the link.
func TestInlineRunsOnTheReader(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t)
		var seen []string // no lock: one goroutine
		handler := func(_ context.Context, m *text) (*text, error) {
			if m.Value == "panic" {
				panic("the password is hunter2")
			}
			if m.Value == "where" {
				stack := make([]byte, 64<<10)
				stack = stack[:runtime.Stack(stack, false)]
				if !strings.Contains(string(stack), "link.(*Conn).read") {
					t.Errorf("not on the reader:\n%s", stack)
				}
			}
			seen = append(seen, m.Value)
			return wrapperspb.String(strings.Join(seen, "")), nil
		}
		HandleFunc(callee, echo, handler, Inline())
		for _, v := range []string{"a", "b", "c", "panic"} {
			if err := echo.Send(t.Context(), caller.rpc, wrapperspb.String(v), Any); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String("panic"), Any); fault.CodeOf(err) != fault.Internal {
			t.Errorf("the panic came back as %v", err)
		}
		if reply, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String("where"), Any); err != nil || reply.Value != "abcwhere" {
			t.Errorf("got %v, %v, want abcwhere", reply, err)
		}
		settled(t, caller, callee)
	})
}

func TestInlineAnswersItsOwnNode(t *testing.T) {
	t.Parallel()
	caller, _ := pair(t)
	HandleFunc(caller, echo, func(ctx context.Context, m *text) (*text, error) {
		if Caller(ctx).Node != 1 {
			t.Errorf("caller is %v", Caller(ctx))
		}
		return m, nil
	}, Inline())
	if reply, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String("x"), To(id.Node(1))); err != nil || reply.Value != "x" {
		t.Errorf("got %v, %v", reply, err)
	}
	settled(t, caller)
}

// A request whose time went by while it waited for a goroutine is answered without running: nobody waits for what it would do.
func TestRequestThatWaitedTooLongDoesNotRun(t *testing.T) {
	t.Parallel()
	caller, callee := pair(t)
	begun, release := make(chan context.Context, 3), make(chan struct{})
	HandleFunc(callee, echo, waitsFor(begun, release), Concurrent(1))
	first := make(chan error, 1)
	go func() { _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); first <- err }()
	<-begun
	const allowed = 10 * time.Millisecond
	err := error(fault.New(fault.Deadline, "not sent yet"))
	for fault.CodeOf(err) == fault.Deadline {
		ctx, cancel := context.WithTimeout(t.Context(), allowed)
		err = echo.Send(ctx, caller.rpc, &text{}, Any)
		cancel()
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "queued", func() bool { return callee.rpc.Running() == 2 })
	<-time.After(allowed) // it has arrived, so now it is late
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	settled(t, caller, callee)
	if len(begun) != 0 {
		t.Error("it ran")
	}
}
