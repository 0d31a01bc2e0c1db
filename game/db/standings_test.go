package db_test

import (
	"testing"

	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

// TestStandings lists where players stand, page by page, with what a match has changed.
func TestStandings(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		for _, p := range []int64{7, 8, 9} {
			c.load(p)
		}
		if _, err := c.record(5, 8, 7); err != nil {
			t.Fatal(err)
		}
		var all []*pb.PlayerStanding
		for after := int64(0); ; after = all[len(all)-1].GetPlayer() {
			page, err := api.ListStandings.Call(t.Context(), c.node.RPC(), &pb.ListStandings{After: after, Limit: 2}, rpc.Any)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.GetStandings()) == 0 {
				break
			}
			all = append(all, page.GetStandings()...)
		}
		if len(all) != 3 || all[0].GetPlayer() != 7 || all[1].GetRating() != player.StartRating+16 || all[1].GetMatchedMs() != 61_000 || all[2].GetMatchedMs() != 0 || all[2].GetName() == "" {
			t.Errorf("%v", all)
		}
	})
}
