//go:build unix

package node_test

import (
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/frameworktest"
	"loumiao/framework/lease"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
)

// TestPausedNodeEnds stops a node's process past its lease. When it goes on, the node finds that others may own what it owned, and ends;
// meanwhile its player is found where he has moved.
func TestPausedNodeEnds(t *testing.T) {
	t.Parallel()
	cfg := storetest.EmbeddedConfig(t)
	c := setupOn(t, cfg)
	other := c.Start(node.Config{Type: "a", ID: 1}, echoing())
	self, _ := other.Cluster().Snapshot().Node(1)
	const paused, player = 2, 5
	p := spawn(t, c, cfg.DataDir, paused, self.Gossip)
	sees(t, other, p, paused)
	m, _ := other.Cluster().Snapshot().Node(paused)
	if err := other.Owners().Bind(t.Context(), player, lease.Binding{Node: paused, Boot: m.Boot, Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	owner := func() string {
		reply, err := echo.Call(t.Context(), other.RPC(), wrapperspb.String(""), rpc.Owner(player))
		if err != nil {
			return err.Error()
		}
		return reply.GetValue()
	}
	if got := owner(); got != "2" {
		t.Fatalf("the player's node is %s; want 2", got)
	}

	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	frameworktest.Eventually(t, "the paused node's lease ends", func() bool {
		_, ok, err := other.Owners().Lookup(t.Context(), player)
		if err != nil {
			t.Fatal(err)
		}
		return !ok
	})
	if err := other.Owners().Bind(t.Context(), player, lease.Binding{Node: 1, Boot: other.Boot(), Epoch: 2}); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(p.said.String(), "the lease ran out") {
		t.Errorf("the paused node ended with %v, and said: %s", p.err, p.said.String())
	}
	if got := owner(); got != "1" {
		t.Errorf("the player's node is %s; want 1", got)
	}
}
