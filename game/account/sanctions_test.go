package account

import (
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/account"
	"loumiao/migrations"
)

// TestSanctions imposes, lists and lifts sanctions on accounts that nobody plays, and has Redis lose them in between.
func TestSanctions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		accounts := account.New(storetest.Migrated(t, stores, "account", migrations.FS("account")), id.NewGenerator(1, nil), nil)
		e := &enforcer{accounts: accounts, blocks: api.NewBlocks(stores), tokens: time.Hour}
		acc, err := accounts.Guest(ctx, "0123456789abcdef")
		if err != nil {
			t.Fatal(err)
		}
		expect := func(when string, want bool) {
			t.Helper()
			notice, blocked, err := e.blocks.Blocked(ctx, api.AccountID(acc), "")
			if err != nil || blocked != want || blocked && notice != "this account is blocked: aimbot" {
				t.Errorf("%s: blocked is %v (%q), %v; want %v", when, blocked, notice, err, want)
			}
		}
		expect("at first", false)
		later := time.Now().Add(time.Hour).UnixMilli()
		future, err := e.impose(ctx, &pb.ImposeSanction{Account: int64(acc), Reason: "later", Author: "test", StartsMs: later})
		if err != nil {
			t.Fatal(err)
		}
		expect("with a sanction of the future", false)
		now, err := e.impose(ctx, &pb.ImposeSanction{Account: int64(acc), Reason: "aimbot", Author: "test", Key: "command:1"})
		if err != nil {
			t.Fatal(err)
		}
		again, err := e.impose(ctx, &pb.ImposeSanction{Account: int64(acc), Reason: "aimbot", Author: "test", Key: "command:1"})
		if err != nil || again.GetId() != now.GetId() {
			t.Errorf("imposed again with its key: %v, %v; was %v", again, err, now)
		}
		expect("when imposed", true)

		if err := e.blocks.Unblock(ctx, api.AccountID(acc)); err != nil { // which is all that Redis had of it
			t.Fatal(err)
		}
		expect("when Redis has lost it", false)
		if err := e.pass(ctx); err != nil {
			t.Fatal(err)
		}
		expect("after a pass", true)

		if _, err := e.lift(ctx, &pb.LiftSanction{Account: int64(acc), Id: future.GetId()}); err != nil {
			t.Fatal(err)
		}
		expect("when another one is lifted", true)
		if _, err := e.lift(ctx, &pb.LiftSanction{Account: int64(acc), Id: now.GetId()}); err != nil {
			t.Fatal(err)
		}
		expect("when lifted", false)
		cleared := func() bool {
			cleared, err := e.blocks.Block(ctx, api.AccountID(acc), "this account is blocked: aimbot", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return cleared
		}
		if _, err := accounts.Impose(ctx, acc, account.Sanction{Reason: "aimbot", Author: "test"}); err != nil {
			t.Fatal(err)
		}
		if cleared() { // and then this node dies
			t.Error("nobody has looked for those who are in")
		}
		if err := e.pass(ctx); err != nil {
			t.Fatal(err)
		}
		if !cleared() {
			t.Error("those who are in were not looked for after the node that blocked the account had died")
		}
		if list, err := accounts.Sanctions(ctx, acc); err != nil || len(list) != 3 {
			t.Fatalf("%+v, %v", list, err)
		} else if _, err := e.lift(ctx, &pb.LiftSanction{Account: int64(acc), Id: list[0].ID}); err != nil {
			t.Fatal(err)
		}
		expect("when that is lifted too", false)
		if err := e.pass(ctx); err != nil {
			t.Fatal(err)
		}
		expect("after a pass", false)

		// Another node has read the sanction before it was lifted, blocks the account after, and dies or cannot reach a gate.
		if _, err := e.blocks.Block(ctx, api.AccountID(acc), "this account is blocked: aimbot", time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := e.pass(ctx); err != nil {
			t.Fatal(err)
		}
		expect("after it was blocked late", false)

		list, err := e.list(ctx, &pb.ListSanctions{Account: int64(acc)})
		if err != nil || len(list.GetSanctions()) != 3 || list.GetSanctions()[1].GetId() != now.GetId() || list.GetSanctions()[1].GetLiftedMs() == 0 {
			t.Errorf("listed: %v, %v", list, err)
		}
		if _, err := e.impose(ctx, &pb.ImposeSanction{Account: int64(acc), Author: "test"}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a sanction without a reason: %v", err)
		}
	})
}

// TestExpiredLoginsAreDeleted: what is left of logins that have expired goes by itself, and those that go on stay.
func TestExpiredLoginsAreDeleted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		accounts := account.New(storetest.Migrated(t, stores, "account", migrations.FS("account")), id.NewGenerator(1, nil), nil)
		e := &enforcer{accounts: accounts, blocks: api.NewBlocks(stores), tokens: time.Hour}
		acc, err := accounts.Guest(ctx, "0123456789abcdef")
		if err != nil {
			t.Fatal(err)
		}
		for _, ttl := range []time.Duration{0, time.Hour} {
			if _, err := accounts.IssueRefresh(ctx, acc, account.Origin{}, ttl); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.pass(ctx); err != nil {
			t.Fatal(err)
		}
		if left, err := accounts.PurgeRefresh(ctx); left != 0 || err != nil {
			t.Errorf("%d logins that have expired are left, %v", left, err)
		}
		if list, err := accounts.Logins(ctx, acc); len(list) != 1 || err != nil {
			t.Errorf("%d logins go on, %v", len(list), err)
		}
	})
}
