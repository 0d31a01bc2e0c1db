package player_test

import (
	"errors"
	"fmt"
	"maps"
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
				if results[i], err = s.TakeBack(ctx, back, ""); err != nil {
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
		if again, err := s.TakeBack(ctx, player.Op{Key: "refund:2", Player: 7, Reason: "refund", Wallet: gold(-5)}, ""); err != nil || len(again.Wallet) != 0 {
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
			if _, err := s.TakeBack(ctx, op, ""); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.TakeBack(ctx, player.Op{Key: "k", Player: 99, Reason: "refund", Wallet: gold(-1)}, ""); fault.CodeOf(err) != fault.NotFound {
			t.Error(err)
		}
	})
}

// TestTakeBackSpilled takes back goods for which there was no room, before, while and after their mail is claimed: he never keeps what went back.
func TestTakeBackSpilled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		ctx := t.Context()
		roomy := s.Carrying(bag{100, someBag.stacks}.now)
		s = s.Carrying(someBag.now) // 3 slots
		bought := func(n int64) []player.ItemChange {
			return []player.ItemChange{{Item: "map", Count: 5 * n}, {Item: "potion", Count: n}}
		}
		order := 0
		buy := func() (given string, mail player.MailID) {
			t.Helper()
			order++
			op := give(fmt.Sprintf("order:%d", order), bought(1)...)
			op.Wallet, op.Spill = gold(10), true
			r, err := s.Apply(ctx, op)
			if err != nil || r.Mail == 0 {
				t.Fatalf("bought: %+v, %v", r, err)
			}
			return op.Key, r.Mail
		}
		back := func(key, given string, items ...player.ItemChange) string {
			t.Helper()
			op := give("refund:"+key+":"+given, items...)
			op.Wallet = gold(-10)
			taken, err := s.TakeBack(ctx, op, given)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := s.TakeBack(ctx, op, given); err != nil || !again.Repeated || !maps.Equal(again.Items, taken.Items) {
				t.Errorf("again: %+v, %v", again, err)
			}
			return fmt.Sprint(taken.Wallet, taken.Items)
		}
		nothing := func(when string) {
			t.Helper()
			if p := read(t, s, 7); len(p.Items) != 0 || len(mails(t, s)) != 0 {
				t.Errorf("%s he has %v and %d mails", when, p.Items, len(mails(t, s)))
			}
		}

		given, mail := buy()
		if took := back("all", given, bought(-1)...); took != "map[gold:10] map[map:5 potion:1]" {
			t.Errorf("before the mail is claimed: %s", took)
		}
		if _, _, err := roomy.ClaimMail(ctx, 7, 0, mail); !errors.Is(err, player.ErrNoMail) {
			t.Errorf("claimed what went back: %v", err)
		}
		nothing("after a refund")

		given, mail = buy()
		other, _ := buy()
		if took := back("part", given, player.ItemChange{Item: "map", Count: -2}, player.ItemChange{Item: "potion", Count: -1}); took != "map[gold:10] map[map:2 potion:1]" {
			t.Errorf("a part: %s", took)
		}
		if _, r, err := roomy.ClaimMail(ctx, 7, 0, mail); err != nil || r.Items["map"] != 3 || r.Items["potion"] != 0 {
			t.Errorf("claimed the rest: %+v, %v", r, err)
		}
		if took := back("rest", given, bought(-1)...); took != "map[gold:10] map[map:3]" { // the potion's debt is not paid from the other order's mail
			t.Errorf("the rest: %s", took)
		}
		if took := back("all", other, bought(-1)...); took != "map[gold:10] map[map:5 potion:1]" {
			t.Errorf("the other order: %s", took)
		}
		if err := s.DeleteMail(ctx, 7, 0, mail, false); err != nil { // it was claimed
			t.Fatal(err)
		}
		nothing("after both")

		for range 20 {
			given, mail = buy()
			var busy sync.WaitGroup
			busy.Go(func() {
				if _, _, err := roomy.ClaimMail(ctx, 7, 0, mail); err != nil && !errors.Is(err, player.ErrNoMail) {
					t.Error(err)
				}
			})
			if took := back("race", given, bought(-1)...); took != "map[gold:10] map[map:5 potion:1]" {
				t.Errorf("while it is claimed: %s", took)
			}
			busy.Wait()
			if p := read(t, s, 7); len(p.Items) != 0 {
				t.Fatalf("he kept %v", p.Items)
			}
			if err := s.DeleteMail(ctx, 7, 0, mail, false); err != nil { // claimed, or not there
				t.Fatal(err)
			}
		}
		nothing("after the race")

		given, mail = buy()
		if err := s.DeleteMail(ctx, 7, 0, mail, true); err != nil {
			t.Fatal(err)
		}
		if took := back("lost", given, bought(-1)...); took != "map[gold:10] map[]" {
			t.Errorf("thrown away: %s", took)
		}
	})
}
