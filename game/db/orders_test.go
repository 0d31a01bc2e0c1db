package db_test

import (
	"fmt"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

func TestTakeBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		c.load(7)
		m := &pb.TakeBack{Player: 7, Key: "refund:1", Reason: "refund", Wallet: map[string]int64{player.Gold: player.StartGold + 50}}
		for i := range 2 {
			r, err := api.TakeBack.Call(t.Context(), c.node.RPC(), m, rpc.Any) // whichever node: the key holds for all
			if err != nil || r.GetRepeated() != (i > 0) || fmt.Sprint(r.GetWallet()) != wallet(player.StartGold) {
				t.Errorf("taken the %d. time: %v, %v", i+1, r, err)
			}
		}
		read := func(key string) *pb.ReadOpReply {
			t.Helper()
			r, err := api.ReadOp.Call(t.Context(), c.node.RPC(), &pb.ReadOp{Player: 7, Key: key}, target(7))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := read("refund:1"); !r.GetApplied() || fmt.Sprint(r.GetWallet()) != wallet(-player.StartGold) {
			t.Errorf("the ledger says %v", r)
		}
		if r := read("refund:2"); r.GetApplied() || len(r.GetWallet()) != 0 {
			t.Errorf("of what never was, the ledger says %v", r)
		}
		m.Key, m.Wallet = "refund:3", map[string]int64{player.Gold: -5}
		_, err := api.TakeBack.Call(t.Context(), c.node.RPC(), m, target(7))
		c.wantCode("giving by taking back", err, fault.Invalid)
	})
}
