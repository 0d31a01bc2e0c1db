package rpc

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
)

// TestCallsWaitForANode has calls begin before there is a node for them.
func TestCallsWaitForANode(t *testing.T) {
	t.Parallel()
	watched := watchedView{cluster.NewStatic(), make(chan struct{}, 10)}
	caller := newNode(t, watched.Static, 1, "caller", func(c *Config) { c.View, c.NodeWait = watched, time.Hour })
	callee := newNode(t, watched.Static, 2, "echo")
	HandleFunc(callee, echo, func(_ context.Context, m *text) (*text, error) { return m, nil })
	callee.set(func(m *cluster.Member) { m.State = cluster.Joining })
	<-watched.watches // the RPC's own

	replies := make(chan error)
	for _, to := range []Target{Any, ByKey("a")} {
		go func() {
			_, err := echo.Call(t.Context(), caller.rpc, wrapperspb.String("hello"), to)
			replies <- err
		}()
		<-watched.watches
	}
	cancelled, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := echo.Call(cancelled, caller.rpc, &text{}, Any)
		replies <- err
	}()
	<-watched.watches
	cancel()
	if err := <-replies; fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("the cancelled call ended with %v", err)
	}
	callee.set(func(m *cluster.Member) { m.State = cluster.Ready })
	for range 2 {
		if err := <-replies; err != nil {
			t.Error(err)
		}
	}
	settled(t, caller, callee)
}

// TestStopEndsCallsThatWaitForANode must not wait for a node that never comes.
func TestStopEndsCallsThatWaitForANode(t *testing.T) {
	t.Parallel()
	watched := watchedView{cluster.NewStatic(), make(chan struct{}, 10)}
	caller := newNode(t, watched.Static, 1, "caller", func(c *Config) { c.View, c.NodeWait = watched, time.Hour })
	<-watched.watches
	ended := make(chan error)
	go func() {
		_, err := echo.Call(t.Context(), caller.rpc, &text{}, Any)
		ended <- err
	}()
	<-watched.watches
	caller.stop()
	if err := <-ended; fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("the call ended with %v", err)
	}
}

// A watchedView tells when somebody begins to watch.
type watchedView struct {
	*cluster.Static
	watches chan struct{}
}

func (v watchedView) Watch(fn func(old, new *cluster.Snapshot)) func() {
	stop := v.Static.Watch(fn)
	v.watches <- struct{}{}
	return stop
}
