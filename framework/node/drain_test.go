package node_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
)

// TestDrain has a node take nobody new, and take them again; one that is not ready, or ends, does neither.
func TestDrain(t *testing.T) {
	t.Parallel()
	c := setup(t)
	caller := c.Start(node.Config{Type: "operator"}, &service{})
	getReady, ended := make(chan struct{}), make(chan struct{})
	var ending error
	var drained *frameworktest.Node
	tell := func(on bool) error {
		_, err := node.Drain.Call(t.Context(), caller.RPC(), wrapperspb.Bool(on), rpc.To(drained.ID()))
		return err
	}
	svc := &service{
		ready: func(context.Context) error { <-getReady; return nil },
		stop: func(context.Context) error {
			ending = tell(false)
			close(ended)
			return nil
		},
	}
	drained = c.Begin(node.Config{Type: "a"}, svc)
	frameworktest.Eventually(t, "the caller knows the node", func() bool {
		_, ok := caller.Cluster().Snapshot().Node(drained.ID())
		return ok
	})
	for _, on := range []bool{true, false} {
		if err := tell(on); fault.CodeOf(err) != fault.FailedPrecondition || drained.State() != cluster.Joining {
			t.Errorf("drain %v before it is ready: %v, %s", on, err, drained.State())
		}
	}
	close(getReady)
	drained.Ready()
	for _, on := range []bool{true, true, false, false, true} {
		want, status := cluster.Ready, 200
		if on {
			want, status = cluster.Draining, 503
		}
		if err := tell(on); err != nil || drained.State() != want {
			t.Errorf("drain %v: %v, it is %s", on, err, drained.State())
		}
		if got, body := get(t, drained, "/readyz"); got != status {
			t.Errorf("drain %v: readiness %d %s", on, got, body)
		}
		frameworktest.Eventually(t, "the caller sees it", func() bool {
			m, _ := caller.Cluster().Snapshot().Node(drained.ID())
			return m.State == want
		})
	}
	drained.Stop()
	<-ended
	if fault.CodeOf(ending) != fault.ShuttingDown {
		t.Errorf("taking a drain back while it ends: %v", ending)
	}
}
