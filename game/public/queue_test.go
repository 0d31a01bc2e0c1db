package public

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// A lineup is a queue whose figures tell who was asked: its capacity is its own.
type lineup struct{ capacity int64 }

func (l lineup) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, api.ReadQueue, func(_ context.Context, m *pb.ReadQueue) (*pb.QueueFigures, error) {
		return &pb.QueueFigures{
			Admission: api.AdmissionPaused, Capacity: l.capacity, Rate: 2, Waiting: 3, Away: 4, Places: 5, Passes: 6, HoldMs: 7, Held: "full", Pace: 0.5, EtaMs: 6000,
			Lanes: []*pb.QueueLane{{Name: "standard", Share: 0.25, Waiting: 3, Pace: 0.5, EtaMs: 6000}}, PlayerLane: "standard",
			Position: m.GetPlayer() / 10, PositionEtaMs: 8, PlayerAway: m.GetPlayer() == 30, PlayerPlaced: m.GetPlayer() == 40,
		}, nil
	})
	return nil
}
func (lineup) Ready(context.Context) error { return nil }
func (lineup) Stop(context.Context) error  { return nil }

// TestQueueStatus asks the area's own queue, or else the one for all.
func TestQueueStatus(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	public := s.lead(settings())
	if r := order(t, s, "early", command.QueueStatus, command.QueueArgs{Area: 1}); r.Code != fault.Unavailable {
		t.Errorf("without a queue: %+v", r)
	}
	s.Start(node.Config{Type: api.Queue, Area: 2}, lineup{200})
	ready := func(n int) {
		s.eventually("public knows the queues", func() bool {
			found := 0
			for _, m := range public.Cluster().Snapshot().ByType(api.Queue) {
				if m.State == cluster.Ready {
					found++
				}
			}
			return found == n
		})
	}
	ready(1)
	if r := order(t, s, "other", command.QueueStatus, command.QueueArgs{Area: 1}); r.Code != fault.Unavailable {
		t.Errorf("with another area's queue: %+v", r)
	}
	s.Start(node.Config{Type: api.Queue}, lineup{100})
	ready(2)
	for area, capacity := range map[uint16]int64{1: 100, 2: 200} {
		want := command.QueueState{
			Area: area, Admission: "paused", Capacity: capacity, Rate: 2, Waiting: 3, Away: 4, Places: 5, Passes: 6, Hold: 7, Held: "full", Pace: 0.5, ETA: 6000,
			Lanes: []command.Lane{{Name: "standard", Share: 0.25, Waiting: 3, Pace: 0.5, ETA: 6000}},
		}
		var got command.QueueState
		r := order(t, s, fmt.Sprint("area-", area), command.QueueStatus, command.QueueArgs{Area: area})
		if r.Err() != nil || json.Unmarshal(r.Value, &got) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("area %d: %s, %v; want %+v", area, r.Value, r.Err(), want)
		}
	}
	for player, want := range map[int64]command.Stands{
		20: {Player: 20, Lane: "standard", Position: 2, ETA: 8}, 30: {Player: 30, Lane: "standard", Position: 3, ETA: 8, Away: true}, 40: {Player: 40, Lane: "standard", Position: 4, ETA: 8, Placed: true},
	} {
		var got command.QueueState
		r := order(t, s, fmt.Sprint("player-", player), command.QueueStatus, command.QueueArgs{Area: 1, Player: player})
		if r.Err() != nil || json.Unmarshal(r.Value, &got) != nil || got.Player == nil || *got.Player != want {
			t.Errorf("player %d: %s, %v; want %+v", player, r.Value, r.Err(), want)
		}
	}
	if r := order(t, s, "nobody", command.QueueStatus, command.QueueArgs{Area: 1, Player: -1}); r.Code != fault.Invalid {
		t.Errorf("nobody's number: %+v", r)
	}
}
