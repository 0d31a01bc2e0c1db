package player_test

import (
	"context"
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

func gold(amount int64) []player.Change {
	return []player.Change{{Currency: player.Gold, Amount: amount}}
}

func TestApply(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		p := load(t, s, 7)
		buy := player.Op{
			Key: "shop:1", Player: 7, Epoch: p.Epoch, Reason: "shop", Wallet: gold(-30), Exp: 120, Rating: -5,
			Items: []player.ItemChange{{Item: "shield", Count: 2}, {Item: "map", Count: 1}, {Item: "shield", Count: 1}},
		}
		first, err := s.Apply(t.Context(), buy)
		if err != nil {
			t.Fatal(err)
		}
		if first.Repeated || first.Wallet[player.Gold] != 70 || first.Items["shield"] != 3 || first.Items["map"] != 1 || first.Level != 2 ||
			first.Exp != 120 || first.Rating != player.StartRating-5 {
			t.Errorf("result = %+v", first)
		}
		if _, err := s.Apply(t.Context(), player.Op{Key: "quest:1", Player: 7, Reason: "quest", Wallet: gold(5)}); err != nil {
			t.Fatal(err)
		}
		second, err := s.Apply(t.Context(), buy)
		if err != nil || !second.Repeated || second.Version != first.Version || !maps.Equal(second.Wallet, first.Wallet) || !maps.Equal(second.Items, first.Items) {
			t.Errorf("the repetition: %+v, %v, want %+v", second, err, first)
		}
		now := read(t, s, 7)
		want := []player.Item{{Item: "map", Count: 1}, {Item: "shield", Count: 3}}
		if now.Wallet[player.Gold] != 75 || fmt.Sprint(now.Items) != fmt.Sprint(want) {
			t.Errorf("has %v, %v", now.Wallet, now.Items)
		}
		entries, err := s.Ledger(t.Context(), 7, 2, 0)
		if err != nil || len(entries) != 2 || entries[0].Key != "quest:1" || entries[0].Amount != 5 || entries[0].Reason != "quest" {
			t.Fatalf("ledger = %+v, %v", entries, err)
		}
		older, err := s.Ledger(t.Context(), 7, 0, entries[1].ID)
		if err != nil || len(older) != 3 || older[2].Key != "create:7" {
			t.Errorf("ledger before %d = %+v, %v", entries[1].ID, older, err)
		}
	})
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		old := load(t, s, 7)
		p := load(t, s, 7)
		invalid := fault.New(fault.Invalid, "")
		for name, test := range map[string]struct {
			change func(op *player.Op)
			want   error
		}{
			"too little gold":      {func(op *player.Op) { op.Wallet = gold(-101) }, player.ErrInsufficient},
			"no such item":         {func(op *player.Op) { op.Items = []player.ItemChange{{Item: "map", Count: -1}} }, player.ErrInsufficient},
			"gold but not items":   {func(op *player.Op) { op.Items = []player.ItemChange{{Item: "map", Count: -1}}; op.Wallet = gold(5) }, player.ErrInsufficient},
			"too much":             {func(op *player.Op) { op.Wallet = gold(player.MaxBalance) }, player.ErrTooMuch},
			"old epoch":            {func(op *player.Op) { op.Epoch = old.Epoch }, player.ErrFenced},
			"unknown player":       {func(op *player.Op) { op.Player = 8 }, player.ErrNotFound},
			"no key":               {func(op *player.Op) { op.Key = "" }, invalid},
			"long key":             {func(op *player.Op) { op.Key = strings.Repeat("k", 129) }, invalid},
			"key with a space":     {func(op *player.Op) { op.Key = "a " }, invalid},
			"the package's key":    {func(op *player.Op) { op.Key = "match:5" }, invalid},
			"no reason":            {func(op *player.Op) { op.Reason = "" }, invalid},
			"currency like items":  {func(op *player.Op) { op.Wallet[0].Currency = "item:map" }, invalid},
			"nothing of it":        {func(op *player.Op) { op.Wallet = gold(0) }, invalid},
			"out of range":         {func(op *player.Op) { op.Wallet = gold(-1 << 63) }, invalid},
			"negative experience":  {func(op *player.Op) { op.Exp = -1 }, invalid},
			"very many currencies": {func(op *player.Op) { op.Wallet = make([]player.Change, 65) }, invalid},
		} {
			op := player.Op{Key: "k", Player: 7, Epoch: p.Epoch, Reason: "test", Wallet: gold(-1)}
			test.change(&op)
			if _, err := s.Apply(t.Context(), op); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
			if now := read(t, s, 7); now.Version != p.Version || now.Wallet[player.Gold] != player.StartGold || len(now.Items) != 0 {
				t.Errorf("%s changed the player: %+v", name, now)
			}
		}
		// A refused operation has not used its key up.
		if r, err := s.Apply(t.Context(), player.Op{Key: "k", Player: 7, Reason: "test", Wallet: gold(-100)}); err != nil || r.Repeated {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestConcurrentChangesAreNotLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		const workers, ops = 8, 20
		var wg sync.WaitGroup
		var applied atomic.Int32
		for w := range workers {
			wg.Go(func() {
				for n := range ops {
					// Each key is applied by two of the workers; one of them must see a repetition.
					r, err := s.Apply(t.Context(), player.Op{Key: fmt.Sprint(w/2, "-", n), Player: 7, Reason: "test", Wallet: gold(3)})
					if err != nil {
						t.Error(err)
					} else if !r.Repeated {
						applied.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if n := applied.Load(); n != workers/2*ops {
			t.Errorf("%d were applied, want %d", n, workers/2*ops)
		}
		if got, want := read(t, s, 7).Wallet[player.Gold], player.StartGold+3*workers/2*ops; got != want {
			t.Errorf("gold = %d, want %d", got, want)
		}
	})
}

// Random operations on a few players, some with old keys, old epochs or more than there is, against plain maps.
func TestWalletAgainstOracle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		type model struct {
			epoch   uint64
			have    map[string]int64
			results map[string]player.Result
			version int64
		}
		rng := rand.New(rand.NewPCG(3, 4))
		names := []string{player.Gold, "gem", "item:map", "item:shield"}
		models := map[player.ID]*model{}
		for n := player.ID(1); n <= 3; n++ {
			p := load(t, s, n)
			models[n] = &model{epoch: p.Epoch, have: map[string]int64{player.Gold: player.StartGold}, results: map[string]player.Result{}, version: p.Version}
		}
		for step := range 400 {
			n := player.ID(1 + rng.IntN(3))
			m := models[n]
			if rng.IntN(20) == 0 {
				p := load(t, s, n)
				m.epoch, m.version = p.Epoch, p.Version
			}
			op := player.Op{Key: fmt.Sprintf("op:%d", rng.IntN(300)), Player: n, Epoch: m.epoch - uint64(rng.IntN(10)/9), Reason: "test"}
			if rng.IntN(3) == 0 {
				op.Epoch = 0
			}
			after := maps.Clone(m.have)
			enough := true
			for range 1 + rng.IntN(3) {
				name := names[rng.IntN(len(names))]
				amount := int64(1 + rng.IntN(60))
				if rng.IntN(2) == 0 {
					amount = -amount
				}
				if item, ok := strings.CutPrefix(name, "item:"); ok {
					op.Items = append(op.Items, player.ItemChange{Item: item, Count: amount})
				} else {
					op.Wallet = append(op.Wallet, player.Change{Currency: name, Amount: amount})
				}
				after[name] += amount
			}
			for _, amount := range after {
				enough = enough && amount >= 0
			}
			got, err := s.Apply(t.Context(), op)
			before, repeated := m.results[op.Key]
			var want error
			switch {
			case op.Epoch != 0 && op.Epoch != m.epoch:
				want = player.ErrFenced
			case repeated:
			case !enough:
				want = player.ErrInsufficient
			default:
				m.have = after
				m.version++
				if got.Version != m.version {
					t.Fatalf("step %d: version %d, want %d", step, got.Version, m.version)
				}
				m.results[op.Key] = got
			}
			if !errors.Is(err, want) {
				t.Fatalf("step %d: %+v: %v, want %v", step, op, err, want)
			}
			if err == nil && repeated && (!got.Repeated || !maps.Equal(got.Wallet, before.Wallet) || !maps.Equal(got.Items, before.Items)) {
				t.Fatalf("step %d: a repetition returned %+v, and first %+v", step, got, before)
			}
			if step%10 == 0 {
				p := read(t, s, n)
				for name, amount := range m.have {
					if has := held(p, name); has != amount {
						t.Fatalf("step %d: player %d has %d %s, want %d", step, n, has, name, amount)
					}
				}
				audit(t, s)
			}
		}
	})
}

func held(p *player.Player, name string) int64 {
	item, ok := strings.CutPrefix(name, "item:")
	if !ok {
		return p.Wallet[name]
	}
	for _, i := range p.Items {
		if i.Item == item {
			return i.Count
		}
	}
	return 0
}

// A transaction that ends at any of its statements leaves nothing behind, and can be repeated.
func TestInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, db *gorm.DB) {
		p, q := load(t, s, 7), load(t, s, 8)
		l := letter("gift", 0)
		l.Goods.Items = map[string]int64{"map": 1}
		mail := send(t, s, l)
		errKilled := errors.New("killed")
		var left atomic.Int64 // statements until the end; negative: never
		left.Store(-1)
		count := func(tx *gorm.DB) {
			if left.Add(-1) == 0 {
				_ = tx.AddError(errKilled)
			}
		}
		for name, register := range map[string]func(string, func(*gorm.DB)) error{
			"create": db.Callback().Create().After("gorm:create").Register,
			"update": db.Callback().Update().After("gorm:update").Register,
			"query":  db.Callback().Query().After("gorm:query").Register,
		} {
			if err := register("test:"+name, count); err != nil {
				t.Fatal(err)
			}
		}
		apply := func(ctx context.Context) error {
			_, err := s.Apply(ctx, player.Op{
				Key: "k", Player: 7, Reason: "test", Wallet: gold(5), Items: []player.ItemChange{{Item: "map", Count: 1}}, Exp: 10,
			})
			return err
		}
		record := func(ctx context.Context) error {
			_, err := s.RecordMatch(ctx, duel(5, 7, 8))
			return err
		}
		claim := func(ctx context.Context) error {
			_, _, err := s.ClaimMail(ctx, 7, 0, mail.ID)
			return err
		}
		for name, run := range map[string]func(context.Context) error{"apply": apply, "record": record, "claim": claim} {
			before, beforeQ := read(t, s, 7), read(t, s, 8)
			died := 0
			for n := int64(1); ; n++ {
				left.Store(n)
				err := run(t.Context())
				left.Store(-1)
				if err == nil {
					break
				}
				died++
				if !errors.Is(err, errKilled) {
					t.Fatalf("%s, ended after %d statements: %v", name, n, err)
				}
				now, nowQ := read(t, s, 7), read(t, s, 8)
				if now.Version != before.Version || nowQ.Version != beforeQ.Version || !maps.Equal(now.Wallet, before.Wallet) {
					t.Fatalf("%s, ended after %d statements: left %+v of %+v", name, n, now, before)
				}
				audit(t, s)
			}
			if died < 6 {
				t.Errorf("%s was ended at %d statements only", name, died)
			}
		}
		if now := read(t, s, 7); now.Wallet[player.Gold] != p.Wallet[player.Gold]+5+20 {
			t.Errorf("gold = %d", now.Wallet[player.Gold])
		}
		if now := read(t, s, 8); now.Wallet[player.Gold] != q.Wallet[player.Gold]+10 {
			t.Errorf("gold = %d", now.Wallet[player.Gold])
		}
	})
}

// Audit is what other tests rely on: it must see what is wrong.
func TestAuditSees(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ statement, asset string }{
		"wallet":      {"UPDATE wallets SET amount = amount + 1", player.Gold},
		"item":        {"INSERT INTO items (player, item, amount) VALUES (7, 'map', 2)", "item:map"},
		"lost wallet": {"DELETE FROM wallets", player.Gold},
		"system leg":  {"UPDATE ledger SET amount = amount + 1 WHERE holder <> 'player'", player.Gold},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken(t, test.statement, test.asset)
		})
	}
}
