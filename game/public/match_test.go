package public

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// A matchmaker knows one ticket of area 3.
type matchmaker struct{}

func (matchmaker) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, api.ExplainTicket, func(_ context.Context, m *pb.ExplainTicket) (*pb.TicketExplained, error) {
		if m.GetArea() != 3 || m.GetPlayer() != 0 || m.GetTicket() != 8 {
			return &pb.TicketExplained{State: "none", Ticket: m.GetTicket()}, nil
		}
		return &pb.TicketExplained{
			State: "waiting", Ticket: 8, Mode: "arena", Players: []int64{1 << 60}, Why: "nobody", Others: 1, Near: []*pb.TicketNear{{Ticket: 9, Obstacle: "far"}},
		}, nil
	})
	return nil
}
func (matchmaker) Ready(context.Context) error { return nil }
func (matchmaker) Stop(context.Context) error  { return nil }

func TestExplain(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	s.lead(settings())
	if r := order(t, s, "early", command.Explain, command.ExplainArgs{Area: 3, Ticket: 8}); r.Code != fault.Unavailable {
		t.Errorf("no match node: %+v", r)
	}
	if r := order(t, s, "nobody", command.Explain, command.ExplainArgs{Area: 3}); r.Code != fault.Invalid {
		t.Errorf("nobody is named: %+v", r)
	}
	s.Start(node.Config{Type: api.Match, Area: 4}, matchmaker{}) // for another area
	s.Start(node.Config{Type: api.Match}, matchmaker{})
	var got command.Explained
	s.eventually("a match node answers", func() bool {
		r := order(t, s, "explain", command.Explain, command.ExplainArgs{Area: 3, Ticket: 8})
		return r.Err() == nil && json.Unmarshal(r.Value, &got) == nil
	})
	want := command.Explained{Area: 3, State: "waiting", Why: "nobody", Ticket: 8, Mode: "arena", Players: []string{"1152921504606846976"}, Wait: &command.ExplainedWait{
		Others: 1, Near: []command.ExplainNear{{Ticket: 9, Obstacle: "far"}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v; want %+v", got, want)
	}
}
