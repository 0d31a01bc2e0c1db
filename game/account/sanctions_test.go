package account

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/account"
	"loumiao/migrations"
)

// enforcing is an enforcer on tables of its own.
func enforcing(t *testing.T, stores *store.Stores) (*enforcer, *account.Store) {
	t.Helper()
	accounts := account.New(storetest.Migrated(t, stores, "account", migrations.FS("account")), id.NewGenerator(1, nil), nil)
	return &enforcer{accounts: accounts, blocks: api.NewBlocks(stores), tokens: time.Hour}, accounts
}

// TestSanctions imposes, lists and lifts sanctions on accounts that nobody plays, and has Redis lose them in between.
func TestSanctions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		e, accounts := enforcing(t, stores)
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
		e, accounts := enforcing(t, stores)
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

// trips counts how often Redis is asked.
type trips struct{ atomic.Int64 }

func (t *trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (t *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { t.Add(1); return next(ctx, cmd) }
}

func (t *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { t.Add(1); return next(ctx, cmds) }
}

// TestManyEndedLogins ends many logins, as anybody can who logs in again and again: each is kept out, and looking at them again and again takes few questions to Redis.
func TestManyEndedLogins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		e, accounts := enforcing(t, stores)
		var last string
		var acc account.ID
		for i := range 3 {
			var err error
			if acc, err = accounts.Guest(ctx, fmt.Sprint("0123456789abcdef", i)); err != nil {
				t.Fatal(err)
			}
			for range 50 {
				token, err := accounts.IssueRefresh(ctx, acc, account.Origin{}, time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				last = account.LoginOf(token)
			}
			if err := accounts.RevokeRefresh(ctx, acc); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.pass(ctx); err != nil {
			t.Fatal(err)
		}
		asked := &trips{}
		stores.Redis().AddHook(asked)
		if err := e.pass(ctx); err != nil {
			t.Fatal(err)
		}
		if n := asked.Load(); n > 5 {
			t.Errorf("Redis is asked %d times about logins that have ended before", n)
		}
		kept := func() bool {
			t.Helper()
			_, blocked, err := e.blocks.Blocked(ctx, api.AccountID(acc), last)
			if err != nil {
				t.Fatal(err)
			}
			return blocked
		}
		if !kept() {
			t.Error("a token of a login that has ended is good")
		}
		if err := stores.Redis().Del(ctx, stores.Key("blocked", "{"+api.AccountID(acc).String()+"}", "login", last)).Err(); err != nil {
			t.Fatal(err)
		}
		if kept() {
			t.Fatal("this test does not know where blocks are")
		}
		if err := e.pass(ctx); err != nil || !kept() {
			t.Errorf("Redis lost it, and it is not put back: %v", err)
		}
	})
}
