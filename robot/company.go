package robot

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

const (
	partyMode     = "team"
	guestPatience = 20 * time.Second // for an invitation, and for what comes of it
)

// A lobby is where robots of a run find each other to make a party. The zero value is an empty one; it is safe for concurrent use.
type lobby struct {
	mu     sync.Mutex
	guests []int64 // players who wait to be invited
}

// meet is the guest who has waited longest; 0: nobody waits, and player does now.
func (l *lobby) meet(player int64) (guest int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.guests) > 0 && l.guests[0] != player {
		guest, l.guests = l.guests[0], l.guests[1:]
		return guest
	}
	if !slices.Contains(l.guests, player) {
		l.guests = append(l.guests, player)
	}
	return 0
}

// leave has a guest wait no longer.
func (l *lobby) leave(player int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guests = slices.DeleteFunc(l.guests, func(g int64) bool { return g == player })
}

// party is a scenario: of two robots that want one, the first is the guest of the second, and they find a match with one ticket.
func (r *robot) party(ctx, playing context.Context) error {
	guest := r.lobby.meet(r.player)
	var found bool
	var err error
	if guest == 0 {
		found, err = r.beGuest(ctx, playing)
		r.lobby.leave(r.player)
	} else {
		found, err = r.host(ctx, playing, guest)
	}
	switch {
	case errors.Is(err, errNothing), errors.Is(err, errTimeUp):
		return nil // it came to nothing; the party is left before anything else
	case err != nil || !found:
		return err
	}
	if err := r.battle(ctx); err != nil {
		return err
	}
	return r.leaveParty(ctx)
}

// host invites a guest and, when he has come, asks for a match.
func (r *robot) host(ctx, playing context.Context, guest int64) (found bool, err error) {
	r.partied = true
	// The guest may have gone away or into another party, and too much may have been done about others.
	_, done, err := tryAsk[*pb.InviteToPartyReply](r, ctx, "party.invite", &pb.InviteToParty{Player: guest},
		fault.FailedPrecondition, fault.NotFound, fault.NotOwner, fault.RateLimited, fault.Forbidden)
	if !done {
		return false, err
	}
	deadline := time.Now().Add(guestPatience)
	for {
		m, err := r.next(playing, time.Until(deadline))
		if err != nil {
			return false, err
		}
		if m, is := m.(*pb.PartyChanged); is && slices.Contains(m.GetParty().GetPlayers(), guest) {
			break
		}
	}
	before := r.seeking // by a wish whose answer was lost, perhaps
	r.seeking, r.ticket = true, 0
	// The guest may have left again, or be in a match.
	reply, done, err := tryAsk[*pb.StartMatchReply](r, ctx, "party.start", &pb.StartMatch{Mode: partyMode},
		fault.FailedPrecondition, fault.NotFound, fault.NotOwner, fault.Forbidden)
	if !done {
		r.seeking = before || err != nil
		return false, err
	}
	r.ticket = reply.GetTicket()
	r.note("match_start", map[string]any{"mode": partyMode})
	return r.awaitMatch(ctx, playing, matchPatience)
}

// beGuest waits to be invited, and then for the match that the host asks for.
func (r *robot) beGuest(ctx, playing context.Context) (found bool, err error) {
	deadline := time.Now().Add(guestPatience)
	for {
		m, err := r.next(playing, time.Until(deadline))
		if err != nil {
			return false, err
		}
		switch m := m.(type) {
		case *pb.PartyInvited:
			r.partied = true
			_, done, err := tryAsk[*pb.AcceptPartyReply](r, ctx, "party.accept", &pb.AcceptParty{Party: m.GetParty()},
				fault.FailedPrecondition, fault.NotFound)
			if !done {
				return false, err
			}
			deadline = time.Now().Add(guestPatience)
		case *pb.PartySearching:
			return r.awaitMatch(ctx, playing, matchPatience)
		case *pb.MatchFound: // which has overtaken that
			if r.seeking || r.partied {
				r.found(m)
				return true, nil
			}
			r.unawaited(m)
		}
	}
}

// leaveParty leaves the party that the player may be in.
func (r *robot) leaveParty(ctx context.Context) error {
	_, _, err := tryAsk[*pb.LeavePartyReply](r, ctx, "party.leave", &pb.LeaveParty{}, fault.NotFound)
	if err == nil {
		r.partied = false
	}
	return err
}
