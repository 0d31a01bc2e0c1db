package match

import (
	"context"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/lease"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/migrations"
)

// A caller is a node that does nothing by itself.
type caller struct{}

func (caller) Start(context.Context, *node.Node) error { return nil }
func (caller) Ready(context.Context) error             { return nil }
func (caller) Stop(context.Context) error              { return nil }

// TestOnlyTheOwnerAsks takes tickets, and takes them back, for nobody but the world that has the player now.
func TestOnlyTheOwnerAsks(t *testing.T) {
	t.Parallel()
	c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Owned: "player"})
	c.Start(node.Config{Type: api.Match}, New(Config{}))
	world := c.Start(node.Config{Type: api.World, Needs: []string{api.Match}}, caller{})
	other := c.Start(node.Config{Type: api.World, Needs: []string{api.Match}}, caller{})
	bind := func(n *frameworktest.Node, epoch uint64) {
		t.Helper()
		if err := n.Owners().Bind(t.Context(), 7, lease.Binding{Node: n.ID(), Boot: n.Boot(), Epoch: epoch}); err != nil {
			t.Fatal(err)
		}
	}
	asks := func(n *frameworktest.Node, epoch uint64, want fault.Code) (ticket int64) {
		t.Helper()
		joined, err := api.JoinMatch.Call(t.Context(), n.RPC(), &pb.JoinMatch{Player: 7, Area: 1, Mode: "arena", Rating: 1000, Epoch: epoch}, rpc.Any)
		if fault.CodeOf(err) != want {
			t.Errorf("node %d asks for a ticket under epoch %d: %v, want %v", n.ID(), epoch, err, want)
		}
		if want != fault.OK {
			_, err := api.LeaveMatch.Call(t.Context(), n.RPC(), &pb.LeaveMatch{Player: 7, Area: 1, Epoch: epoch}, rpc.Any)
			if fault.CodeOf(err) != want {
				t.Errorf("node %d gives the ticket back under epoch %d: %v, want %v", n.ID(), epoch, err, want)
			}
		}
		return joined.GetTicket()
	}
	asks(world, 4, fault.Unavailable) // it is not known who has him
	bind(world, 4)
	ticket := asks(world, 4, fault.OK)
	asks(world, 3, fault.Fenced)
	asks(other, 4, fault.Fenced)
	bind(other, 5)
	asks(world, 4, fault.Fenced)
	if again := asks(other, 5, fault.OK); again != ticket {
		t.Errorf("the next owner gets the ticket %d, and the player has %d", again, ticket)
	}
	bind(world, 6) // he is back, and what that world still does from before counts no more
	asks(world, 4, fault.Fenced)
	left, err := api.LeaveMatch.Call(t.Context(), world.RPC(), &pb.LeaveMatch{Player: 7, Area: 1, Ticket: ticket, Epoch: 6}, rpc.Any)
	if err != nil || !left.GetCancelled() {
		t.Errorf("the owner gives the ticket back: %v, %v", left, err)
	}
}
