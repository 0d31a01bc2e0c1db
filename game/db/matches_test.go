package db_test

import (
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

func (c *caller) matches(player int64) []*pb.MatchResult {
	c.t.Helper()
	r, err := api.ListMatches.Call(c.t.Context(), c.node.RPC(), &pb.ListMatches{Player: player}, target(player))
	if err != nil {
		c.t.Fatal(err)
	}
	return r.GetMatches()
}

// TestRecordMatch gives a match's rewards once: its number is the key, and whatever comes under it later gets the first answer.
func TestRecordMatch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		epoch := c.load(7).GetEpoch()
		c.load(8)
		c.load(9)
		first, err := c.record(5, 8, 7)
		if err != nil || len(first.GetResults()) != 2 {
			t.Fatalf("%v, %v", first, err)
		}
		want := &pb.PlayerResult{Player: 8, Result: &pb.MatchResult{
			Match: 5, Mode: "arena", EndedMs: 61_000, Place: 1, Players: 2, Score: 10, Kills: 2,
			RatingBefore: player.StartRating, RatingAfter: player.StartRating + 16, Reward: map[string]int64{player.Gold: 20}, Exp: 70,
		}}
		if won := first.GetResults()[0]; !proto.Equal(won, want) {
			t.Errorf("the winner gets %v, want %v", won, want)
		}
		before := c.profile(8)
		for name, again := range map[string][]int64{"the same": {8, 7}, "another order": {7, 8}, "others": {9}} {
			if r, err := c.record(5, again...); err != nil || !proto.Equal(r, first) {
				t.Errorf("the match again, %s: %v, %v; want %v", name, r, err, first)
			}
		}
		if now := c.profile(8); !proto.Equal(now, before) || now.GetWallet()[player.Gold] != player.StartGold+20 || now.GetExp() != 70 {
			t.Errorf("the repetitions changed the winner from %v to %v", before, now)
		}
		if p := c.profile(9); p.GetExp() != 0 || p.GetRating() != player.StartRating || len(c.matches(9)) != 0 {
			t.Errorf("one who was not in the first result gets %v", p)
		}
		if entries := c.ledger(8, 0, 0); len(entries) != 2 || entries[0].GetKey() != "match:5" || entries[0].GetAmount() != 20 {
			t.Errorf("the winner's ledger is %v", entries)
		}
		if err := c.save(7, epoch, `{}`, 1); err != nil {
			t.Errorf("a result has ended the hold of the world that has the player: %v", err)
		}
		if _, err := c.record(6, 7, 8); err != nil {
			t.Fatal(err)
		}
		if history := c.matches(8); len(history) != 2 || history[0].GetMatch() != 6 || !proto.Equal(history[1], first.GetResults()[0].GetResult()) {
			t.Errorf("the winner's history is %v", history)
		}
	})
}

func TestRecordMatchRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		c.load(7)
		before := c.profile(7)
		for name, test := range map[string]struct {
			match   int64
			players []int64
			want    fault.Code
		}{
			"no number":       {0, []int64{7}, fault.Invalid},
			"nobody":          {5, nil, fault.Invalid},
			"somebody twice":  {5, []int64{7, 7}, fault.Invalid},
			"an unknown":      {5, []int64{7, 8}, fault.NotFound},
			"player nobody":   {5, []int64{7, 0}, fault.Invalid},
			"too many people": {5, make([]int64, 129), fault.Invalid},
		} {
			_, err := c.record(test.match, test.players...)
			c.wantCode("a match with "+name, err, test.want)
		}
		if now := c.profile(7); !proto.Equal(now, before) {
			t.Errorf("refused matches changed the player from %v to %v", before, now)
		}
		// What was refused has not used its number up.
		if r, err := c.record(5, 7); err != nil || len(r.GetResults()) != 1 {
			t.Errorf("%v, %v", r, err)
		}
	})
}

// TestSameMatchAtOnce has both nodes store the same matches at the same time, while the players are loaded and saved.
func TestSameMatchAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		players := []int64{1, 2, 3}
		for _, p := range players {
			c.load(p)
		}
		const matches, times = 6, 3
		replies := make([][times]*pb.RecordMatchReply, matches)
		var all sync.WaitGroup
		for m := range matches {
			for n := range times {
				all.Go(func() {
					var err error
					if replies[m][n], err = c.record(int64(m+1), players[m%3], players[(m+1)%3]); err != nil {
						t.Error(err)
					}
				})
			}
			all.Go(func() {
				who := players[m%3]
				r, err := api.LoadPlayer.Call(t.Context(), c.node.RPC(), &pb.LoadPlayer{Player: who, Account: 1000 + who, Area: 1}, rpc.Any)
				if err != nil {
					t.Error(err)
				} else if err := c.save(who, r.GetEpoch(), `{}`, 1); err != nil && fault.CodeOf(err) != fault.Fenced {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for m, r := range replies {
			for n := range times {
				if !proto.Equal(r[n], r[0]) {
					t.Errorf("match %d was answered %v, and %v", m+1, r[0], r[n])
				}
			}
		}
		var gold, ratings int64
		for _, p := range players {
			profile := c.profile(p)
			gold += profile.GetWallet()[player.Gold]
			ratings += int64(profile.GetRating())
			if history := c.matches(p); len(history) != 4 {
				t.Errorf("player %d was in %d matches, want 4", p, len(history))
			}
		}
		if want := 3*player.StartGold + matches*(20+10); gold != want {
			t.Errorf("the players have %d gold, want %d", gold, want)
		}
		if want := 3 * int64(player.StartRating); ratings < want-matches || ratings > want+matches { // rounding
			t.Errorf("the ratings sum to %d, want about %d", ratings, want)
		}
	})
}
