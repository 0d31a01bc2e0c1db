package zone

import (
	"context"
	"math/rand/v2"
	"slices"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// remote is the peers of a zone in a cluster.
type remote struct {
	rpc  *rpc.RPC
	view cluster.View
	self id.Node
}

func (r *remote) record(ctx context.Context, m *pb.RecordMatch) (*pb.RecordMatchReply, error) {
	return api.RecordMatch.Call(ctx, r.rpc, m, rpc.ByKey(m.GetMatch()))
}

func (r *remote) finished(ctx context.Context, m *pb.PlayerFinished) error {
	_, err := api.PlayerFinished.Call(ctx, r.rpc, m)
	return err
}

// offer tells any node that serves the area: what it is told, all of them know.
func (r *remote) offer(ctx context.Context, m *pb.OfferPlaces) error {
	now := r.view.Snapshot()
	if self, ok := now.Node(r.self); !ok || self.State != cluster.Ready {
		return nil // one that drains takes nobody new
	}
	nodes := now.ByType(api.Match)
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(n cluster.Member) bool {
		return n.State != cluster.Ready || n.Area != 0 && uint32(n.Area) != m.GetArea()
	})
	if len(nodes) == 0 {
		return fault.Errorf(fault.Unavailable, "no match node of area %d is ready", m.GetArea())
	}
	_, err := api.OfferPlaces.Call(ctx, r.rpc, m, rpc.To(nodes[rand.IntN(len(nodes))].Node))
	return err
}

func (r *remote) unmatched(ctx context.Context, m *pb.PlayerUnmatched) error {
	_, err := api.PlayerUnmatched.Call(ctx, r.rpc, m)
	return err
}
