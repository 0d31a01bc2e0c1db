package rpc_test

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/rpc"
)

// Greet is served by nodes of the type "greeter". Declarations like this stand where both ends can see them.
var Greet = rpc.Method[*wrapperspb.StringValue, *wrapperspb.StringValue]("greeter.Greet")

// A single node that calls itself stands in for a cluster here: with more nodes, nothing else is written differently.
func Example() {
	ctx := context.Background()
	self := link.Peer{Node: 1, Boot: 1, Type: "greeter"}
	view := cluster.NewStatic(cluster.Member{Node: self.Node, Boot: self.Boot, Type: self.Type, State: cluster.Ready})
	node := rpc.New(rpc.Config{Self: self, View: view})
	defer node.Stop(ctx)

	errNobody := fault.New(fault.Invalid, "nobody to greet")
	rpc.HandleFunc(node, Greet, func(ctx context.Context, name *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		if name.Value == "" {
			return nil, errNobody
		}
		return wrapperspb.String("hello, " + name.Value), nil
	})

	reply, err := Greet.Call(ctx, node, wrapperspb.String("Ann"), rpc.Any)
	fmt.Println(reply.GetValue(), err)
	_, err = Greet.Call(ctx, node, wrapperspb.String(""), rpc.ByKey("Ann"))
	fmt.Println(err, errors.Is(err, errNobody))
	// Output:
	// hello, Ann <nil>
	// invalid: nobody to greet true
}

// AccountID is a key.
type AccountID int64

// Deposit goes to the owner of the account: its key stands in the upper half of the value, the amount in the lower.
var Deposit = rpc.Keyed[*wrapperspb.Int64Value]("account.Deposit", func(m *wrapperspb.Int64Value) AccountID {
	return AccountID(m.Value >> 32)
})

type account struct{ balance int64 }

func (a *account) deposit(_ *actor.Context, m *wrapperspb.Int64Value) (*wrapperspb.Int64Value, error) {
	a.balance += m.Value & (1<<32 - 1)
	return wrapperspb.Int64(a.balance), nil
}

// everywhere is a directory for a cluster of one node.
type everywhere struct{ link.Peer }

func (e everywhere) Owner(context.Context, int64) (id.Node, id.Boot, error) {
	return e.Node, e.Boot, nil
}

// A keyed method is served by the key's actor, one call after the other.
func ExampleHandle() {
	ctx := context.Background()
	self := link.Peer{Node: 1, Boot: 1, Type: "account"}
	node := rpc.New(rpc.Config{Self: self, View: cluster.NewStatic(), Owners: everywhere{self}})
	defer node.Stop(ctx)
	sys := actor.NewSystem(actor.Config{})
	defer sys.Stop(ctx)

	accounts := actor.NewPool(sys, func(*actor.Context, AccountID) (*account, error) { return &account{}, nil }, actor.PoolConfig{Name: "account"})
	rpc.Handle(node, accounts, Deposit, (*account).deposit)

	const ann = 7 << 32
	_, err := Deposit.Call(ctx, node, wrapperspb.Int64(ann+10))
	fmt.Println(err)
	if _, err := accounts.Create(7); err != nil {
		fmt.Println(err)
	}
	_ = Deposit.Send(ctx, node, wrapperspb.Int64(ann+10)) // no answer, but in order with what follows
	balance, err := Deposit.Call(ctx, node, wrapperspb.Int64(ann+5))
	fmt.Println(balance.GetValue(), err)
	// Output:
	// not_owner: 7 is not here
	// 15 <nil>
}
