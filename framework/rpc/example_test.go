package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// Two nodes, each with a link server of its own. In a real cluster the view comes from package cluster, which finds the nodes by itself.
func ExampleNew() {
	ctx := context.Background()
	view := cluster.NewStatic()
	start := func(self link.Peer) (node *rpc.RPC, stop func()) {
		links := link.Config{Self: self, Key: []byte("a secret of the cluster, 32 bytes")[:link.KeySize]}
		server := link.NewServer(links)
		node = rpc.New(rpc.Config{Self: self, View: view, Links: links, Server: server, NodeWait: -1})
		if err := server.Listen("127.0.0.1:0"); err != nil {
			fmt.Println(err)
		}
		server.Start()
		view.Set(cluster.Member{Node: self.Node, Boot: self.Boot, Type: self.Type, Addr: server.Addr(), State: cluster.Ready})
		return node, func() { _ = node.Stop(ctx); _ = server.Stop(ctx) }
	}
	greeter, stopGreeter := start(link.Peer{Node: 1, Boot: 1, Type: "greeter"})
	defer stopGreeter()
	guest, stopGuest := start(link.Peer{Node: 2, Boot: 1, Type: "guest"})
	defer stopGuest()

	rpc.HandleFunc(greeter, Greet, func(ctx context.Context, name *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String(fmt.Sprintf("hello, %s of %s %v", name.Value, rpc.Caller(ctx).Type, rpc.Caller(ctx).Node)), nil
	})
	reply, err := Greet.Call(ctx, guest, wrapperspb.String("Ann"), rpc.Any)
	fmt.Println(reply.GetValue(), err)

	// Whoever leaves is not called any more. Nobody else serves the method; without the NodeWait above, the call would wait a moment for somebody to come.
	view.Remove(1)
	_, err = Greet.Call(ctx, guest, wrapperspb.String("Ann"), rpc.Any)
	fmt.Println(fault.CodeOf(err))
	// Output:
	// hello, Ann of guest 2 <nil>
	// unavailable
}

// A call ends, whatever becomes of the callee, and its code says what the caller may do. Without a deadline in ctx, Config.CallTimeout is one.
func ExampleMethodDef_Call() {
	self := link.Peer{Node: 1, Boot: 1, Type: "greeter"}
	view := cluster.NewStatic(cluster.Member{Node: self.Node, Boot: self.Boot, Type: self.Type, State: cluster.Ready})
	node := rpc.New(rpc.Config{Self: self, View: view})
	defer node.Stop(context.Background())
	noticed := make(chan error, 1)
	rpc.HandleFunc(node, Greet, func(ctx context.Context, _ *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		<-ctx.Done() // the caller's deadline is the handler's, and so is the end of the caller's patience
		noticed <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := Greet.Call(ctx, node, wrapperspb.String("Ann"), rpc.Any)
	switch code := fault.CodeOf(err); code {
	case fault.Deadline, fault.Cancelled, fault.Lost:
		fmt.Println(code, "- it may have had its effect: ask what became of it, or declare the method rpc.Idempotent")
	case fault.Unavailable, fault.Overloaded:
		fmt.Println(code, "- it had none: try again later")
	default:
		fmt.Println(code, "- the handler said so")
	}
	fmt.Println(<-noticed != nil)
	// Output:
	// deadline - it may have had its effect: ask what became of it, or declare the method rpc.Idempotent
	// true
}

// Every node of the type is asked at the same time, and each has its own answer or error.
func ExampleMethodDef_CallAll() {
	ctx := context.Background()
	self := link.Peer{Node: 1, Boot: 1, Type: "greeter"}
	view := cluster.NewStatic(
		cluster.Member{Node: 1, Boot: 1, Type: "greeter", State: cluster.Ready},
		cluster.Member{Node: 2, Boot: 1, Type: "greeter", State: cluster.Ready, Addr: "127.0.0.1:1"}, // nobody is there
	)
	links := link.Config{Self: self, Key: make([]byte, link.KeySize)}
	node := rpc.New(rpc.Config{Self: self, View: view, Links: links})
	defer node.Stop(ctx)
	rpc.HandleFunc(node, Greet, func(_ context.Context, name *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("hello, " + name.Value), nil
	})
	results, err := Greet.CallAll(ctx, node, wrapperspb.String("Ann"))
	for _, r := range results {
		fmt.Println(r.Node, r.Reply.GetValue(), fault.CodeOf(r.Err))
	}
	fmt.Println(err)
	// Output:
	// 1 hello, Ann ok
	// 2  unavailable
	// <nil>
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

// A keyed method is served by the key's actor, one call after the other. There is no target to choose: the key is in the request, and the directory knows who owns it.
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
	_, err := Deposit.Call(ctx, node, wrapperspb.Int64(ann+10)) // a call makes no actor, unless Handle is given rpc.Create
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
