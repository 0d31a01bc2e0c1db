package frameworktest_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/frameworktest"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/migrations"
)

func TestMain(m *testing.M) { frameworktest.Main(m) }

// Greet is the contract between the two node types of the example.
var Greet = rpc.Method[*wrapperspb.StringValue, *wrapperspb.StringValue]("greeter.Greet")

// A greeter answers calls.
type greeter struct{ name string }

func (g *greeter) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, Greet, func(_ context.Context, m *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String(m.GetValue() + " from " + g.name), nil
	})
	return nil
}
func (g *greeter) Ready(context.Context) error { return nil }
func (g *greeter) Stop(context.Context) error  { return nil }

// A guest only calls.
type guest struct{}

func (guest) Start(context.Context, *node.Node) error { return nil }
func (guest) Ready(context.Context) error             { return nil }
func (guest) Stop(context.Context) error              { return nil }

// TestGreeting is the example of the package's documentation.
func TestGreeting(t *testing.T) {
	t.Parallel()
	c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster")})
	c.Start(node.Config{Type: "greeter"}, &greeter{name: "first"})
	second := c.Start(node.Config{Type: "greeter"}, &greeter{name: "second"})
	guest := c.Start(node.Config{Type: "guest", Needs: []string{"greeter"}}, &guest{})
	c.Converge()  // everybody sees everybody
	second.Kill() // as a crash: nobody is told
	for range 10 {
		// A call that is on its way when a link breaks may be lost; this one begins afterwards.
		reply, err := Greet.Call(t.Context(), guest.RPC(), wrapperspb.String("hello"), rpc.Any)
		if err != nil || reply.GetValue() != "hello from first" {
			t.Errorf("the reply is %q, %v", reply.GetValue(), err)
		}
	}
	second = second.Restart(&greeter{name: "second, again"})
	c.Converge()
	reply, err := Greet.Call(t.Context(), guest.RPC(), wrapperspb.String("hello"), rpc.To(second.ID()))
	if err != nil || reply.GetValue() != "hello from second, again" {
		t.Errorf("the reply is %q, %v", reply.GetValue(), err)
	}
}
