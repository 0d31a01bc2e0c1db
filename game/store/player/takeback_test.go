package player_test

import (
	"fmt"
	"sync"
	"testing"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/game/store/player"
)

func TestTakeBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		ctx := t.Context()
		items := func(n int64) []player.ItemChange {
			return []player.ItemChange{{Item: "shield", Count: n}, {Item: "map", Count: n}}
		}
		buy := player.Op{Key: "order:1", Player: 7, Reason: "purchase", Wallet: gold(50), Items: items(2)}
		if _, err := s.Apply(ctx, buy); err != nil {
			t.Fatal(err)
		}
		spend := player.Op{Key: "shop:1", Player: 7, Reason: "shop", Wallet: gold(-120), Items: []player.ItemChange{{Item: "map", Count: -2}}}
		if _, err := s.Apply(ctx, spend); err != nil {
			t.Fatal(err)
		}
		back := player.Op{Key: "refund:1", Player: 7, Reason: "refund", Wallet: gold(-50), Items: items(-2)}
		results := make([]player.Taken, 4)
		var busy sync.WaitGroup
		for i := range results {
			busy.Go(func() {
				var err error
				if results[i], err = s.TakeBack(ctx, back); err != nil {
					t.Error(err)
				}
			})
		}
		busy.Wait()
		first := 0
		for _, r := range results {
			if !r.Repeated {
				first++
			}
			if fmt.Sprint(r.Wallet, r.Items) != "map[gold:30] map[shield:2]" {
				t.Errorf("taken: %+v", r)
			}
		}
		if first != 1 {
			t.Errorf("%d of them were the first", first)
		}
		if now := read(t, s, 7); now.Wallet[player.Gold] != 0 || len(now.Items) != 0 {
			t.Errorf("has %v, %v", now.Wallet, now.Items)
		}
		changed, ok, err := s.Changed(ctx, 7, "refund:1")
		if err != nil || !ok || fmt.Sprint(changed.Wallet, changed.Items) != "map[gold:-30] map[shield:-2]" {
			t.Errorf("the ledger says %+v, %v, %v", changed, ok, err)
		}
		if again, err := s.TakeBack(ctx, player.Op{Key: "refund:2", Player: 7, Reason: "refund", Wallet: gold(-5)}); err != nil || len(again.Wallet) != 0 {
			t.Errorf("from an empty wallet: %+v, %v", again, err)
		}
		if _, ok, err := s.Changed(ctx, 7, "refund:2"); !ok || err != nil {
			t.Errorf("an operation that found nothing to take: %v, %v", ok, err)
		}
		if _, ok, err := s.Changed(ctx, 7, "order:2"); ok || err != nil {
			t.Errorf("an operation that never was: %v, %v", ok, err)
		}
		for name, op := range map[string]player.Op{
			"giving": {Key: "k", Player: 7, Reason: "refund", Wallet: gold(1)}, "no key": {Player: 7, Reason: "refund", Wallet: gold(-1)},
			"exp": {Key: "k", Player: 7, Reason: "refund", Wallet: gold(-1), Exp: 1}, "epoch": {Key: "k", Player: 7, Reason: "refund", Wallet: gold(-1), Epoch: 1},
			"own key": {Key: "match:1", Player: 7, Reason: "refund", Wallet: gold(-1)},
		} {
			if _, err := s.TakeBack(ctx, op); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.TakeBack(ctx, player.Op{Key: "k", Player: 99, Reason: "refund", Wallet: gold(-1)}); fault.CodeOf(err) != fault.NotFound {
			t.Error(err)
		}
	})
}
