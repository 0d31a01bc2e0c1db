package db_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		_, err := api.ReadProfile.Call(t.Context(), c.node.RPC(), &pb.ReadProfile{Player: 7}, rpc.Any)
		c.wantCode("the profile of one who was never loaded", err, fault.NotFound)

		first := c.load(7)
		profile := first.GetProfile()
		if first.GetEpoch() != 1 || first.GetAccount() != 1007 || len(first.GetState()) != 0 || first.GetSchema() != 0 {
			t.Errorf("a new player: %v", first)
		}
		if profile.GetPlayer() != 7 || profile.GetArea() != 1 || profile.GetLevel() != 1 || profile.GetRating() != player.StartRating ||
			!strings.HasPrefix(profile.GetName(), "Pilot-") || fmt.Sprint(profile.GetWallet()) != wallet(player.StartGold) {
			t.Errorf("a new player: %v", profile)
		}
		second := c.load(7)
		if second.GetEpoch() != 2 || !proto.Equal(second.GetProfile(), profile) {
			t.Errorf("loaded again: %v; want %v and epoch 2", second, profile)
		}
		if read := c.profile(7); !proto.Equal(read, profile) || c.load(7).GetEpoch() != 3 {
			t.Errorf("reading a profile gives %v, or takes an epoch", read)
		}
		_, err = api.LoadPlayer.Call(t.Context(), c.node.RPC(), &pb.LoadPlayer{Player: 7, Account: 9, Area: 1}, rpc.Any)
		c.wantCode("loading another account's player", err, fault.Forbidden)
		_, err = api.LoadPlayer.Call(t.Context(), c.node.RPC(), &pb.LoadPlayer{Account: 9, Area: 1}, rpc.Any)
		c.wantCode("loading nobody", err, fault.Invalid)
		if epoch := c.load(7).GetEpoch(); epoch != 4 {
			t.Errorf("a refused load took an epoch: the next is %d", epoch)
		}
	})
}

// TestSave keeps what the newest holder has saved, whatever anybody else tries, at whichever node.
func TestSave(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		old := c.load(7).GetEpoch()
		if err := c.save(7, old, `{"n":1}`, 2); err != nil {
			t.Fatal(err)
		}
		record := c.load(7)
		now := record.GetEpoch()
		if string(record.GetState()) != `{"n":1}` || record.GetSchema() != 2 {
			t.Errorf("what was saved is loaded as %s of schema %d", record.GetState(), record.GetSchema())
		}
		for range 2 { // the second is the repetition of a call whose answer was lost
			if err := c.save(7, now, `{"n":2}`, 2); err != nil {
				t.Error(err)
			}
		}
		for name, test := range map[string]struct {
			player int64
			epoch  uint64
			state  string
			schema int32
			want   fault.Code
		}{
			"an old epoch":      {7, old, `{"n":3}`, 2, fault.Fenced},
			"no epoch":          {7, 0, `{"n":3}`, 2, fault.Fenced},
			"an epoch to come":  {7, now + 1, `{"n":3}`, 2, fault.Fenced},
			"an older schema":   {7, now, `{"n":3}`, 1, fault.Version},
			"no schema":         {7, now, `{"n":3}`, 0, fault.Invalid},
			"what is not JSON":  {7, now, `{"n":`, 2, fault.Invalid},
			"nothing":           {7, now, ``, 2, fault.Invalid},
			"far too much":      {7, now, `"` + strings.Repeat("x", player.MaxState) + `"`, 2, fault.TooLarge},
			"an unknown player": {8, 1, `{"n":3}`, 2, fault.NotFound},
		} {
			c.wantCode("saving "+name, c.save(test.player, test.epoch, test.state, test.schema), test.want)
			if p, err := c.tables.Read(t.Context(), 7); err != nil || string(p.State) != `{"n":2}` || p.Schema != 2 || p.Epoch != now {
				t.Errorf("saving %s has left %s of schema %d, epoch %d, %v", name, p.State, p.Schema, p.Epoch, err)
			}
		}
	})
}

// TestManyHolders has several load and save one player at once, at both nodes: whoever has loaded last is the only one whose saves stay.
func TestManyHolders(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		const holders, rounds = 4, 6
		var mu sync.Mutex
		taken := map[uint64]bool{}
		var all sync.WaitGroup
		for range holders {
			all.Go(func() {
				for range rounds {
					r, err := api.LoadPlayer.Call(t.Context(), c.node.RPC(), &pb.LoadPlayer{Player: 7, Account: 1007, Area: 1}, rpc.Any)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if taken[r.GetEpoch()] {
						t.Errorf("epoch %d was given twice", r.GetEpoch())
					}
					taken[r.GetEpoch()] = true
					mu.Unlock()
					// What is loaded was saved by an older holder, never by a newer one.
					var by uint64
					if _, err := fmt.Sscanf(string(r.GetState()), `{"by":%d}`, &by); len(r.GetState()) > 0 && (err != nil || by >= r.GetEpoch()) {
						t.Errorf("holder %d has loaded %s, %v", r.GetEpoch(), r.GetState(), err)
					}
					if err := c.save(7, r.GetEpoch(), fmt.Sprintf(`{"by":%d}`, r.GetEpoch()), 1); err != nil && fault.CodeOf(err) != fault.Fenced {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		const last = holders * rounds
		p, err := c.tables.Read(t.Context(), 7)
		if err != nil || p.Epoch != last || len(taken) != last {
			t.Fatalf("epoch %d after %d loads, %v", p.Epoch, last, err)
		}
		// Nobody has loaded after the last holder, so that his save was not refused.
		if want := fmt.Sprintf(`{"by":%d}`, last); string(p.State) != want {
			t.Errorf("stored is %s, want %s", p.State, want)
		}
	})
}

// TestLedger lists what was changed, page by page, the newest first.
func TestLedger(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		c.load(7)
		for n := range 4 {
			op := player.Op{
				Key: fmt.Sprintf("quest:%d", n), Player: 7, Reason: "quest", Wallet: []player.Change{{Currency: player.Gold, Amount: int64(n + 1)}},
			}
			for range 2 {
				if _, err := c.tables.Apply(t.Context(), op); err != nil {
					t.Fatal(err)
				}
			}
		}
		var keys []string
		sum, before := int64(0), int64(0)
		for {
			page := c.ledger(7, before, 2)
			if len(page) > 2 {
				t.Fatalf("a page of 2 has %d entries", len(page))
			}
			for _, e := range page {
				if e.GetAsset() != player.Gold || e.GetCreatedMs() <= 0 || e.GetReason() == "" {
					t.Errorf("an entry is %v", e)
				}
				keys = append(keys, e.GetKey())
				sum += e.GetAmount()
				before = e.GetId()
			}
			if len(page) < 2 {
				break
			}
		}
		// The entry of his creation is the node's: of two that write within a millisecond either may be the newer.
		all := len(keys)
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == "create:7" })
		if want := []string{"quest:3", "quest:2", "quest:1", "quest:0"}; fmt.Sprint(keys) != fmt.Sprint(want) || all != len(want)+1 {
			t.Errorf("the ledger lists %v and %d others, want %v and the creation", keys, all-len(keys), want)
		}
		if have := c.profile(7).GetWallet()[player.Gold]; sum != have || have != player.StartGold+10 {
			t.Errorf("the ledger sums to %d, and the player has %d, want %d", sum, have, player.StartGold+10)
		}
		if entries := c.ledger(8, 0, 0); len(entries) != 0 {
			t.Errorf("one who was never loaded has %v", entries)
		}
	})
}

// TestApplyOp changes what a player has once for each key.
func TestApplyOp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		c.load(7)
		op := &pb.ApplyOp{Player: 7, Key: "order:1", Reason: "order", Wallet: map[string]int64{"gem": 30}, Items: map[string]int64{"shield": 2}, Exp: 5}
		for i, repeated := range []bool{false, true} {
			r, err := api.ApplyOp.Call(t.Context(), c.node.RPC(), op, rpc.ByKey(int64(7)))
			if err != nil || r.GetRepeated() != repeated || r.GetWallet()["gem"] != 30 || r.GetItems()["shield"] != 2 || r.GetExp() != 5 {
				t.Errorf("time %d: %v, %v", i+1, r, err)
			}
		}
		for name, test := range map[string]struct {
			op   *pb.ApplyOp
			want fault.Code
		}{
			"more than there is": {&pb.ApplyOp{Player: 7, Key: "a", Reason: "shop", Items: map[string]int64{"shield": -3}}, fault.FailedPrecondition},
			"an old epoch":       {&pb.ApplyOp{Player: 7, Key: "b", Reason: "shop", Epoch: 9, Wallet: map[string]int64{"gem": 1}}, fault.Fenced},
			"no key":             {&pb.ApplyOp{Player: 7, Reason: "shop", Wallet: map[string]int64{"gem": 1}}, fault.Invalid},
			"nobody":             {&pb.ApplyOp{Player: 8, Key: "c", Reason: "shop", Wallet: map[string]int64{"gem": 1}}, fault.NotFound},
		} {
			_, err := api.ApplyOp.Call(t.Context(), c.node.RPC(), test.op, rpc.Any)
			c.wantCode(name, err, test.want)
		}
		if p := c.profile(7); p.GetWallet()["gem"] != 30 || len(p.GetItems()) != 1 || p.GetItems()[0].GetCount() != 2 {
			t.Errorf("afterwards: %v", p)
		}
	})
}
