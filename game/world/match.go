package world

import (
	"context"
	"math"
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

// matchLimit is how long a match is on if it cannot be found out whether it still is. Its end is told again and again until the owner has heard it; this is for when all of
// that was lost, so that nobody is kept from the next match.
const matchLimit = 15 * time.Minute

// doubtAfter is for how long a match is on before it is doubted because its player asks for another: by then this world knows of every zone that match knew.
const doubtAfter = 3 * time.Second

// maxEnded is how many matches that are over, or that he has left, a player remembers: he may still be told of them, late or again.
const maxEnded = 8

// A Match is where the player fights now. It never changes. It is part of his state, and so it is known to whichever world has him next.
type Match struct {
	ID      api.MatchID    `json:"id"`
	Room    int64          `json:"room"`
	Zone    id.Node        `json:"zone"`
	Ticket  api.TicketID   `json:"ticket"`
	Mode    string         `json:"mode"`
	Players []api.PlayerID `json:"players"`
	Teams   int32          `json:"teams,omitempty"` // 0 or 1: everybody for himself
	Began   int64          `json:"began"`           // ms
	Fill    bool           `json:"fill,omitempty"`  // he came into the battle on the seat of one who had left
}

// bind lets the session send to the match's room.
func (m *Match) bind(s *line.Session) { s.Bind(api.Zone, m.Zone) }

// found is how clients are told of the match.
func (m *Match) found() *pb.MatchFound {
	found := &pb.MatchFound{Match: int64(m.ID), Room: m.Room, Mode: m.Mode, Teams: m.Teams, Fill: m.Fill}
	for _, p := range m.Players {
		found.Players = append(found.Players, int64(p))
	}
	return found
}

// hasEnded reports whether the player knows the end of that match.
func (s *State) hasEnded(m api.MatchID) bool { return slices.Contains(s.Ended, m) }

// remembered is the last matches of a list and another one.
func remembered(list []api.MatchID, m api.MatchID) []api.MatchID {
	return append(slices.Clip(list[max(0, len(list)-maxEnded+1):]), m)
}

// leave has the player in no match; the end of that one is still to come.
func (s *State) leave(m api.MatchID) { s.Left, s.Match = remembered(s.Left, m), nil }

// hasLeft reports whether the player has left that match for good and does not know its end.
func (s *State) hasLeft(m api.MatchID) bool { return slices.Contains(s.Left, m) }

// end notes that the match is over; if it is the player's, he is in none.
func (s *State) end(m api.MatchID) {
	if !s.hasEnded(m) {
		s.Ended = remembered(s.Ended, m)
	}
	if s.hasLeft(m) {
		s.Left = slices.DeleteFunc(slices.Clone(s.Left), func(left api.MatchID) bool { return left == m })
	}
	if s.Match != nil && s.Match.ID == m {
		s.Match = nil
	}
}

// startMatch takes a ticket. Asking again while waiting answers the same ticket.
func (p *Player) startMatch(ctx *actor.Context, m *pb.StartMatch) (*pb.StartMatchReply, error) {
	if p.engaged(ctx) {
		return nil, fault.New(fault.FailedPrecondition, "in a match already")
	}
	if !p.world.live.match.In(uint16(p.area)).Has(int64(p.id)) {
		return nil, fault.New(fault.FailedPrecondition, "matches are closed now")
	}
	join := &pb.JoinMatch{Player: int64(p.id), Area: uint32(p.area), Mode: m.GetMode(), Rating: p.profile.GetRating(), Epoch: p.epoch}
	reply, err := api.JoinMatch.Call(ctx, p.world.rpc, join, rpc.Any)
	if err != nil {
		return nil, p.overtaken(ctx, err)
	}
	if ticket := api.TicketID(reply.GetTicket()); ticket != p.state.Ticket {
		// Or his next world could not say the truth about a cancel. If he asks again he gets the same one.
		if err := p.commit(ctx, func(s *State) { s.Ticket = ticket }); err != nil {
			return nil, err
		}
	}
	return &pb.StartMatchReply{Ticket: reply.GetTicket()}, nil
}

// cancelMatch gives the ticket back, unless a match has been made with it. He may have one that is not known here: his party's, or that of a wish to which match's answer was lost.
func (p *Player) cancelMatch(ctx *actor.Context, _ *pb.CancelMatch) (*pb.CancelMatchReply, error) {
	reply, err := api.LeaveMatch.Call(ctx, p.world.rpc, p.leaveMatch(), rpc.Any)
	if fault.CodeOf(err) == fault.NotFound {
		reply, err = &pb.LeaveMatchReply{Cancelled: p.state.Ticket != 0}, nil // match has forgotten it, so nothing will come of it
	}
	if err != nil {
		return nil, p.overtaken(ctx, err)
	}
	if reply.GetCancelled() {
		p.state.Ticket = 0
		p.changed(ctx)
	}
	return &pb.CancelMatchReply{Cancelled: reply.GetCancelled()}, nil
}

// abandonTicket is cancelMatch for a player who leaves. It reports whether he had a ticket and has none any more.
func (p *Player) abandonTicket(ctx context.Context) bool {
	if p.state.Ticket == 0 || !p.world.holds() {
		return false
	}
	reply, err := api.LeaveMatch.Call(ctx, p.world.rpc, p.leaveMatch(), rpc.Any)
	gone := reply.GetCancelled() || fault.CodeOf(err) == fault.NotFound
	switch {
	case gone:
		p.state.Ticket = 0
	case err != nil:
		p.world.log.Warn("ticket not given back; it will expire", "player", p.id, "ticket", p.state.Ticket, "err", err)
	}
	return gone
}

func (p *Player) leaveMatch() *pb.LeaveMatch {
	return &pb.LeaveMatch{Player: int64(p.id), Ticket: int64(p.state.Ticket), Area: uint32(p.area), Epoch: p.epoch}
}

// proposed is told by match when there is a match for whoever accepts it, or when that has come to nothing. What the player says goes to match, which knows
// whether he is asked; so nothing of it is remembered here.
func (p *Player) proposed(_ *actor.Context, m *pb.PlayerProposed) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	switch ticket := api.TicketID(m.GetTicket()); {
	case p.state.Match != nil:
		return nil, fault.New(fault.FailedPrecondition, "the player is in a match")
	case ticket < p.state.Ticket:
		return nil, fault.New(fault.FailedPrecondition, "the player has a newer ticket")
	case m.GetWithinMs() > 0:
		p.push(&pb.MatchProposed{
			Match: m.GetMatch(), Ticket: m.GetTicket(), Mode: m.GetMode(), Players: m.GetPlayers(), WithinMs: int32(min(m.GetWithinMs(), math.MaxInt32)),
		})
	default:
		p.push(&pb.MatchProposalEnded{Match: m.GetMatch(), Ticket: m.GetTicket()})
	}
	return &pb.Done{}, nil
}

// answerProposal is what the player says to a match that he is asked about.
func (p *Player) answerProposal(ctx *actor.Context, m *pb.AnswerProposal) (*pb.AnswerProposalReply, error) {
	reply, err := api.AnswerMatch.Call(ctx, p.world.rpc, &pb.AnswerMatch{
		Player: int64(p.id), Match: m.GetMatch(), Accept: m.GetAccept(), Area: uint32(p.area), Epoch: p.epoch,
	}, rpc.Any)
	if err != nil {
		return nil, p.overtaken(ctx, err)
	}
	return &pb.AnswerProposalReply{Accepted: reply.GetAccepted()}, nil
}

// matched is told by match when the room is ready. It may be told twice.
func (p *Player) matched(ctx *actor.Context, m *pb.PlayerMatched) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	ticket, current := api.TicketID(m.GetTicket()), p.state.Match
	switch {
	case p.state.hasEnded(api.MatchID(m.GetMatch())):
		if p.state.Ticket != 0 && p.state.Ticket == ticket {
			p.abort(ctx, "the match has ended already") // taken again while match had not yet heard that the player was told
		}
		return &pb.Done{}, nil
	case p.state.hasLeft(api.MatchID(m.GetMatch())), current != nil && current.ID == api.MatchID(m.GetMatch()):
		return &pb.Done{}, nil
	case current != nil:
		return nil, fault.New(fault.FailedPrecondition, "the player is in another match")
	case ticket < p.state.Ticket:
		return nil, fault.New(fault.FailedPrecondition, "the player has a newer ticket") // told late; he has asked for a match again since
	}
	match := &Match{
		ID: api.MatchID(m.GetMatch()), Room: m.GetRoom(), Zone: id.Node(m.GetZone()), Ticket: ticket, Mode: m.GetMode(), Teams: m.GetTeams(),
		Began: time.Now().UnixMilli(), Fill: m.GetFill(),
	}
	for _, player := range m.GetPlayers() {
		match.Players = append(match.Players, api.PlayerID(player))
	}
	p.offField(ctx, fault.FailedPrecondition, "a match was found")
	// Before anybody is told: should this world die, the next one brings him back into the battle.
	if err := p.commit(ctx, func(s *State) { s.Ticket, s.Match = 0, match }); err != nil {
		return nil, err
	}
	if p.session != nil {
		match.bind(p.session)
	}
	p.push(match.found())
	return &pb.Done{}, nil
}

// dropStale ends a match that cannot be on any more.
func (p *Player) dropStale(ctx *actor.Context) {
	if m := p.state.Match; m != nil && time.Since(time.UnixMilli(m.Began)) > matchLimit && p.returned(ctx) != nil && p.state.Match == m {
		p.world.log.Warn("match ended by its age: nobody told its end", "player", p.id, "match", m.ID)
		p.abort(ctx, "the battle has ended, and its result has not come")
	}
}

// unmatched is told when a ticket, or the match that was made with it, came to nothing. What is not the player's any more is ignored; of
// a match that he has not heard of yet he will not hear.
func (p *Player) unmatched(ctx *actor.Context, m *pb.PlayerUnmatched) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	match, ticket := p.state.Match, api.TicketID(m.GetTicket())
	hisMatch := match != nil && (match.ID == api.MatchID(m.GetMatch()) || match.Ticket == ticket)
	hisTicket := p.state.Ticket != 0 && p.state.Ticket == ticket
	if hisMatch || hisTicket {
		p.abort(ctx, m.GetReason())
	}
	if over := api.MatchID(m.GetMatch()); over != 0 && !p.state.hasEnded(over) {
		if err := p.commit(ctx, func(s *State) { s.end(over) }); err != nil {
			return nil, err
		}
	}
	return &pb.Done{}, nil
}

// zoneLost is told when the node of somebody's match, or field, is gone. It may have stored the match's result and died before it told that.
func (p *Player) zoneLost(ctx *actor.Context, m *zoneLost) error {
	if p.holds() != nil {
		return nil
	}
	if match := p.state.Match; match != nil && match.Zone == m.zone && p.returned(ctx) != nil && !p.leaving {
		ctx.After(lookAgain, m)
	}
	p.fieldLost(ctx, m)
	return nil
}

// abort ends the wait for a match, or the match, without a result. If that cannot be saved now, and this world dies before it is, the player is told again by
// the next one.
func (p *Player) abort(ctx *actor.Context, reason string) {
	ticket, match := p.state.Ticket, p.state.Match
	if match != nil {
		ticket = match.Ticket
		p.state.end(match.ID)
	}
	p.state.Ticket = 0
	p.changed(ctx)
	if _ = p.saveNow(ctx, &saveNow{}); p.leaving {
		return // he is another's
	}
	if match != nil && p.session != nil { // without one he may be on a field
		p.session.Unbind(api.Zone)
	}
	p.push(&pb.MatchAborted{Ticket: int64(ticket), Reason: reason})
}

// finished is told when a match's result is stored. It may be told twice.
func (p *Player) finished(ctx *actor.Context, m *pb.PlayerFinished) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	return &pb.Done{}, p.conclude(ctx, m.GetResult())
}

// conclude counts a match's result, once. One that came to nothing as far as the player knows, since its zone was paused or cut off, still gives him what it gives.
func (p *Player) conclude(ctx *actor.Context, result *pb.MatchResult) error {
	match := api.MatchID(result.GetMatch())
	if p.state.hasEnded(match) {
		return p.catchUp(ctx)
	}
	profile, err := api.ReadProfile.Call(ctx, p.world.rpc, &pb.ReadProfile{Player: int64(p.id)}, rpc.ByKey(int64(p.id)))
	if err != nil {
		return err
	}
	his := p.state.Match != nil && p.state.Match.ID == match
	err = p.commit(ctx, func(s *State) {
		s.end(match)
		s.Stats.Matches++
		if result.GetPlace() == 1 {
			s.Stats.Wins++
		}
	})
	if err != nil {
		return err
	}
	p.profile = profile
	if his && p.session != nil {
		p.session.Unbind(api.Zone)
	}
	p.push(&pb.MatchEnded{Result: result, Profile: p.copyProfile()})
	return nil
}
