package match

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// explainNear is how many of the nearest tickets an operator is shown.
const explainNear = 20

// explain serves operators. Whichever node is asked can answer: all that counts is in Redis and in the rules.
func (s *Service) explain(ctx context.Context, m *pb.ExplainTicket) (*pb.TicketExplained, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	out, err := s.desk.explain(ctx, area, api.PlayerID(m.GetPlayer()), api.TicketID(m.GetTicket()))
	return out, outside(err)
}

// explain says where the ticket of a player, or, with player 0, the one with this id, stands and what stands in its way. It changes nothing, and is a picture of several moments: what
// happens while it looks may show in one part and not in another.
func (d *desk) explain(ctx context.Context, area api.Area, player api.PlayerID, id api.TicketID) (*pb.TicketExplained, error) {
	if player < 0 || id < 0 || player == 0 && id == 0 {
		return nil, fault.New(fault.Invalid, "name a player or a ticket")
	}
	if d.area != 0 && area != d.area {
		return nil, errOtherArea
	}
	held, err := d.store.find(ctx, area, player, id)
	if err != nil {
		return nil, err
	}
	if held.mode == "" {
		return d.explainNone(ctx, area, id)
	}
	now, err := d.store.clock(ctx)
	if err != nil {
		return nil, err
	}
	out := &pb.TicketExplained{
		Ticket: int64(held.ticket.ID), Mode: held.mode, Players: numbers(held.ticket), Rating: held.ticket.Rating, WaitedMs: max(0, now-held.ticket.Joined),
	}
	if held.match != "" {
		return out, d.explainMatch(ctx, area, held.match, now, out)
	}
	return out, d.explainWait(ctx, Pool{area, held.mode}, held.ticket, now, out)
}

func (d *desk) explainNone(ctx context.Context, area api.Area, id api.TicketID) (*pb.TicketExplained, error) {
	out := &pb.TicketExplained{State: "none", Ticket: int64(id), Why: "there is no such ticket: it was never asked for, or it ended more than a minute ago"}
	if id == 0 {
		out.Why = "the player has no ticket"
		return out, nil
	}
	end, match, err := d.store.end(ctx, area, id)
	switch {
	case err != nil:
		return nil, err
	case match != 0:
		out.State, out.Match, out.Why = "matched", int64(match), "the ticket went into a match, of which its players know"
	case end:
		out.State, out.Why = "ended", "the ticket ended without a match: it was cancelled, not accepted, or too old"
	}
	return out, nil
}

// explainMatch is for a ticket of which a match has been made.
func (d *desk) explainMatch(ctx context.Context, area api.Area, match string, now int64, out *pb.TicketExplained) error {
	m, due, answers, err := d.store.look(ctx, area, match)
	if errors.Is(err, redis.Nil) {
		out.State, out.Why = "claimed", "the ticket is said to be in match "+match+", which has ended just now, or is lost"
		return nil
	}
	if err != nil {
		return err
	}
	out.State, out.Match, out.Zone, out.Holder = m.State, int64(m.ID), uint32(m.Zone), m.Holder
	out.ClaimedAgoMs, out.DueInMs, out.MatchPlayers = now-m.Claimed, due-now, m.players()
	said := 0
	if m.State == claimed && m.Until != 0 {
		for _, p := range out.MatchPlayers {
			answer := map[string]string{"1": "yes", "0": "no"}[answers[fmt.Sprint(p)]]
			if answer != "" {
				said++
			}
			out.Answers = append(out.Answers, answer)
		}
	}
	switch {
	case m.State == made:
		out.Why = "a match has been made, and its players are being told"
	case m.Until != 0 && said < len(out.MatchPlayers):
		out.State, out.Why = "asked", fmt.Sprintf("a match waits until its players accept it: %d of %d have answered", said, len(out.MatchPlayers))
	case m.fill():
		out.Why = fmt.Sprintf("it is for seat %d of room %v, and zone %v is being asked to keep that", m.Place.Seat, m.Place.Room, m.Zone)
	default:
		out.Why = fmt.Sprintf("a match waits for its room on zone %v", m.Zone)
	}
	if !d.mesh.Alive(m.Zone) {
		out.Why += fmt.Sprintf("; its zone, %v, is not in the cluster", m.Zone)
	}
	if due < now {
		out.Why += "; the node that worked on it has let its time pass, and no other has taken it over yet"
	}
	return nil
}

// explainWait is for a ticket that waits. It makes the pass that the leader would make now, without a claim.
func (d *desk) explainWait(ctx context.Context, p Pool, t Ticket, now int64, out *pb.TicketExplained) error {
	waiting, err := d.store.waiting(ctx, p)
	if err != nil {
		return err
	}
	leader, lead, underWay, err := d.store.leader(ctx, p)
	if err != nil {
		return err
	}
	out.State, out.Leader, out.LeadLeftMs, out.UnderWay = "waiting", leader, lead.Milliseconds(), underWay
	_, out.ZoneReady = d.mesh.Pick(p.Area)
	slices.SortFunc(waiting, older)
	at := slices.IndexFunc(waiting, func(w Ticket) bool { return w.ID == t.ID })
	if at < 0 {
		out.Why = "the ticket has left its pool while this was looked up"
		return nil
	}
	out.Others = int64(len(waiting) - 1)
	mode, ok := d.modes()[p.Mode]
	if !ok {
		out.Why = "its mode is not played any more: nobody new comes, and by the last rules the pool runs empty"
		return nil
	}
	left := max(0, mode.Patience.Milliseconds()-(now-t.Joined))
	out.Window, out.GroupFull, out.GroupLeast, out.PatienceLeftMs = mode.shown(now, t), int32(mode.Players), int32(mode.MinPlayers), left

	var f former
	taken := map[api.TicketID]int{} // ticket -> the group that a pass would put it in, from 1
	for i, g := range f.form(waiting, now, mode, len(waiting)) {
		for _, other := range g {
			taken[other.ID] = i + 1
		}
	}
	f.reset(waiting)
	f.gather(waiting, int32(at), now, mode)
	with := map[api.TicketID]bool{}
	for _, i := range f.group {
		with[waiting[i].ID] = true
	}
	delete(with, t.ID)
	out.Fitting, out.Group = int64(len(with)), int32(f.size)

	apart := func(o Ticket) int64 { return distance(o, t) }
	others := slices.DeleteFunc(waiting, func(o Ticket) bool { return o.ID == t.ID })
	slices.SortFunc(others, func(a, b Ticket) int { return cmp.Or(cmp.Compare(apart(a), apart(b)), older(a, b)) })
	for _, o := range others[:min(explainNear, len(others))] {
		near := &pb.TicketNear{
			Ticket: int64(o.ID), Players: numbers(o), Rating: o.Rating, WaitedMs: max(0, now-o.Joined), Window: mode.shown(now, o),
		}
		switch group := taken[o.ID]; {
		case group != 0 && group == taken[t.ID]:
		case !with[o.ID]:
			near.Obstacle = mode.obstacle(now, t, o)
		case group != 0:
			near.Obstacle = "it goes into a match with others now"
		}
		out.Near = append(out.Near, near)
	}
	if mode.Backfill {
		if out.Places, err = d.explainPlaces(ctx, p, t, now, mode); err != nil {
			return err
		}
	}
	out.Why = whyWaiting(out, taken[t.ID] != 0, t.size() > mode.team())
	return nil
}

// explainPlaces is the open places of the pool, as one ticket sees them.
func (d *desk) explainPlaces(ctx context.Context, p Pool, t Ticket, now int64, mode Mode) ([]*pb.PlaceNear, error) {
	places, err := d.store.Places(ctx, p, now)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(places, longer)
	var out []*pb.PlaceNear
	for _, place := range places[:min(explainNear, len(places))] {
		near := &pb.PlaceNear{
			Room: int64(place.Room), Zone: uint32(place.Zone), Seat: place.Seat, Rating: place.Rating, OpenMs: max(0, now-place.Since), Window: mode.placeWindow(now, place),
		}
		if !mode.fits(now, place, t) {
			near.Obstacle = mode.placeObstacle(now, place, t)
		}
		out = append(out, near)
	}
	return out, nil
}

// placeObstacle is why a place is not for a ticket.
func (m Mode) placeObstacle(now int64, p Place, t Ticket) string {
	switch apart := abs(int64(p.Rating) - int64(t.Rating)); {
	case t.size() != 1:
		return fmt.Sprintf("it is for one, and the ticket has %d players", t.size())
	case slices.Contains(p.Barred, t.Player):
		return "the player was in that room before"
	case apart > m.windowAt(now, t):
		return fmt.Sprintf("it is %d rating points away, which is outside this ticket's window", apart)
	default:
		return fmt.Sprintf("it is %d rating points away, which is outside its own window", apart)
	}
}

// whyWaiting is the first thing that keeps a ticket from a match.
func whyWaiting(e *pb.TicketExplained, goes, tooLarge bool) string {
	switch {
	case e.Leader == "":
		return "nobody runs the passes of its pool: no match node serves it, or the last one has died just now"
	case tooLarge:
		return "its party is too large for a team of this mode, whose rules have changed since"
	case slices.ContainsFunc(e.Places, func(p *pb.PlaceNear) bool { return p.Obstacle == "" }):
		return "a seat of a battle that is on is open to it, and the next pass puts it there, unless others are nearer"
	case goes && !e.ZoneReady:
		return "there is a group for it, but no zone is ready to take a match"
	case goes:
		return "the next pass makes a match with it, unless the leader has as many matches on their way as it may have"
	case e.Others == 0:
		return "nobody else waits in its pool"
	case e.Fitting == 0:
		return "it fits nobody who waits: see the nearest"
	case e.Group >= e.GroupLeast && e.PatienceLeftMs > 0:
		return fmt.Sprintf("with those who fit it makes a group of %d, and for some time yet only one of %d is good enough", e.Group, e.GroupFull)
	default:
		return fmt.Sprintf("with those who fit it makes a group of %d, which is fewer than the %d that are needed, or they go with others first", e.Group, e.GroupLeast)
	}
}

// shown is a ticket's window for operators: -1 when it is starving.
func (m Mode) shown(now int64, t Ticket) int64 {
	if m.starving(now, t) {
		return -1
	}
	return m.windowAt(now, t)
}

// obstacle is why another ticket is not in the group that t would have now.
func (m Mode) obstacle(now int64, t, other Ticket) string {
	apart := distance(t, other)
	switch {
	case t.size()+other.size() > m.Players || m.Teams > 1 && other.size() > m.team():
		return fmt.Sprintf("its %d players do not fit in beside this ticket's %d", other.size(), t.size())
	case m.starving(now, t):
		return "others are nearer, or leave no room for it"
	case apart > m.windowAt(now, t):
		return fmt.Sprintf("it is %d rating points away, which is outside this ticket's window", apart)
	case apart > m.windowAt(now, other):
		return fmt.Sprintf("it is %d rating points away, which is outside its own window", apart)
	}
	return "somebody nearer is outside its window, or leaves no room for it"
}

func distance(a, b Ticket) int64 {
	d := int64(a.Rating) - int64(b.Rating)
	return max(d, -d)
}

func numbers(t Ticket) []int64 {
	var out []int64
	for _, p := range t.players() {
		out = append(out, int64(p))
	}
	return out
}
