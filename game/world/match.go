package world

import (
	"context"
	"slices"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// matchLimit is how long a match can be on. Its end is told again and again until the owner has heard it; this is for when all of that was lost,
// so that nobody is kept from the next match.
const matchLimit = 15 * time.Minute

// A match is where the player fights now.
type match struct {
	began  time.Time
	zone   id.Node
	ticket api.TicketID
	found  *pb.MatchFound
}

// ended is the last matches that are over for a player, who may still be told of them, late or again. The zero value is none.
type ended struct {
	matches [8]api.MatchID
	next    int
}

func (e *ended) has(m api.MatchID) bool { return slices.Contains(e.matches[:], m) }

func (e *ended) add(m api.MatchID) {
	if !e.has(m) {
		e.matches[e.next%len(e.matches)] = m
		e.next++
	}
}

// bind lets the session send to the match's room.
func (m *match) bind(s *line.Session) { s.Bind(api.Zone, m.zone) }

// startMatch takes a ticket. Asking again while waiting answers the same ticket.
func (p *Player) startMatch(ctx *actor.Context, m *pb.StartMatch) (*pb.StartMatchReply, error) {
	p.dropStale()
	if p.match != nil {
		return nil, fault.New(fault.FailedPrecondition, "in a match already")
	}
	join := &pb.JoinMatch{Player: int64(p.id), Area: uint32(p.area), Mode: m.GetMode(), Rating: p.profile.GetRating()}
	reply, err := api.JoinMatch.Call(ctx, p.world.rpc, join, rpc.Any)
	if err != nil {
		return nil, err
	}
	p.ticket = api.TicketID(reply.GetTicket())
	return &pb.StartMatchReply{Ticket: reply.GetTicket()}, nil
}

// cancelMatch gives the ticket back, unless a match has been made with it.
func (p *Player) cancelMatch(ctx *actor.Context, _ *pb.CancelMatch) (*pb.CancelMatchReply, error) {
	if p.ticket == 0 {
		return &pb.CancelMatchReply{Cancelled: false}, nil
	}
	reply, err := api.LeaveMatch.Call(ctx, p.world.rpc, p.leaveMatch(), rpc.Any)
	if fault.CodeOf(err) == fault.NotFound {
		p.ticket = 0 // match has forgotten it, so nothing will come of it
		return &pb.CancelMatchReply{Cancelled: true}, nil
	}
	if err != nil {
		return nil, err
	}
	if reply.GetCancelled() {
		p.ticket = 0
	}
	return &pb.CancelMatchReply{Cancelled: reply.GetCancelled()}, nil
}

// abandonTicket is cancelMatch for a player who leaves.
func (p *Player) abandonTicket(ctx context.Context) {
	if _, err := api.LeaveMatch.Call(ctx, p.world.rpc, p.leaveMatch(), rpc.Any); err != nil {
		p.world.log.Warn("ticket not given back; it will expire", "player", p.id, "ticket", p.ticket, "err", err)
	}
}

func (p *Player) leaveMatch() *pb.LeaveMatch {
	return &pb.LeaveMatch{Player: int64(p.id), Ticket: int64(p.ticket), Area: uint32(p.area)}
}

// matched is told by match when the room is ready. It may be told twice.
func (p *Player) matched(_ *actor.Context, m *pb.PlayerMatched) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	if p.ended.has(api.MatchID(m.GetMatch())) {
		if p.ticket != 0 && int64(p.ticket) == m.GetTicket() {
			p.abort("the match has ended already") // taken again while match had not yet heard that the player was told
		}
		return &pb.Done{}, nil
	}
	if p.match != nil {
		if p.match.found.GetMatch() == m.GetMatch() {
			return &pb.Done{}, nil
		}
		return nil, fault.New(fault.FailedPrecondition, "the player is in another match")
	}
	if p.ticket != 0 && m.GetTicket() < int64(p.ticket) {
		return nil, fault.New(fault.FailedPrecondition, "the player has a newer ticket") // told late; he has asked for a match again since
	}
	p.ticket = 0
	p.match = &match{
		began:  time.Now(),
		zone:   id.Node(m.GetZone()),
		ticket: api.TicketID(m.GetTicket()),
		found:  &pb.MatchFound{Match: m.GetMatch(), Room: m.GetRoom(), Mode: m.GetMode(), Players: m.GetPlayers()},
	}
	if p.session != nil {
		p.match.bind(p.session)
	}
	p.push(p.match.found)
	return &pb.Done{}, nil
}

// dropStale ends a match that cannot be on any more.
func (p *Player) dropStale() {
	if p.match != nil && time.Since(p.match.began) > matchLimit {
		p.world.log.Warn("match ended by its age: nobody told its end", "player", p.id, "match", p.match.found.GetMatch())
		p.abort("the battle has ended, and its result has not come")
	}
}

// unmatched is told when a ticket, or the match that was made with it, came to nothing. What is not the player's any more is ignored; of
// a match that he has not heard of yet he will not hear.
func (p *Player) unmatched(_ *actor.Context, m *pb.PlayerUnmatched) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	if m.GetMatch() != 0 {
		p.ended.add(api.MatchID(m.GetMatch()))
	}
	hisMatch := p.match != nil && (p.match.found.GetMatch() == m.GetMatch() || int64(p.match.ticket) == m.GetTicket())
	hisTicket := p.ticket != 0 && int64(p.ticket) == m.GetTicket()
	if hisMatch || hisTicket {
		p.abort(m.GetReason())
	}
	return &pb.Done{}, nil
}

// zoneLost is told when the node of somebody's match is gone.
func (p *Player) zoneLost(_ *actor.Context, m *zoneLost) error {
	if p.match != nil && p.match.zone == m.zone {
		p.abort("the battle's server is gone")
	}
	return nil
}

// abort ends the wait for a match, or the match, without a result.
func (p *Player) abort(reason string) {
	ticket := p.ticket
	if p.match != nil {
		ticket = p.match.ticket
		p.ended.add(api.MatchID(p.match.found.GetMatch()))
	}
	p.match, p.ticket = nil, 0
	if p.session != nil {
		p.session.Unbind(api.Zone)
	}
	p.push(&pb.MatchAborted{Ticket: int64(ticket), Reason: reason})
}

// finished is told when a match's result is stored. It may be told twice.
func (p *Player) finished(ctx *actor.Context, m *pb.PlayerFinished) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	result := m.GetResult()
	if p.ended.has(api.MatchID(result.GetMatch())) {
		return &pb.Done{}, nil
	}
	profile, err := api.ReadProfile.Call(ctx, p.world.rpc, &pb.ReadProfile{Player: int64(p.id)}, rpc.ByKey(int64(p.id)))
	if err != nil {
		return nil, err
	}
	p.profile = profile
	p.ended.add(api.MatchID(result.GetMatch()))
	p.state.Stats.Matches++
	if result.GetPlace() == 1 {
		p.state.Stats.Wins++
	}
	p.changed(ctx)
	if p.match != nil && p.match.found.GetMatch() == result.GetMatch() {
		p.match = nil
		if p.session != nil {
			p.session.Unbind(api.Zone)
		}
	}
	p.push(&pb.MatchEnded{Result: result, Profile: p.copyProfile()})
	return &pb.Done{}, nil
}
