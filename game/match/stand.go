package match

import (
	"context"
	"fmt"
	"slices"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/pb"
)

const (
	maxStand       = 1000 // tickets in one call
	unattendedPage = 5000 // players looked at in one go, at most
)

// stand serves worlds. Of a world that has lost the player to another one, at worst, a ticket of his stays for as long as that world believes so.
func (s *Service) stand(ctx context.Context, m *pb.StandForTickets) (*pb.StandForTicketsReply, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	if len(m.GetPlayers()) != len(m.GetTickets()) || len(m.GetPlayers()) > maxStand {
		return nil, fault.Errorf(fault.Invalid, "%d players with %d tickets; must be as many, and not more than %d", len(m.GetPlayers()), len(m.GetTickets()), maxStand)
	}
	gone, err := s.desk.store.Stand(ctx, area, m.GetPlayers(), m.GetTickets())
	if err != nil {
		return nil, outside(err)
	}
	return &pb.StandForTicketsReply{Gone: gone}, nil
}

// Stand notes that players have worlds which stand for their tickets, and returns those who do not have that ticket, or none.
func (s *Store) Stand(ctx context.Context, area api.Area, players, tickets []int64) (gone []int64, err error) {
	if len(players) == 0 {
		return nil, nil
	}
	args := make([]any, 0, 1+2*len(players))
	args = append(args, s.now())
	for i := range players {
		args = append(args, players[i], tickets[i])
	}
	places, err := standScript.Run(ctx, s.client, []string{s.at(area, "tickets")}, args...).Int64Slice()
	if err != nil {
		return nil, fmt.Errorf("stand for tickets: %w", err)
	}
	for _, at := range places {
		gone = append(gone, players[at])
	}
	return gone, nil
}

// unattended is tickets that wait and for which a world has not stood within so many milliseconds, by mode; at most limit.
func (s *Store) unattended(ctx context.Context, area api.Area, within int64, limit int) (map[string][]Ticket, error) {
	held, err := unattendedScript.Run(ctx, s.client, []string{s.at(area, "tickets")}, s.now(), within, limit).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("look for unattended tickets: %w", err)
	}
	out := map[string][]Ticket{}
	for _, one := range held {
		h, err := parseHolding(one)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out[h.mode], h.ticket) { // several of a party
			out[h.mode] = append(out[h.mode], h.ticket)
		}
	}
	return out, nil
}

// dropUnattended has tickets leave their pools for which no world stands any more; who is left of a party hears of it. A world that stands for one just then is too late. While no match
// node was up, or Redis was not, no world could: so it begins when this node has seen both for long enough. One that has stood still has not: it may be the only one.
func (d *desk) dropUnattended(ctx context.Context) error {
	now := time.Now()
	if now.Sub(d.looked) > d.cfg.Unattended/2 {
		d.attended = now
	}
	d.looked = now
	if time.Since(d.attended) < d.cfg.Unattended {
		_, err := d.store.clock(ctx)
		if err != nil {
			d.attended = time.Now()
		}
		return err
	}
	for area := range d.served() {
		left, err := d.store.unattended(ctx, area, d.cfg.Unattended.Milliseconds(), unattendedPage)
		if err != nil {
			d.attended = time.Now()
			return err
		}
		for mode, tickets := range left {
			for page := range slices.Chunk(tickets, expirePage) {
				waited, err := d.store.Withdraw(ctx, Pool{area, mode}, page)
				if err != nil {
					return err
				}
				_, given := split(page, waited)
				d.stats.unattended.Add(float64(len(given)))
				d.work.unmatch(given, reasonUnattended)
			}
		}
	}
	return nil
}
