package player_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/game/store/player"
)

// A bag has that many slots and those stacks, and the currency is gold.
type bag struct {
	slots  int64
	stacks map[string]int64
}

func (b bag) Slots() int64              { return b.slots }
func (b bag) Currency(name string) bool { return name == player.Gold }
func (b bag) Stack(item string) (int64, bool) {
	size, ok := b.stacks[item]
	return size, ok
}

func (b bag) now() player.Catalogue { return b }

var someBag = bag{3, map[string]int64{"map": 1, "potion": 10, "medal": 0}}

func give(key string, items ...player.ItemChange) player.Op {
	return player.Op{Key: key, Player: 7, Reason: "test", Items: items}
}

// TestBag refuses what there is no room for, everywhere, and nothing else.
func TestBag(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		s = s.Carrying(someBag.now)
		for i, test := range []struct {
			items []player.ItemChange
			want  error
		}{
			{[]player.ItemChange{{Item: "potion", Count: 11}}, nil},                            // 2 slots
			{[]player.ItemChange{{Item: "map", Count: 2}}, player.ErrBagFull},                  // 4
			{[]player.ItemChange{{Item: "map", Count: 1}}, nil},                                // 3
			{[]player.ItemChange{{Item: "potion", Count: 9}}, nil},                             // still 3
			{[]player.ItemChange{{Item: "potion", Count: 1}}, player.ErrBagFull},               // 4
			{[]player.ItemChange{{Item: "medal", Count: 1000}}, nil},                           // needs none
			{[]player.ItemChange{{Item: "map", Count: 1}, {Item: "potion", Count: -10}}, nil},  // 3: one for the other
			{[]player.ItemChange{{Item: "sword", Count: 1}}, fault.New(fault.Invalid, "")},     // does not exist
			{[]player.ItemChange{{Item: "potion", Count: -10}, {Item: "map", Count: -2}}, nil}, // 0
		} {
			op := give(fmt.Sprint(i), test.items...)
			if _, err := s.Apply(t.Context(), op); !errors.Is(err, test.want) {
				t.Errorf("%v: %v, want %v", test.items, err, test.want)
			}
		}
		l := letter("full", 0)
		l.Goods.Items = map[string]int64{"map": 4}
		full := send(t, s, l)
		if _, _, err := s.ClaimMail(t.Context(), 7, 0, full.ID); !errors.Is(err, player.ErrBagFull) {
			t.Errorf("claimed into a full bag: %v", err)
		}
		l.Key, l.Goods.Items = "unknown", map[string]int64{"sword": 1}
		if _, _, err := s.SendMail(t.Context(), l); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("what does not exist is sent: %v", err)
		}
		op := give("gems")
		op.Wallet = []player.Change{{Currency: "gem", Amount: 1}}
		if _, err := s.Apply(t.Context(), op); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "there is no currency gem") {
			t.Errorf("a currency that does not exist is given: %v", err)
		}
		op.Wallet = []player.Change{{Currency: player.Gold, Amount: 1}}
		if _, err := s.Apply(t.Context(), op); err != nil {
			t.Errorf("one that does: %v", err)
		}
		l.Key, l.Goods = "coins", player.Goods{Wallet: map[string]int64{"gem": 1}}
		if _, _, err := s.SendMail(t.Context(), l); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a currency that does not exist is sent: %v", err)
		}
		// With a smaller bag he keeps what he has, and may have less of it.
		if _, err := s.Apply(t.Context(), give("fill", player.ItemChange{Item: "map", Count: 3})); err != nil {
			t.Fatal(err)
		}
		small := s.Carrying(bag{1, someBag.stacks}.now)
		if _, err := small.Apply(t.Context(), give("swap", player.ItemChange{Item: "map", Count: -1}, player.ItemChange{Item: "potion", Count: 1})); err != nil {
			t.Errorf("no more than before: %v", err)
		}
		if _, err := small.Apply(t.Context(), give("more", player.ItemChange{Item: "map", Count: 1})); !errors.Is(err, player.ErrBagFull) {
			t.Errorf("more than before: %v", err)
		}
	})
}

// TestSpill sends what does not fit by mail, in one step with the rest, and once.
func TestSpill(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, db *gorm.DB) {
		load(t, s, 7)
		s = s.Carrying(someBag.now)
		op := give("order:1", player.ItemChange{Item: "map", Count: 5}, player.ItemChange{Item: "potion", Count: 1})
		op.Wallet, op.Spill = gold(-10), true
		for i := range 2 {
			r, err := s.Apply(t.Context(), op)
			if err != nil || r.Mail == 0 || r.Repeated != (i == 1) || r.Wallet[player.Gold] != player.StartGold-10 || len(r.Items) != 0 {
				t.Fatalf("time %d: %+v, %v", i+1, r, err)
			}
			list, _, err := s.Mails(t.Context(), 7, 0, 0)
			if err != nil || len(list) != 1 || list[0].ID != r.Mail || !maps.Equal(list[0].Goods.Items, map[string]int64{"map": 5, "potion": 1}) || list[0].Sender != "test" {
				t.Fatalf("time %d: there is %+v, %v", i+1, list, err)
			}
		}
		roomy := s.Carrying(bag{6, someBag.stacks}.now)
		if _, r, err := roomy.ClaimMail(t.Context(), 7, 0, mails(t, s)[0]); err != nil || r.Items["map"] != 5 {
			t.Errorf("claiming: %+v, %v", r, err)
		}
		op.Key, op.Items = "order:2", []player.ItemChange{{Item: "sword", Count: 1}}
		if _, err := s.Apply(t.Context(), op); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("what does not exist: %v", err)
		}
		fill(t, db, player.MaxMails-1)
		last := letter("last", 1)
		send(t, s, last) // in the place of the claimed one
		op.Key, op.Items = "order:3", []player.ItemChange{{Item: "map", Count: 4}}
		if _, err := s.Apply(t.Context(), op); !errors.Is(err, player.ErrMailFull) {
			t.Errorf("with a full bag and a full mailbox: %v", err)
		}
		if p := read(t, s, 7); p.Wallet[player.Gold] != player.StartGold-10 {
			t.Errorf("afterwards: %+v", p)
		}
	})
}

// TestCounts limits how often something is done in a period.
func TestCounts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		for i, test := range []struct {
			period, add, most, want int64
		}{
			{20260101, 2, 3, 2}, {20260101, 2, 3, -1}, {20260101, 1, 3, 3}, {20260101, 1, 3, -1},
			{20260102, 1, 3, 1}, {20260101, 2, 3, 3}, {20260101, 1, 3, -1}, {20260102, 1, 0, 4}, {20260103, 4, 3, -1}, {20260103, 3, 3, 3},
		} {
			op := player.Op{Key: fmt.Sprint(i), Player: 7, Reason: "test", Wallet: gold(1), Counts: []player.Count{
				{Name: "buy:a", Period: test.period, Add: test.add, Most: test.most}, {Name: "ever", Add: 1},
			}}
			r, err := s.Apply(t.Context(), op)
			if test.want < 0 {
				if !errors.Is(err, player.ErrLimit) {
					t.Errorf("%d: %+v, %v; want a refusal", i, r, err)
				}
				continue
			}
			if err != nil || r.Counts["buy:a"] != test.want {
				t.Errorf("%d: %+v, %v; want %d", i, r, err, test.want)
			}
		}
		have, err := s.Counters(t.Context(), 7, []string{"buy:a", "ever", "never"})
		if err != nil || len(have) != 2 || have["buy:a"] != (player.Counted{Period: 20260103, Count: 3}) || have["ever"].In(0) != 6 || have["buy:a"].In(20260104) != 0 {
			t.Errorf("counters = %v, %v", have, err)
		}
		for name, counts := range map[string][]player.Count{
			"no name":  {{Add: 1}},
			"twice":    {{Name: "a", Add: 1}, {Name: "a", Add: 1}},
			"nothing":  {{Name: "a"}},
			"too many": make([]player.Count, 257),
		} {
			if _, err := s.Apply(t.Context(), player.Op{Key: "k", Player: 7, Reason: "test", Counts: counts}); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestCountsRace has many use up one limit.
func TestCountsRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		var done atomic.Int64
		var wg sync.WaitGroup
		for w := range 12 {
			wg.Go(func() {
				op := player.Op{Key: fmt.Sprint(w), Player: 7, Reason: "test", Wallet: gold(1), Counts: []player.Count{{Name: "a", Period: 5, Add: 1, Most: 5}}}
				switch _, err := s.Apply(t.Context(), op); {
				case err == nil:
					done.Add(1)
				case !errors.Is(err, player.ErrLimit):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if done.Load() != 5 || read(t, s, 7).Wallet[player.Gold] != player.StartGold+5 {
			t.Errorf("done %d times, and %d gold", done.Load(), read(t, s, 7).Wallet[player.Gold])
		}
	})
}

// TestRename gives names once each in an area, at a price or not at all.
func TestRename(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		load(t, s, 8)
		if _, err := s.Load(t.Context(), 9, 1009, 2); err != nil {
			t.Fatal(err)
		}
		rename := func(n player.ID, key, name string) (player.Result, error) {
			return s.Apply(t.Context(), player.Op{Key: key, Player: n, Reason: "rename", Wallet: gold(-40), Name: name, Tag: name})
		}
		for i := range 2 {
			if r, err := rename(7, "a", "Ada"); err != nil || r.Repeated != (i == 1) {
				t.Errorf("time %d: %+v, %v", i+1, r, err)
			}
		}
		if _, err := rename(7, "a", "Bob"); !errors.Is(err, player.ErrOtherOp) {
			t.Errorf("another name with the same key: %v", err)
		}
		if _, err := rename(8, "a", "Ada"); !errors.Is(err, player.ErrNameTaken) {
			t.Errorf("a name that is taken: %v", err)
		}
		for key, same := range map[string]string{"c": "ADA", "d": "ada", "e": "\uff21\uff24\uff21", "f": "ａｄａ"} {
			if _, err := rename(8, key, same); !errors.Is(err, player.ErrNameTaken) {
				t.Errorf("%s, which is Ada's: %v", same, err)
			}
		}
		for _, called := range []string{"Ada", "aDA"} {
			if found, err := s.Find(t.Context(), 1, called); err != nil || found.Player != 7 || found.Name != "Ada" {
				t.Errorf("%s is %+v, %v", called, found, err)
			}
		}
		if _, err := rename(9, "a", "Ada"); err != nil {
			t.Errorf("the name in another area: %v", err)
		}
		if _, err := s.Apply(t.Context(), player.Op{Key: "case", Player: 9, Reason: "rename", Name: "ADA"}); err != nil {
			t.Errorf("one's own name in another case: %v", err)
		}
		for _, long := range []string{strings.Repeat("n", 65), strings.Repeat("\ufdfa", 21)} { // the second is 378 letters when it is compared
			if _, err := rename(8, "b", long); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("a long name: %v", err)
			}
		}
		if p := read(t, s, 7); p.Name != "Ada" || p.Wallet[player.Gold] != player.StartGold-40 {
			t.Errorf("he is %+v", p)
		}
		if p := read(t, s, 8); p.Name == "Ada" || p.Wallet[player.Gold] != player.StartGold {
			t.Errorf("the other is %+v", p)
		}
		if r, ok, err := s.Applied(t.Context(), 7, "a", "Ada"); err != nil || !ok || !r.Repeated || r.Wallet[player.Gold] != player.StartGold-40 {
			t.Errorf("applied: %+v, %t, %v", r, ok, err)
		}
		if _, _, err := s.Applied(t.Context(), 7, "a", "Bob"); !errors.Is(err, player.ErrOtherOp) {
			t.Errorf("applied for something else: %v", err)
		}
		if r, ok, err := s.Applied(t.Context(), 7, "b", "Ada"); err != nil || ok || r.Repeated {
			t.Errorf("never applied: %+v, %t, %v", r, ok, err)
		}
	})
}

// TestBagAgainstOracle gives and takes at random, against plain arithmetic.
func TestBagAgainstOracle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		rules := bag{5, map[string]int64{"map": 1, "potion": 10, "arrow": 7, "medal": 0}}
		s = s.Carrying(rules.now)
		need := func(have map[string]int64) (n int64) {
			for item, count := range have {
				for left := count; left > 0 && rules.stacks[item] > 0; left -= rules.stacks[item] {
					n++
				}
			}
			return n
		}
		rng := rand.New(rand.NewPCG(7, 8))
		have := map[string]int64{}
		refused := 0
		for step := range 120 {
			after := maps.Clone(have)
			var items []player.ItemChange
			for item := range rules.stacks {
				if count := int64(rng.IntN(13) - 6); count != 0 && rng.IntN(2) == 0 {
					items = append(items, player.ItemChange{Item: item, Count: count})
					after[item] += count
				}
			}
			var want error
			if after["map"] < 0 || after["potion"] < 0 || after["arrow"] < 0 || after["medal"] < 0 {
				want = player.ErrInsufficient
			} else if need(after) > rules.slots && need(after) > need(have) {
				want = player.ErrBagFull
				refused++
			}
			_, err := s.Apply(t.Context(), give(fmt.Sprint(step), items...))
			if want == nil {
				have = after
			}
			if errors.Is(err, player.ErrBagFull) && want == player.ErrInsufficient {
				continue // both are true of it
			}
			if !errors.Is(err, want) {
				t.Fatalf("step %d: %v with %v: %v, want %v", step, items, have, err, want)
			}
		}
		p := read(t, s, 7)
		for item, count := range have {
			if got := held(p, "item:"+item); got != count {
				t.Errorf("has %d %s, want %d", got, item, count)
			}
		}
		if refused == 0 {
			t.Error("the bag was never full")
		}
	})
}

// TestDroppedItems drops an item that a player has, and that he has a right to: nothing is lost, and nobody else gets it.
func TestDroppedItems(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		before, after := someBag, bag{1, map[string]int64{"potion": 10}}
		s = s.Carrying(before.now)
		if _, err := s.Apply(t.Context(), give("map", player.ItemChange{Item: "map", Count: 2})); err != nil {
			t.Fatal(err)
		}
		mail, _, err := s.SendMail(t.Context(), player.Letter{Player: 7, Key: "a", Sender: "test", Subject: "x", Goods: player.Goods{Items: map[string]int64{"map": 1}}})
		if err != nil {
			t.Fatal(err)
		}
		s = s.Carrying(after.now)
		if _, err := s.Apply(t.Context(), give("more", player.ItemChange{Item: "map", Count: 1})); !errors.Is(err, fault.New(fault.Invalid, "")) {
			t.Errorf("more of what is dropped: %v", err)
		}
		owed := give("owed", player.ItemChange{Item: "map", Count: 1}, player.ItemChange{Item: "potion", Count: 10})
		owed.Owed = true
		if r, err := s.Apply(t.Context(), owed); err != nil || r.Items["map"] != 3 || r.Items["potion"] != 10 {
			t.Errorf("what he has a right to: %+v, %v", r, err)
		}
		if _, r, err := s.ClaimMail(t.Context(), 7, 0, mail.ID); err != nil || r.Items["map"] != 4 {
			t.Errorf("claimed: %+v, %v", r, err)
		}
		promised := player.Letter{Player: 7, Key: "b", Sender: "test", Subject: "x", Goods: player.Goods{Wallet: map[string]int64{"gem": 2}, Items: map[string]int64{"map": 1}}}
		if _, _, err := s.SendMail(t.Context(), promised); !errors.Is(err, fault.New(fault.Invalid, "")) {
			t.Errorf("sent what is dropped: %v", err)
		}
		promised.Owed = true
		if _, _, err := s.SendMail(t.Context(), promised); err != nil {
			t.Errorf("sent what was promised: %v", err)
		}
		if r, err := s.Apply(t.Context(), give("less", player.ItemChange{Item: "map", Count: -1})); err != nil || r.Items["map"] != 3 {
			t.Errorf("less: %+v, %v", r, err)
		}
	})
}
