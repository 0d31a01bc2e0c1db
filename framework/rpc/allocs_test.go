//go:build !race

package rpc

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/actor"
)

// Not parallel: it counts allocations, at both ends. Messages that are decoded are two each here, the struct and its bytes, and belong to who gets them: the handler, and for a call who made it.
func TestAllocations(t *testing.T) {
	caller, callee := pair(t)
	taken := make(chan struct{}, 1)
	var ref actor.Ref
	b := actor.NewBehavior[sink]()
	HandleActor(callee, func() actor.Ref { return ref }, b, echoActor, func(_ *sink, _ *actor.Context, m *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
		return m, nil
	})
	swallower := actor.NewBehavior[sink]()
	var swallowRef actor.Ref
	HandleActor(callee, func() actor.Ref { return swallowRef }, swallower, swallow, func(*sink, *actor.Context, *wrapperspb.BytesValue) (*emptypb.Empty, error) {
		taken <- struct{}{}
		return nil, nil
	})
	ref = mustSpawn(t, callee, b)
	swallowRef = mustSpawn(t, callee, swallower)
	msg := wrapperspb.Bytes(make([]byte, 64))
	for _, tc := range []struct {
		name string
		most float64
		do   func()
	}{
		{"call", 4, func() {
			if _, err := echoActor.Call(context.Background(), caller.rpc, msg, To(2)); err != nil {
				t.Fatal(err)
			}
		}},
		{"send", 2, func() {
			if err := swallow.Send(context.Background(), caller.rpc, msg, To(2)); err != nil {
				t.Fatal(err)
			}
			<-taken
		}},
	} {
		allocs := testing.AllocsPerRun(10_000, tc.do)
		t.Logf("%v for each %s", allocs, tc.name)
		if allocs > tc.most {
			t.Errorf("%v allocations for each %s; at most %v", allocs, tc.name, tc.most)
		}
	}
}

func mustSpawn(t *testing.T, n *testNode, b *actor.Behavior[sink]) actor.Ref {
	t.Helper()
	ref, err := actor.Spawn(n.actors, "", b, &sink{}, actor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}
