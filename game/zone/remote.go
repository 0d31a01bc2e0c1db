package zone

import (
	"context"

	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// remote is the peers of a zone in a cluster.
type remote struct{ rpc *rpc.RPC }

func (r *remote) record(ctx context.Context, m *pb.RecordMatch) (*pb.RecordMatchReply, error) {
	return api.RecordMatch.Call(ctx, r.rpc, m, rpc.ByKey(m.GetMatch()))
}

func (r *remote) finished(ctx context.Context, m *pb.PlayerFinished) error {
	_, err := api.PlayerFinished.Call(ctx, r.rpc, m)
	return err
}

func (r *remote) unmatched(ctx context.Context, m *pb.PlayerUnmatched) error {
	_, err := api.PlayerUnmatched.Call(ctx, r.rpc, m)
	return err
}
