package rpc

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// echoes starts nodes 2 to 1+n of type "echo" that answer [whose] with their number, and a caller.
func echoes(t *testing.T, w way, n int, change ...func(*Config)) (caller *testNode, nodes map[id.Node]*testNode) {
	t.Helper()
	view := cluster.NewStatic()
	caller = w.newNode(t, view, 1, "caller", change...)
	nodes = map[id.Node]*testNode{}
	for i := range n {
		node := w.newNode(t, view, id.Node(2+i), "echo")
		HandleFunc(node, whose, func(context.Context, *empty) (*wrapperspb.UInt32Value, error) {
			return wrapperspb.UInt32(uint32(node.member.Node)), nil
		})
		nodes[node.member.Node] = node
		view.Set(node.member)
	}
	return caller, nodes
}

func (n *testNode) set(change func(*cluster.Member)) {
	change(&n.member)
	n.view.Set(n.member)
}

// ask is which node answers a call to the target.
func ask(t *testing.T, caller *testNode, to Target) id.Node {
	t.Helper()
	reply, err := whose.Call(t.Context(), caller.rpc, &empty{}, to)
	if err != nil {
		t.Fatal(err)
	}
	return id.Node(reply.Value)
}

func answered(t *testing.T, caller *testNode, to Target) map[id.Node]int {
	t.Helper()
	got := map[id.Node]int{}
	for range 200 {
		got[ask(t, caller, to)]++
	}
	return got
}

func TestAnySpreadsOverReadyNodes(t *testing.T) {
	t.Parallel()
	caller, nodes := echoes(t, direct, 5)
	nodes[3].set(func(m *cluster.Member) { m.State = cluster.Draining })
	nodes[4].set(func(m *cluster.Member) { m.State = cluster.Joining })
	nodes[6].set(func(m *cluster.Member) { m.State = cluster.Standby })
	if got := answered(t, caller, Any); got[2] == 0 || got[5] == 0 || len(got) != 2 {
		t.Errorf("answered by %v, want 2 and 5", got)
	}
	nodes[2].view.Remove(2)
	nodes[5].view.Remove(5)
	if got := answered(t, caller, Any); len(got) != 1 || got[3] == 0 {
		t.Errorf("answered by %v, want the draining 3", got)
	}
}

func TestAnyPassesOverNodesOutOfReach(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, nodes := echoes(t, w, 3)
		nodes[3].cut() // membership has not noticed
		for _, to := range []Target{Any, ByKey("a"), ByKey("b"), ByKey("c"), ByKey("d")} {
			if got := answered(t, caller, to); got[3] != 0 {
				t.Errorf("answered by %v", got)
			}
		}
	})
}

func TestAnyPrefersTheLessBusy(t *testing.T) {
	t.Parallel()
	idle, busy := &peer{Member: cluster.Member{Node: 1}}, &peer{Member: cluster.Member{Node: 2}}
	c := &caller{}
	c.load.Store(10)
	busy.live.Store(c)
	for range 100 {
		if p := pickAny([]*peer{idle, busy}, &tries{}); p != idle {
			t.Fatal("the busy one was chosen")
		}
	}
	var tried tries
	tried.add(idle)
	if p := pickAny([]*peer{idle, busy}, &tried); p != busy {
		t.Error("the one tried in vain was chosen again")
	}
}

func TestAreas(t *testing.T) {
	t.Parallel()
	caller, nodes := echoes(t, direct, 3, func(c *Config) { c.Area = 7 })
	nodes[2].set(func(m *cluster.Member) { m.Area = 7 })
	nodes[3].set(func(m *cluster.Member) { m.Area = 8 })
	if got := answered(t, caller, Any); got[2] == 0 || got[4] == 0 || len(got) != 2 {
		t.Errorf("answered by %v, want 2 (the same area) and 4 (all areas)", got)
	}
	if got := ask(t, caller, To(3)); got != 3 {
		t.Errorf("node 3 by name: answered by %v", got)
	}
}

func TestByKeyIsStableAndMovesOnlyWhatItMust(t *testing.T) {
	t.Parallel()
	var peers []*peer
	for i := range 10 {
		peers = append(peers, &peer{Member: cluster.Member{Node: id.Node(i + 1)}})
	}
	const keys = 10_000
	share, moved := map[id.Node]int{}, 0
	for k := range keys {
		key := ByKey(int64(k)).key
		before := pickKey(peers, key, &tries{}).Node
		after := pickKey(peers[1:], key, &tries{}).Node
		share[before]++
		if before != 1 && before != after {
			moved++
		}
	}
	if moved != 0 {
		t.Errorf("%d keys of other nodes moved when node 1 left", moved)
	}
	for n, got := range share {
		if got < keys/10*8/10 || got > keys/10*12/10 {
			t.Errorf("node %v has %d of %d keys", n, got, keys)
		}
	}
	// Callers of every build must agree, so what keys and ranks hash to is fixed.
	if got := fmt.Sprintf("%x %x %x", ByKey(int64(1)).key, ByKey("room").key, rank(1, 2)); got != golden {
		t.Errorf("hashes are %s, want %s", got, golden)
	}
}

const golden = "b456bcfc34c2cb2c 719519deca596dac 8d4f874c404dde5c"

// owners is a Directory that counts.
type owners struct {
	answer  atomic.Pointer[func(key int64) (id.Node, id.Boot, error)]
	asked   atomic.Int32
	forgets atomic.Int32
}

func (o *owners) set(fn func(int64) (id.Node, id.Boot, error)) { o.answer.Store(&fn) }
func (o *owners) Owner(_ context.Context, key int64) (id.Node, id.Boot, error) {
	o.asked.Add(1)
	return (*o.answer.Load())(key)
}
func (o *owners) Forget(int64, id.Node, id.Boot) { o.forgets.Add(1) }

func TestOwnerIsLookedUpOnceMore(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		dir := &owners{}
		caller, nodes := echoes(t, w, 2, func(c *Config) { c.Owners = dir })
		owned := Keyed[*wrapperspb.Int64Value]("echo.Owned", func(m *wrapperspb.Int64Value) int64 { return m.Value })
		for n, node := range nodes {
			register(node, owned.method, false, func(in *inbound, _ time.Duration, _ []byte) error {
				if n != 3 {
					return fault.New(fault.NotOwner, "not here")
				}
				in.Respond(wrapperspb.Int64(7), nil)
				return nil
			})
		}
		boot := func(n id.Node) id.Boot { return nodes[n].member.Boot }
		fresh := func() func(int64) (id.Node, id.Boot, error) { // stale once, then right
			stale := true
			return func(int64) (id.Node, id.Boot, error) {
				if stale {
					stale = false
					return 2, boot(2), nil
				}
				return 3, boot(3), nil
			}
		}
		tests := []struct {
			name           string
			answer         func(int64) (id.Node, id.Boot, error)
			code           fault.Code
			asked, forgets int32
		}{
			{"right at once", func(int64) (id.Node, id.Boot, error) { return 3, boot(3), nil }, fault.OK, 1, 0},
			{"stale once", fresh(), fault.OK, 2, 1},
			{"always wrong", func(int64) (id.Node, id.Boot, error) { return 2, boot(2), nil }, fault.NotOwner, 2, 1},
			{"an earlier life", func(int64) (id.Node, id.Boot, error) { return 3, boot(3) - 1, nil }, fault.Unavailable, 1, 0},
			{"nobody", func(int64) (id.Node, id.Boot, error) { return 0, 0, fault.New(fault.NotOwner, "nobody") }, fault.NotOwner, 1, 0},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				dir.set(tt.answer)
				dir.asked.Store(0)
				dir.forgets.Store(0)
				_, err := owned.Call(t.Context(), caller.rpc, wrapperspb.Int64(5))
				if fault.CodeOf(err) != tt.code || dir.asked.Load() != tt.asked || dir.forgets.Load() != tt.forgets {
					t.Errorf("%v after %d questions and %d forgets, want %v after %d and %d",
						err, dir.asked.Load(), dir.forgets.Load(), tt.code, tt.asked, tt.forgets)
				}
			})
		}
	})
}
