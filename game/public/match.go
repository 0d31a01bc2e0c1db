package public

import (
	"context"
	"strconv"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// explain asks a match node why a ticket does not match.
func (r *reign) explain(ctx context.Context, _ command.Command, args command.ExplainArgs) (any, error) {
	if args.Player < 0 || args.Ticket < 0 || args.Player == 0 && args.Ticket == 0 {
		return nil, fault.New(fault.Invalid, "name a player or a ticket")
	}
	if args.Area == 0 && args.Player != 0 {
		profile, err := api.ReadProfile.Call(ctx, r.node.RPC(), &pb.ReadProfile{Player: args.Player}, rpc.ByKey(args.Player))
		if err != nil {
			return nil, err
		}
		args.Area = uint16(profile.GetArea())
	}
	for _, m := range r.node.Cluster().Snapshot().ByType(api.Match) {
		if m.State != cluster.Ready || m.Area != 0 && m.Area != args.Area {
			continue
		}
		e, err := api.ExplainTicket.Call(ctx, r.node.RPC(), &pb.ExplainTicket{Area: uint32(args.Area), Player: args.Player, Ticket: args.Ticket}, rpc.To(m.Node))
		if err != nil {
			return nil, err
		}
		return explained(args.Area, e), nil
	}
	return nil, fault.Errorf(fault.Unavailable, "no match node of area %d is ready", args.Area)
}

func explained(area uint16, e *pb.TicketExplained) command.Explained {
	out := command.Explained{
		Area: area, State: e.GetState(), Why: e.GetWhy(), Ticket: e.GetTicket(), Mode: e.GetMode(), Players: decimals(e.GetPlayers()),
		Rating: e.GetRating(), Waited: e.GetWaitedMs(),
	}
	if e.GetState() == "waiting" {
		out.Wait = &command.ExplainedWait{
			Window: e.GetWindow(), Others: e.GetOthers(), Fitting: e.GetFitting(), Group: e.GetGroup(), Least: e.GetGroupLeast(), Full: e.GetGroupFull(),
			PatienceLeft: e.GetPatienceLeftMs(), Leader: e.GetLeader(), LeadLeft: e.GetLeadLeftMs(), ZoneReady: e.GetZoneReady(), UnderWay: e.GetUnderWay(),
			Near: []command.ExplainNear{},
		}
		for _, n := range e.GetNear() {
			out.Wait.Near = append(out.Wait.Near, command.ExplainNear{
				Ticket: n.GetTicket(), Players: decimals(n.GetPlayers()), Rating: n.GetRating(), Waited: n.GetWaitedMs(), Window: n.GetWindow(), Obstacle: n.GetObstacle(),
			})
		}
	}
	for _, p := range e.GetPlaces() {
		out.Wait.Places = append(out.Wait.Places, command.ExplainPlace{
			Room: p.GetRoom(), Zone: uint16(p.GetZone()), Seat: p.GetSeat(), Rating: p.GetRating(), Open: p.GetOpenMs(), Window: p.GetWindow(), Obstacle: p.GetObstacle(),
		})
	}
	if e.GetMatch() != 0 {
		out.Match = &command.ExplainedMatch{
			Match: e.GetMatch(), Zone: uint16(e.GetZone()), Holder: e.GetHolder(), Claimed: e.GetClaimedAgoMs(), Due: e.GetDueInMs(),
		}
		for i, p := range e.GetMatchPlayers() {
			voice := command.ExplainVoice{Player: p}
			if i < len(e.GetAnswers()) {
				voice.Answer = e.GetAnswers()[i]
			}
			out.Match.Players = append(out.Match.Players, voice)
		}
	}
	return out
}

// decimals writes players' numbers so that no reader of JSON rounds them.
func decimals(players []int64) []string {
	var out []string
	for _, p := range players {
		out = append(out, strconv.FormatInt(p, 10))
	}
	return out
}
