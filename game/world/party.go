package world

import (
	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

func (w *World) serveParties(n *node.Node) {
	line.Handle(n, w.players, entered((*Player).inviteToParty))
	line.Handle(n, w.players, entered((*Player).acceptParty))
	line.Handle(n, w.players, entered((*Player).leaveParty))
	line.Handle(n, w.players, entered((*Player).kickFromParty))
	line.Handle(n, w.players, entered((*Player).getParty))
	rpc.Handle(n, w.players, api.PlayerParty, noticed((*Player).partyNews))
	rpc.Handle(n, w.players, api.PlayerReady, (*Player).ready)
	actor.HandleTell(w.players.Behavior(), (*Player).lookForParty)
}

// party asks match for the player's party, and to do something to it first.
func (p *Player) party(ctx *actor.Context, act pb.DoParty_Act, other, party int64) (*pb.Party, error) {
	if act != pb.DoParty_LEAVE && !p.talk.mayAct(p.world.now()) {
		return nil, fault.Errorf(fault.RateLimited, "too much done about others at once; wait %s", sayEvery)
	}
	reply, err := api.DoParty.Call(ctx, p.world.rpc, &pb.DoParty{
		Player: int64(p.id), Area: uint32(p.area), Epoch: p.epoch, Act: act, Other: other, Party: party,
	}, rpc.Any)
	if err != nil {
		return nil, err
	}
	p.knowParty(ctx, reply.GetParty(), reply.GetNumber())
	return reply.GetParty(), nil
}

// knowParty notes what is known of the player's party now: whether there is one, and how new that is. It is part of his state, so that his next world has him leave
// his party too when he is gone for good, and passes over what is older. The number of an answer counts also if it is smaller: then Redis has lost its numbers, and its clock was put back.
func (p *Player) knowParty(ctx *actor.Context, is *pb.Party, number int64) {
	if in := is.GetParty() != 0; in != p.state.InParty || number != p.state.PartyNumber {
		p.state.InParty, p.state.PartyNumber = in, number
		p.changed(ctx)
	}
}

// lookForParty has a client hear what his party is who does not know that his player has moved to this world: what was told of it meanwhile has reached neither.
type lookForParty struct{}

func (p *Player) lookForParty(ctx *actor.Context, m *lookForParty) error {
	if p.holds() != nil || !p.state.InParty {
		return nil
	}
	party, err := p.party(ctx, pb.DoParty_LOOK, 0, 0)
	switch {
	case p.overtaken(ctx, err) == nil:
		p.push(&pb.PartyChanged{Party: party})
	case !p.leaving:
		p.world.log.Debug("party not looked up; will try again", "player", p.id, "err", err)
		ctx.After(p.world.cfg.ReportEvery, m)
	}
	return nil
}

func (p *Player) inviteToParty(ctx *actor.Context, m *pb.InviteToParty) (*pb.InviteToPartyReply, error) {
	other := m.GetPlayer()
	if m.GetName() != "" {
		found, err := p.findPlayer(ctx, &pb.FindPlayer{Name: m.GetName()})
		if err != nil {
			return nil, err
		}
		other = found.GetPlayer()
	}
	party, err := p.party(ctx, pb.DoParty_INVITE, other, 0)
	return &pb.InviteToPartyReply{Party: party}, p.overtaken(ctx, err)
}

func (p *Player) acceptParty(ctx *actor.Context, m *pb.AcceptParty) (*pb.AcceptPartyReply, error) {
	party, err := p.party(ctx, pb.DoParty_ACCEPT, 0, m.GetParty())
	return &pb.AcceptPartyReply{Party: party}, p.overtaken(ctx, err)
}

func (p *Player) leaveParty(ctx *actor.Context, _ *pb.LeaveParty) (*pb.LeavePartyReply, error) {
	_, err := p.party(ctx, pb.DoParty_LEAVE, 0, 0)
	return &pb.LeavePartyReply{}, p.overtaken(ctx, err)
}

func (p *Player) kickFromParty(ctx *actor.Context, m *pb.KickFromParty) (*pb.KickFromPartyReply, error) {
	party, err := p.party(ctx, pb.DoParty_KICK, m.GetPlayer(), 0)
	return &pb.KickFromPartyReply{Party: party}, p.overtaken(ctx, err)
}

func (p *Player) getParty(ctx *actor.Context, _ *pb.GetParty) (*pb.GetPartyReply, error) {
	party, err := p.party(ctx, pb.DoParty_LOOK, 0, 0)
	return &pb.GetPartyReply{Party: party}, p.overtaken(ctx, err)
}

// abandonParty is leaveParty for a player who has been gone for so long that he does not come back.
func (p *Player) abandonParty(ctx *actor.Context) {
	if !p.state.InParty {
		return
	}
	if _, err := p.party(ctx, pb.DoParty_LEAVE, 0, 0); err != nil && fault.CodeOf(err) != fault.NotFound {
		p.world.log.Warn("party not left; it will end by its age", "player", p.id, "err", err)
	}
}

// partyNews is told by match. It may be told twice, or after something newer, also after the answer to what the player has done himself meanwhile: then the client does not hear of it.
func (p *Player) partyNews(ctx *actor.Context, m *pb.PlayerParty) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	switch {
	case m.GetInvitedBy() != 0:
		if !p.talk.mayHear(p.world.now()) {
			return nil, fault.New(fault.RateLimited, "too much is said to that player")
		}
		if err := p.meet(ctx); err != nil {
			return nil, err
		}
		if p.session == nil || p.circle.is(m.GetInvitedBy()) == pb.Friend_BLOCKED {
			return nil, errAway
		}
		p.push(&pb.PartyInvited{Party: m.GetParty().GetParty(), From: m.GetInvitedBy()})
	case m.GetTicket() != 0:
		ticket := api.TicketID(m.GetTicket())
		if p.state.Match != nil || ticket <= p.state.Ticket {
			return &pb.Done{}, nil // news from before the match, or of the ticket that he knows
		}
		if !p.waitsWith(ctx, ticket) {
			return &pb.Done{}, nil // it has ended meanwhile, perhaps because he gave it back, and nobody will tell that again
		}
		if err := p.commit(ctx, func(s *State) { s.Ticket = ticket }); err != nil {
			return nil, err
		}
		p.push(&pb.PartySearching{Ticket: m.GetTicket(), Mode: m.GetMode()})
	case m.GetNumber() < p.state.PartyNumber:
	default:
		p.knowParty(ctx, m.GetParty(), m.GetNumber())
		p.push(&pb.PartyChanged{Party: m.GetParty()})
	}
	return &pb.Done{}, nil
}

// ready says whether the player can be in a match of his party now.
func (p *Player) ready(ctx *actor.Context, _ *pb.PlayerReady) (*pb.PlayerReadyReply, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	switch {
	case p.session == nil:
		return nil, errAway
	case p.engaged(ctx):
		return nil, fault.New(fault.FailedPrecondition, "in a match already")
	}
	return &pb.PlayerReadyReply{Rating: p.profile.GetRating()}, nil
}
