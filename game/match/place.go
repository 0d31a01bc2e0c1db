package match

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

const (
	offerLasts = 6 * time.Second // how long a place is remembered of which its zone says nothing more: three offers
	maxOffer   = 1000            // places in one call
	maxBarred  = 64              // players of one place who cannot have it
	maxPlaces  = 256             // places looked at in one pass: each looks at everybody who waits
)

// A Place is a seat in a running battle whose player has left, and that the battle's zone offers to somebody who waits.
type Place struct {
	Room   api.MatchID // 0: there is no place
	Seat   int32
	Round  int32 // how often the seat has been open: with it, the same place is never offered for another
	Zone   id.Node
	Rating int32
	Since  int64          // milliseconds since 1970 by the zone's clock
	Barred []api.PlayerID // who was in the room before
}

// String is the place as it stands in Redis: room:seat:round:zone:rating:since:barred+barred.
func (p Place) String() string {
	barred := make([]string, len(p.Barred))
	for i, player := range p.Barred {
		barred[i] = player.String()
	}
	return fmt.Sprintf("%d:%d:%d:%d:%d:%d:%s", int64(p.Room), p.Seat, p.Round, uint16(p.Zone), p.Rating, p.Since, strings.Join(barred, "+"))
}

// parsePlace reads what String wrote.
func parsePlace(s string) (Place, error) {
	f := strings.Split(s, ":")
	if len(f) != 7 {
		return Place{}, fmt.Errorf("%q is not a place", s)
	}
	var errs []error
	number := func(i, bits int) int64 {
		n, err := strconv.ParseInt(f[i], 10, bits)
		errs = append(errs, err)
		return n
	}
	zone, err := strconv.ParseUint(f[3], 10, 16)
	p := Place{
		Room: api.MatchID(number(0, 64)), Seat: int32(number(1, 32)), Round: int32(number(2, 32)), Zone: id.Node(zone),
		Rating: int32(number(4, 32)), Since: number(5, 64),
	}
	errs = append(errs, err)
	for _, word := range strings.FieldsFunc(f[6], func(r rune) bool { return r == '+' }) {
		n, err := strconv.ParseInt(word, 10, 64)
		errs = append(errs, err)
		p.Barred = append(p.Barred, api.PlayerID(n))
	}
	if errors.Join(errs...) != nil {
		return Place{}, fmt.Errorf("%q is not a place", s)
	}
	return p, nil
}

// longer orders places by how long they have been open, the longest first.
func longer(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Room, b.Room), cmp.Compare(a.Seat, b.Seat))
}

// placeWindow is how far from its rating a place looks. Like a ticket's, it widens with time.
func (m Mode) placeWindow(now int64, p Place) int64 {
	return m.window(time.Duration(now-p.Since) * time.Millisecond)
}

// fits reports whether a ticket may go to a place: each must lie in the window of the other, unless the ticket is starving.
func (m Mode) fits(now int64, p Place, t Ticket) bool {
	if t.size() != 1 || slices.Contains(p.Barred, t.Player) {
		return false
	}
	apart := abs(int64(p.Rating) - int64(t.Rating))
	return m.starving(now, t) || apart <= min(m.placeWindow(now, p), m.windowAt(now, t))
}

func abs(n int64) int64 { return max(n, -n) }

// A filling is a ticket for a place.
type filling struct {
	place  Place
	ticket Ticket
}

// fill finds tickets for places, for at most limit of them: the place that has been open longest first, and for each the nearest ticket that fits, the oldest of several.
// waiting is sorted by age.
func fill(waiting []Ticket, places []Place, now int64, mode Mode, limit int) []filling {
	places = slices.SortedFunc(slices.Values(places), longer)
	taken := make(map[api.TicketID]bool, len(places))
	var out []filling
	for _, p := range places {
		if len(out) >= limit {
			break
		}
		best, nearest := -1, int64(anyRating)
		for i := range waiting {
			t := &waiting[i]
			if apart := abs(int64(p.Rating) - int64(t.Rating)); apart < nearest && !taken[t.ID] && mode.fits(now, p, *t) {
				best, nearest = i, apart
			}
		}
		if best >= 0 {
			taken[waiting[best].ID] = true
			out = append(out, filling{p, waiting[best]})
		}
	}
	return out
}

func (s *Store) places(p Pool) string { return s.at(p.Area, "places", p.Mode) }

func (s *Store) filling(p Pool) string { return s.at(p.Area, "filling", p.Mode) }

// Offer notes places that are open, for ttl. One that is being filled is not.
func (s *Store) Offer(ctx context.Context, p Pool, places []Place, ttl time.Duration) error {
	args := []any{ttl.Milliseconds(), s.now()}
	for _, place := range places {
		args = append(args, place.String())
	}
	if err := offerScript.Run(ctx, s.client, []string{s.places(p), s.filling(p)}, args...).Err(); err != nil {
		return fmt.Errorf("offer places of pool %v of area %v: %w", p.Mode, p.Area, err)
	}
	return nil
}

// Places is the places that are open now, at most [maxPlaces].
func (s *Store) Places(ctx context.Context, p Pool, now int64) ([]Place, error) {
	found, err := s.client.ZRangeByScore(ctx, s.places(p), &redis.ZRangeBy{Min: fmt.Sprintf("(%d", now), Max: "+inf", Count: maxPlaces}).Result()
	if err != nil {
		return nil, fmt.Errorf("read places of pool %v of area %v: %w", p.Mode, p.Area, err)
	}
	places := make([]Place, len(found))
	for i, text := range found {
		if places[i], err = parsePlace(text); err != nil {
			return nil, fmt.Errorf("read places of pool %v of area %v: %w", p.Mode, p.Area, err)
		}
	}
	return places, nil
}

// What has become of a fill.
const (
	filled     = 0
	ticketGone = 1 // it does not wait any more
	placeGone  = 2 // it is not offered any more, or somebody else fills it
)

// Fill makes matches of one ticket and its place each: both are taken, or neither. It says for each what became of it. After an error matches may have been made: their records
// become due.
func (s *Store) Fill(ctx context.Context, fills []Match, lease time.Duration) ([]int, error) {
	became := make([]int, 0, len(fills))
	for page := range slices.Chunk(fills, claimPage) {
		runs := make([]*run, len(page))
		for i, m := range page {
			runs[i] = &run{
				keys: []string{s.at(m.Area, "tickets"), s.pool(m.Pool), s.at(m.Area, "matches"), s.at(m.Area, "due"), s.places(m.Pool), s.filling(m.Pool)},
				args: []any{int64(m.ID), m.Holder, int(m.Zone), m.Mode, lease.Milliseconds(), s.now(), m.Teams, m.Place.String(), m.Tickets[0].String()},
			}
		}
		runAll(ctx, s.client, fillScript, runs)
		for _, r := range runs {
			n, err := r.reply.Int()
			if err != nil {
				return nil, fmt.Errorf("fill places: %w", err)
			}
			became = append(became, n)
		}
	}
	return became, nil
}

// offer serves zones. Those of a mode that has no backfill any more are passed over.
func (s *Service) offer(ctx context.Context, m *pb.OfferPlaces) (*pb.Done, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	if len(m.GetPlaces()) > maxOffer {
		return nil, fault.Errorf(fault.Invalid, "%d places; must be at most %d", len(m.GetPlaces()), maxOffer)
	}
	var places []Place
	for _, p := range m.GetPlaces() {
		if p.GetRoom() <= 0 || p.GetSeat() < 0 || p.GetRound() < 0 || len(p.GetBarred()) > maxBarred {
			return nil, fault.Errorf(fault.Invalid, "seat %d of room %d: no such place, or more than %d players who cannot have it", p.GetSeat(), p.GetRoom(), maxBarred)
		}
		place := Place{
			Room: api.MatchID(p.GetRoom()), Seat: p.GetSeat(), Round: p.GetRound(), Zone: rpc.Caller(ctx).Node, Rating: p.GetRating(), Since: p.GetSinceMs(),
		}
		for _, player := range p.GetBarred() {
			place.Barred = append(place.Barred, api.PlayerID(player))
		}
		places = append(places, place)
	}
	return &pb.Done{}, s.desk.offer(ctx, Pool{area, m.GetMode()}, places)
}

func (d *desk) offer(ctx context.Context, p Pool, places []Place) error {
	if d.area != 0 && p.Area != d.area {
		return errOtherArea
	}
	if !d.modes()[p.Mode].Backfill || len(places) == 0 {
		return nil
	}
	return outside(d.store.Offer(ctx, p, places, offerLasts))
}
