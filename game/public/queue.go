package public

import (
	"context"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// queueStatus asks the queue that leads in an area.
func (r *reign) queueStatus(ctx context.Context, _ command.Command, args command.QueueArgs) (any, error) {
	if args.Player < 0 {
		return nil, fault.New(fault.Invalid, "a player's number is not negative")
	}
	leader, err := r.queueOf(args.Area)
	if err != nil {
		return nil, err
	}
	q, err := api.ReadQueue.Call(ctx, r.node.RPC(), &pb.ReadQueue{Area: uint32(args.Area), Player: args.Player}, rpc.To(leader))
	if err != nil {
		return nil, err
	}
	state := command.QueueState{
		Area: args.Area, Admission: q.GetAdmission(), Capacity: q.GetCapacity(), Rate: q.GetRate(), Waiting: q.GetWaiting(), Away: q.GetAway(),
		Places: q.GetPlaces(), Passes: q.GetPasses(), Held: q.GetHeld(), Hold: q.GetHoldMs(), Pace: q.GetPace(), ETA: q.GetEtaMs(),
	}
	for _, lane := range q.GetLanes() {
		state.Lanes = append(state.Lanes, command.Lane{
			Name: lane.GetName(), Share: lane.GetShare(), Waiting: lane.GetWaiting(), Pace: lane.GetPace(), ETA: lane.GetEtaMs(),
		})
	}
	if args.Player != 0 {
		state.Player = &command.Stands{
			Player: args.Player, Lane: q.GetPlayerLane(), Position: q.GetPosition(), ETA: q.GetPositionEtaMs(), Away: q.GetPlayerAway(), Placed: q.GetPlayerPlaced(),
		}
	}
	return state, nil
}

// queueOf is the node that leads an area's queue: of the area's own, or else of one that serves all.
func (r *reign) queueOf(area uint16) (id.Node, error) {
	var found id.Node
	for _, m := range r.node.Cluster().Snapshot().ByType(api.Queue) {
		if m.State == cluster.Ready && (m.Area == area || m.Area == 0 && found == 0) {
			found = m.Node
		}
	}
	if found == 0 {
		return 0, fault.Errorf(fault.Unavailable, "no queue of area %d is ready", area)
	}
	return found, nil
}
