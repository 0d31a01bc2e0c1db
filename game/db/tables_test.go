package db_test

import (
	"testing"

	"loumiao/framework/live"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

// TestWhatTablesSay changes rewards and levels under a db that runs.
func TestWhatTablesSay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		board := live.NewBoard(c.env.Stores)
		c.load(7)
		c.load(8)
		if _, err := c.record(5, 8, 7); err != nil {
			t.Fatal(err)
		}
		if p := c.profile(8); p.GetExp() != 70 || p.GetLevel() != 1 || p.GetWallet()[player.Gold] != player.StartGold+20 {
			t.Errorf("the embedded tables gave %v", p)
		}
		err := board.Put(t.Context(), live.Snapshot{Version: 1, Entries: []live.Entry{
			{Name: "tables.levels", Text: "level,exp\n1,0\n2,60\n3,100\n"},
			{Name: "tables.welcome", Text: "id,sender,subject,body,gives\ngift,system,Hello,,gem=2 item:shield=3\n"},
			{Name: "tables.rewards", Text: "mode,gold,gold_per_behind,exp,exp_per_kill\narena,0,7,30,1\nduel-frame,0,7,30,1\nteam,0,7,30,1\n"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		c.eventually("both know what is published", func() bool { return c.env.Live.Version() == 1 }) // a feed gives it to one node after the other
		if p := c.profile(8); p.GetLevel() != 2 {
			t.Errorf("with what he has, the published levels made him %v; want level 2", p)
		}
		c.load(9)
		list, err := api.ListMails.Call(t.Context(), c.node.RPC(), &pb.ListMails{Player: 9}, rpc.Any)
		if err != nil || len(list.GetMails()) != 1 || list.GetMails()[0].GetSubject() != "Hello" || list.GetMails()[0].GetWallet()["gem"] != 2 ||
			list.GetMails()[0].GetItems()["shield"] != 3 {
			t.Errorf("a new player is welcomed with %v, %v", list, err)
		}
		reply, err := c.record(6, 8, 7)
		if err != nil {
			t.Fatal(err)
		}
		won, lost := reply.GetResults()[0].GetResult(), reply.GetResults()[1].GetResult()
		if won.GetReward()[player.Gold] != 7 || won.GetExp() != 32 || len(lost.GetReward()) != 0 {
			t.Errorf("the published tables gave %v and %v", won, lost)
		}
		if p := c.profile(8); p.GetLevel() != 3 || p.GetExp() != 102 {
			t.Errorf("and made him %v", p)
		}
	}, func(t *testing.T, c *caller) {
		feed := live.Open(t.Context(), live.NewBoard(c.env.Stores), "", storetest.Log(t))
		t.Cleanup(feed.Close)
		c.env.Live = feed
	})
}
