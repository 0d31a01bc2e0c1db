package rpc

import (
	"context"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/id"
)

type playerID int64

type ledger struct {
	key  playerID
	seen []int64
}

var (
	note  = Keyed[*empty]("player.Note", func(m *wrapperspb.Int64Value) playerID { return playerID(m.Value >> 32) })
	noted = Keyed[*wrapperspb.Int32Value]("player.Noted", func(m *wrapperspb.UInt64Value) playerID { return playerID(m.Value >> 32) })
)

// players starts a caller and a node 2 with an actor a player, and has the directory say that node 2 owns everybody.
func players(t *testing.T, w way, opts ...HandleOption) (caller *testNode, pool *actor.Pool[playerID, ledger]) {
	t.Helper()
	dir := &owners{}
	caller, callee := w.pair(t, func(c *Config) { c.Owners = dir })
	dir.set(func(int64) (id.Node, id.Boot, error) { return 2, callee.member.Boot, nil })
	pool = actor.NewPool(callee.actors, func(_ *actor.Context, key playerID) (*ledger, error) { return &ledger{key: key}, nil }, actor.PoolConfig{Name: "player"})
	Handle(callee, pool, note, func(l *ledger, ctx *actor.Context, m *wrapperspb.Int64Value) (*empty, error) {
		if Caller(ctx).Node != 1 {
			t.Errorf("caller is %v", Caller(ctx))
		}
		l.seen = append(l.seen, m.Value&(1<<32-1))
		return &empty{}, nil
	}, opts...)
	Handle(callee, pool, noted, func(l *ledger, _ *actor.Context, _ *wrapperspb.UInt64Value) (*wrapperspb.Int32Value, error) {
		for i, v := range l.seen {
			if v != int64(i) {
				t.Errorf("player %d: message %d came at place %d", l.key, v, i)
				break
			}
		}
		return wrapperspb.Int32(int32(len(l.seen))), nil
	}, opts...)
	return caller, pool
}

func TestSendsOfOneSenderToOneKeyKeepTheirOrder(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, pool := players(t, w)
		const keys, each = 4, 200
		done := make(chan struct{})
		for key := range int64(keys) {
			if _, err := pool.Create(playerID(key)); err != nil {
				t.Fatal(err)
			}
			go func() { // one sender a key; every tenth is a call
				defer func() { done <- struct{}{} }()
				for i := range int64(each) {
					m := wrapperspb.Int64(key<<32 | i)
					var err error
					if i%10 == 9 {
						_, err = note.Call(t.Context(), caller.rpc, m)
					} else {
						err = note.Send(t.Context(), caller.rpc, m)
					}
					if err != nil {
						t.Error(err)
					}
				}
			}()
		}
		for range keys {
			<-done
		}
		for key := range uint64(keys) {
			n, err := noted.Call(t.Context(), caller.rpc, wrapperspb.UInt64(key<<32))
			if err != nil || n.Value != each {
				t.Errorf("key %d: %v messages, %v; want %d", key, n, err, each)
			}
		}
		settled(t, caller)
	})
}

func TestKeyWithoutActor(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		for name, tt := range map[string]struct {
			opts []HandleOption
			code fault.Code
		}{
			"is not owned here":                {nil, fault.NotOwner},
			"is made on demand if so declared": {[]HandleOption{Create()}, fault.OK},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				caller, pool := players(t, w, tt.opts...)
				_, err := note.Call(t.Context(), caller.rpc, wrapperspb.Int64(1<<32))
				if fault.CodeOf(err) != tt.code {
					t.Errorf("got %v, want %v", err, tt.code)
				}
				if want := len(tt.opts); pool.Len() != want {
					t.Errorf("%d actors, want %d", pool.Len(), want)
				}
			})
		}
	})
}

func TestOneActorAnswersLaterAndShedsLoad(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		caller, callee := w.pair(t)
		type door struct{}
		var ref atomic.Pointer[actor.Ref]
		ref.Store(&actor.Ref{})
		began, open := make(chan struct{}, 1), make(chan struct{})
		b := actor.NewBehavior[door]()
		HandleActor(callee, func() actor.Ref { return *ref.Load() }, b, echo, func(_ *door, ctx *actor.Context, m *text) (*text, error) {
			later := ctx.Defer()
			began <- struct{}{}
			<-open
			go later.Respond(m, nil)
			return nil, nil
		})
		if _, err := echo.Call(t.Context(), caller.rpc, &text{}, Any); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("before there is an actor: %v, want unavailable", err)
		}
		spawned, err := actor.Spawn(callee.actors, "door", b, &door{}, actor.Options{Mailbox: 1})
		if err != nil {
			t.Fatal(err)
		}
		ref.Store(&spawned)
		errs := make(chan error, 8)
		call := func() { _, err := echo.Call(context.Background(), caller.rpc, &text{}, To(2)); errs <- err }
		go call()
		<-began
		for range 3 { // one fits into the mailbox
			go call()
		}
		for range 2 {
			if err := <-errs; fault.CodeOf(err) != fault.Overloaded {
				t.Errorf("got %v, want overloaded", err)
			}
		}
		close(open)
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		settled(t, caller, callee)
	})
}
