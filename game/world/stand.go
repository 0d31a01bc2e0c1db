package world

import (
	"context"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// standPage is how many tickets match is told of in one call.
const standPage = 500

// standForTickets tells match, until ctx ends, which tickets have their player here: others leave their pools. In return players hear of tickets that are no more without anybody
// having told them, because whoever should have has died.
func (w *World) standForTickets(ctx context.Context) {
	tick := time.NewTicker(w.cfg.ReportEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !w.node.Lease().Valid() {
			continue // they may wait elsewhere
		}
		for _, page := range w.inside.tickets(standPage) {
			reply, err := api.StandForTickets.Call(ctx, w.rpc, page, rpc.Any)
			if err != nil && ctx.Err() == nil {
				w.log.Warn("match not told who waits", "area", page.GetArea(), "err", err)
			}
			w.ticketsGone(page, reply.GetGone())
		}
	}
}

func (w *World) ticketsGone(of *pb.StandForTickets, gone []int64) {
	if len(gone) == 0 {
		return
	}
	tickets := make(map[int64]int64, len(of.GetPlayers()))
	for i, player := range of.GetPlayers() {
		tickets[player] = of.GetTickets()[i]
	}
	for _, player := range gone {
		if err := w.players.Tell(api.PlayerID(player), &ticketGone{api.TicketID(tickets[player])}); err != nil {
			w.log.Debug("player not told that his ticket is gone; he is asked about again", "player", player, "err", err)
		}
	}
}

// tickets is who waits with what, in parts of not more than so many.
func (i *inside) tickets(most int) []*pb.StandForTickets {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []*pb.StandForTickets
	open := map[api.Area]*pb.StandForTickets{}
	for p, at := range i.players {
		if at.waits == 0 {
			continue
		}
		page := open[at.area]
		if page == nil || len(page.Players) == most {
			page = &pb.StandForTickets{Area: uint32(at.area)}
			open[at.area], out = page, append(out, page)
		}
		page.Players, page.Tickets = append(page.Players, int64(p)), append(page.Tickets, int64(at.waits))
	}
	return out
}

// ticketGone is told when match does not know the player's ticket.
type ticketGone struct{ ticket api.TicketID }

// ticketGone ends the wait for a match when it is told twice of one ticket: the first time whoever has ended it may be about to tell the player how.
func (p *Player) ticketGone(ctx *actor.Context, m *ticketGone) error {
	if p.holds() != nil || m.ticket != p.state.Ticket {
		return nil
	}
	if p.doubted != m.ticket {
		p.doubted = m.ticket
		return nil
	}
	p.world.log.Warn("a ticket was gone, and nobody had told its player", "player", p.id, "ticket", m.ticket)
	p.abort(ctx, "the ticket was lost")
	return nil
}

// waitsStill finds out whether the ticket is still there with which a player comes: it may have ended while nobody had him.
func (p *Player) waitsStill(ctx *actor.Context) {
	if p.state.Ticket != 0 && !p.waitsWith(ctx, p.state.Ticket) {
		p.state.Ticket = 0
		p.changed(ctx)
	}
}

// waitsWith reports whether match has that ticket of the player's. As long as that cannot be found out, it has.
func (p *Player) waitsWith(ctx context.Context, ticket api.TicketID) bool {
	short, cancel := context.WithTimeout(ctx, rejoinTimeout)
	defer cancel()
	stand := &pb.StandForTickets{Area: uint32(p.area), Players: []int64{int64(p.id)}, Tickets: []int64{int64(ticket)}}
	reply, err := api.StandForTickets.Call(short, p.world.rpc, stand, rpc.Any)
	if err != nil {
		p.world.log.Debug("it is not known yet whether a player still waits", "player", p.id, "ticket", ticket, "err", err)
	}
	return len(reply.GetGone()) == 0
}
