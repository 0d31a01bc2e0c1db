package zone

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/pb"
)

const (
	offerEvery  = 2 * time.Second // between two offers of an open seat, on the average
	offerJitter = time.Second     // so much sooner or later at most, half of it each
	offerMost   = 500             // places in one call
	barredMost  = 32              // players that match is told it need not try; it is refused the others when it does
)

// fillSeat asks a room to keep an open seat for a player.
type fillSeat struct {
	actor.Returns[*pb.FillSeatReply]
	request *pb.FillSeat
}

// fillSeat puts a player on an open seat.
func (z *Zone) fillSeat(ctx context.Context, m *pb.FillSeat) (*pb.FillSeatReply, error) {
	gone := fault.Errorf(fault.NotFound, "there is no room %d", m.GetRoom())
	room, ok := z.rooms.Get(api.MatchID(m.GetRoom()))
	if !ok {
		return nil, gone
	}
	reply, err := actor.Ask(ctx, room, &fillSeat{request: m})
	if errors.Is(err, actor.ErrStopped) {
		return nil, gone
	}
	return reply, err
}

func (r *Room) fillSeat(_ *actor.Context, m *fillSeat) (*pb.FillSeatReply, error) {
	if r.phase != fighting || r.zone.busy.closing() {
		return nil, fault.New(fault.FailedPrecondition, "the battle is over, or about to be")
	}
	at, player := int(m.request.GetSeat()), api.PlayerID(m.request.GetPlayer())
	if err := r.battle.reserve(at, api.MatchID(m.request.GetFill()), player); err != nil {
		return nil, err
	}
	r.offer()
	players := r.battle.holders()
	players[at] = player
	return &pb.FillSeatReply{Players: numbers(players)}, nil
}

// tend looks after the seats whose players have left.
func (r *Room) tend() {
	lapsed := r.battle.tend()
	for _, l := range lapsed {
		r.zone.stats.fills.WithLabelValues("lapsed").Inc()
		r.zone.tellSoon(r.unmatched("the seat was not taken up in time", []api.PlayerID{l.player}))
	}
	r.offer()
}

// offer says on the zone's board which seats are open, when that has changed.
func (r *Room) offer() {
	var open []int32 // seats, each with its round
	if r.phase == fighting && r.battle != nil && r.battle.backfill {
		for i := range r.battle.seats {
			if s := &r.battle.seats[i]; r.battle.free(s) {
				open = append(open, int32(i), s.round)
			}
		}
	}
	if slices.Equal(open, r.offered) {
		return
	}
	r.offered = open
	if len(open) == 0 {
		r.zone.board.clear(r.match)
		return
	}
	offer := &pb.OfferPlaces{Area: uint32(r.area), Mode: r.mode}
	for at := range slices.Chunk(open, 2) {
		s := &r.battle.seats[at[0]]
		barred := append(slices.Clone(r.battle.barred), s.player)
		offer.Places = append(offer.Places, &pb.OpenPlace{
			Room: int64(r.match), Seat: at[0], Round: s.round, Rating: s.rating, Barred: numbers(barred[max(0, len(barred)-barredMost):]),
			SinceMs: r.started.Add(time.Duration(s.opened) * tickEvery).UnixMilli(),
		})
	}
	r.zone.board.set(r.match, offer)
}

// A board is the open seats of a zone's rooms. It is safe for concurrent use.
type board struct {
	mu    sync.Mutex
	rooms map[api.MatchID]*pb.OfferPlaces
}

func (b *board) set(room api.MatchID, offer *pb.OfferPlaces) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rooms == nil {
		b.rooms = map[api.MatchID]*pb.OfferPlaces{}
	}
	b.rooms[room] = offer
}

func (b *board) clear(room api.MatchID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.rooms, room)
}

// offers is what there is to offer now: one for each mode of an area, or more where it would be too large.
func (b *board) offers() []*pb.OfferPlaces {
	type pool struct {
		area uint32
		mode string
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	places := map[pool][]*pb.OpenPlace{}
	for _, room := range slices.Sorted(maps.Keys(b.rooms)) {
		o := b.rooms[room]
		at := pool{o.GetArea(), o.GetMode()}
		places[at] = append(places[at], o.GetPlaces()...)
	}
	var out []*pb.OfferPlaces
	for at, all := range places {
		for page := range slices.Chunk(all, offerMost) {
			out = append(out, &pb.OfferPlaces{Area: at.area, Mode: at.mode, Places: page})
		}
	}
	return out
}

// offerPlaces offers the open seats to matchmaking until ctx ends. What is lost is said again the next time.
func (z *Zone) offerPlaces(ctx context.Context) {
	for waited(ctx, offerEvery-offerJitter/2+rand.N(offerJitter)) {
		if z.busy.closing() {
			continue
		}
		for _, m := range z.board.offers() {
			attempt, cancel := context.WithTimeout(ctx, offerEvery)
			err := z.peers.offer(attempt, m)
			cancel()
			if err != nil && ctx.Err() == nil {
				z.log.Debug("matchmaking was not told of open seats", "mode", m.GetMode(), "places", len(m.GetPlaces()), "err", err)
			}
		}
	}
}
