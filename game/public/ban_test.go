package public

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// bailiff is an account node that notes what it is asked.
type bailiff struct {
	mu      sync.Mutex
	imposed []*pb.ImposeSanction
	lifted  []*pb.LiftSanction
}

func (b *bailiff) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, api.ImposeSanction, b.impose)
	rpc.HandleFunc(n, api.LiftSanction, b.lift)
	return nil
}
func (*bailiff) Ready(context.Context) error { return nil }
func (*bailiff) Stop(context.Context) error  { return nil }

func (b *bailiff) impose(_ context.Context, m *pb.ImposeSanction) (*pb.ImposeSanctionReply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.imposed = append(b.imposed, m)
	return &pb.ImposeSanctionReply{Id: 1<<53 + 1}, nil
}

func (b *bailiff) lift(_ context.Context, m *pb.LiftSanction) (*pb.Done, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lifted = append(b.lifted, m)
	return &pb.Done{}, nil
}

// TestBan has account nodes told who commands a ban and why, under the command's key, and what is lifted.
func TestBan(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	b := &bailiff{}
	s.Start(node.Config{Type: api.Account}, b)
	s.lead(settings())
	ends := time.Now().Add(time.Hour).UnixMilli()
	var banned command.Banned
	s.eventually("an account node obeys", func() bool {
		r := order(t, s, "ban-1", command.Ban, command.BanArgs{Account: 7, Ends: ends})
		return r.Err() == nil && json.Unmarshal(r.Value, &banned) == nil
	})
	if banned.Sanction != 1<<53+1 {
		t.Errorf("banned: %+v", banned)
	}
	submit(t, s, command.Lift, command.LiftArgs{Account: 7, Sanction: banned.Sanction})
	if r := order(t, s, "ban-nobody", command.Ban, command.BanArgs{}); r.Code != fault.Invalid {
		t.Errorf("a ban of nobody: %+v", r)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.imposed) != 1 || b.imposed[0].GetAccount() != 7 || b.imposed[0].GetEndsMs() != ends || b.imposed[0].GetKey() != "command:ban-1" ||
		b.imposed[0].GetReason() == "" || b.imposed[0].GetAuthor() == "" {
		t.Errorf("imposed: %v", b.imposed)
	}
	if len(b.lifted) != 1 || b.lifted[0].GetAccount() != 7 || b.lifted[0].GetId() != banned.Sanction {
		t.Errorf("lifted: %v", b.lifted)
	}
}
