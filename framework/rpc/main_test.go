package rpc

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/link"
)

func TestMain(m *testing.M) {
	if os.Getenv(peerEnv) != "" {
		servePeer()
		return
	}
	if os.Getenv(victimEnv) != "" {
		serveVictim()
		return
	}
	goleak.VerifyTestMain(m)
}

// testNode is one node of a cluster in this process.
type testNode struct {
	rpc    *RPC
	view   *cluster.Static
	server *link.Server
	member cluster.Member
	actors *actor.System
}

// newNode starts a node that serves the type, and stops it at the end of the test. Membership does not know it before view.Set(n.member).
func newNode(t testing.TB, view *cluster.Static, node id.Node, typ string, change ...func(*Config)) *testNode {
	t.Helper()
	n := startNode(t, view, node, typ, change...)
	t.Cleanup(n.stop)
	return n
}

func startNode(t testing.TB, view *cluster.Static, node id.Node, typ string, change ...func(*Config)) *testNode {
	t.Helper()
	self := link.Peer{Node: node, Boot: id.Boot(node) + 1000, Type: typ}
	links := link.Config{Self: self, Key: bytes.Repeat([]byte{9}, link.KeySize)}
	cfg := Config{Self: self, View: view, Links: links}
	for _, fn := range change {
		fn(&cfg)
	}
	n := &testNode{view: view, server: link.NewServer(cfg.Links), actors: actor.NewSystem(actor.Config{Traced: true})}
	cfg.Server = n.server
	n.rpc = New(cfg)
	if err := n.server.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	n.member = cluster.Member{Node: node, Boot: cfg.Self.Boot, Type: typ, Addr: n.server.Addr(), State: cluster.Ready}
	n.server.Start()
	return n
}

func (n *testNode) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = n.actors.Stop(ctx)
	_ = n.rpc.Stop(ctx)
	_ = n.server.Stop(ctx)
}

// A way is how the nodes of a test reach each other.
type way struct{ relays int } // 0: directly

var direct = way{}

// bothWays runs a test twice: with links between the nodes, and by way of two relays.
func bothWays(t *testing.T, test func(*testing.T, way)) {
	for name, w := range map[string]way{"direct": direct, "relayed": {relays: 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

// firstRelay is the id of the first relay; the others follow.
const firstRelay id.Node = 900

func (w way) newNode(t testing.TB, view *cluster.Static, node id.Node, typ string, change ...func(*Config)) *testNode {
	t.Helper()
	n := w.startNode(t, view, node, typ, change...)
	t.Cleanup(n.stop)
	return n
}

// startNode starts the relays as well, with the first node in a view.
func (w way) startNode(t testing.TB, view *cluster.Static, node id.Node, typ string, change ...func(*Config)) *testNode {
	t.Helper()
	if w.relays == 0 {
		return startNode(t, view, node, typ, change...)
	}
	if _, ok := view.Snapshot().Node(firstRelay); !ok {
		for i := range w.relays {
			relay := newNode(t, view, firstRelay+id.Node(i), "relay", slices.Concat(change, []func(*Config){func(c *Config) { c.RelayType = "relay" }})...)
			view.Set(relay.member)
			t.Cleanup(func() { settled(t, relay) })
		}
	}
	return startNode(t, view, node, typ, slices.Concat(change, []func(*Config){func(c *Config) { c.RelayType, c.Relayed = "relay", true }})...)
}

// pair is a caller, node 1, and a callee of type "echo", node 2.
func pair(t testing.TB, change ...func(*Config)) (caller, callee *testNode) {
	t.Helper()
	return direct.pair(t, change...)
}

func (w way) pair(t testing.TB, change ...func(*Config)) (caller, callee *testNode) {
	t.Helper()
	view := cluster.NewStatic()
	caller, callee = w.newNode(t, view, 1, "caller", change...), w.newNode(t, view, 2, "echo")
	view.Set(caller.member, callee.member)
	return caller, callee
}

// patience is how long a test waits for what must come at once, on a machine that does much else.
const patience = 30 * time.Second

// eventually waits until what is true, which must come without further help.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %s after %v", what, patience)
		}
	}
}

// RPC makes it a Host.
func (n *testNode) RPC() *RPC { return n.rpc }
