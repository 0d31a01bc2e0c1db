package zone

import (
	"slices"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

// What a battle says to who comes for a seat that is not his.
var (
	errGiven   = fault.New(fault.FailedPrecondition, "the seat has been given to another")
	errNotOpen = fault.New(fault.FailedPrecondition, "the seat is not open")
	errTooLate = fault.New(fault.FailedPrecondition, "the player was in the battle before, or did not come in time")
)

// A reservation keeps an open seat for a player. The zero one is none.
type reservation struct {
	fill   api.MatchID
	player api.PlayerID
	until  int // tick from which on the seat is open again
}

// A leaver is one who has left for good: what he had, and in which team.
type leaver struct {
	player api.PlayerID
	row    *pb.Standing
}

// ticksOf is a time in ticks.
func ticksOf(d time.Duration) int { return int(d / tickEvery) }

// offerSeats has seats whose players have left offered to others, for the ratings of the players for whom they were made. Who has not come yet keeps his.
//
//	held ── away for Backfill.Away ──► open ── reserve ──► reserved ── he joins ──► held, by him
//	  ▲                                │  ▲                   │
//	  └────────── he is back ──────────┘  └── not in time ────┘
func (b *battle) offerSeats(ratings []int32) {
	if b.frames != nil {
		return // clients that simulate know nothing of a hand-over
	}
	b.backfill = true
	for i := range min(len(b.seats), len(ratings)) {
		b.seats[i].rating = ratings[i]
	}
}

// tend opens the seats whose players have left for good, and returns the reservations that were not taken up in time.
func (b *battle) tend() (lapsed []reservation) {
	if !b.backfill {
		return nil
	}
	now := b.arena.Tick()
	for i := range b.seats {
		s := &b.seats[i]
		if s.reserved.fill != 0 && now >= s.reserved.until {
			lapsed = append(lapsed, b.lapse(s))
		}
		if !s.open && s.came && s.client == nil && now-s.away >= ticksOf(b.cfg.Backfill.Away) && b.worthwhile() {
			s.open, s.opened = true, now
			s.round++
		}
	}
	return lapsed
}

// lapse ends a reservation. Its player cannot have another.
func (b *battle) lapse(s *seat) reservation {
	was := s.reserved
	b.barred = append(b.barred, was.player)
	s.reserved, s.opened = reservation{}, b.arena.Tick()
	s.round++
	return was
}

// worthwhile reports whether it makes sense to come into the battle now.
func (b *battle) worthwhile() bool {
	left := b.arena.Config().Ticks - b.arena.Tick()
	return left >= ticksOf(b.cfg.Backfill.Least) && slices.ContainsFunc(b.seats, func(s seat) bool { return s.client != nil })
}

// free reports whether somebody can be put on the seat.
func (b *battle) free(s *seat) bool { return s.open && s.reserved.fill == 0 && b.worthwhile() }

// reserve keeps an open seat for a player until he joins. Asked again, it says the same, for as long as he has the seat.
func (b *battle) reserve(at int, fill api.MatchID, player api.PlayerID) error {
	if at < 0 || at >= len(b.seats) || fill <= 0 || player <= 0 {
		return fault.New(fault.Invalid, "no such seat, fill or player")
	}
	s := &b.seats[at]
	switch {
	case s.reserved.fill == fill || s.fill == fill:
		if s.reserved.player != player && s.player != player {
			return fault.New(fault.AlreadyExists, "the fill is for another player")
		}
		return nil
	case slices.Contains(b.barred, player):
		return errTooLate
	case !b.free(s):
		return errNotOpen
	case slices.ContainsFunc(b.seats, func(s seat) bool { return s.player == player || s.reserved.player == player }):
		return fault.New(fault.FailedPrecondition, "the player has a seat already")
	}
	s.reserved = reservation{fill: fill, player: player, until: b.arena.Tick() + ticksOf(b.cfg.Backfill.Reserve)}
	return nil
}

// seatFor is the seat on which a player may sit down now.
func (b *battle) seatFor(player api.PlayerID) (int, error) {
	for i := range b.seats {
		switch s := &b.seats[i]; {
		case s.reserved.fill != 0 && s.reserved.player == player:
			return i, nil
		case s.player == player && s.reserved.fill != 0:
			return 0, errGiven
		case s.player == player:
			return i, nil
		}
	}
	if slices.Contains(b.barred, player) {
		return 0, errGiven
	}
	return 0, fault.New(fault.Forbidden, "the room is for other players")
}

// handOver gives the seat to the player for whom it is kept, and tells the others.
func (b *battle) handOver(at int) {
	s := &b.seats[at]
	ship := b.arena.Ships()[at]
	b.left(s.player, &pb.Standing{Score: ship.Score, Kills: ship.Kills, Deaths: ship.Deaths, Team: b.team(at)})
	b.barred = append(b.barred, s.player)
	b.arena.HandOver(at)
	b.tape.handOver(b.arena.Tick(), at, s.reserved.player)
	*s = seat{
		player: s.reserved.player, fill: s.reserved.fill, rating: s.rating, round: s.round, snapshots: snapshot.NewEncoder(int64(b.match)),
	}
	told := &pb.RoomSeat{Room: int64(b.match), Ship: int32(at), Player: int64(s.player)}
	for i := range b.seats {
		if c := b.seats[i].client; c != nil {
			_ = c.Push(told) // whoever is gone joins again, which tells him
		}
	}
}

func (b *battle) left(player api.PlayerID, row *pb.Standing) {
	row.Player, row.Left = int64(player), true
	b.leavers = append(b.leavers, leaver{player, row})
}

// hasLeft is whether the player has left for good and another sits on his seat, so that he cannot come back.
func (b *battle) hasLeft(player api.PlayerID) bool {
	return slices.ContainsFunc(b.leavers, func(l leaver) bool { return l.player == player })
}

// holders is who has the seats now, by seat.
func (b *battle) holders() []api.PlayerID {
	out := make([]api.PlayerID, len(b.seats))
	for i := range b.seats {
		out[i] = b.seats[i].player
	}
	return out
}

// expected is those for whom a seat is kept.
func (b *battle) expected() []api.PlayerID {
	var out []api.PlayerID
	for i := range b.seats {
		if r := b.seats[i].reserved; r.fill != 0 {
			out = append(out, r.player)
		}
	}
	return out
}

// involved is everybody who will be told how the battle ends.
func (b *battle) involved() []api.PlayerID {
	out := slices.Concat(b.holders(), b.expected())
	for _, l := range b.leavers {
		out = append(out, l.player)
	}
	return out
}

// team is a seat's team as players are told, from 1; 0: everybody for himself.
func (b *battle) team(at int) int32 {
	if rules := b.arena.Config(); rules.Teams > 1 {
		return int32(1 + rules.Team(at))
	}
	return 0
}

// standings is the table as it stands, best first. Who has left for good comes after everybody who has not, and wins nothing; so does who had left a seat that
// nobody took.
func (b *battle) standings() []*pb.Standing {
	var table, gone []*pb.Standing
	last, place := 0, int32(0)
	for _, s := range b.arena.Result() {
		of := &b.seats[s.Player]
		row := &pb.Standing{Player: int64(of.player), Score: s.Score, Kills: s.Kills, Deaths: s.Deaths, Team: b.team(s.Player)}
		if of.open {
			row.Left = true
			gone = append(gone, row)
			continue
		}
		if s.Place != last {
			last, place = s.Place, int32(len(table)+1)
		}
		row.Place, row.Filled = place, of.fill != 0
		table = append(table, row)
	}
	for _, l := range b.leavers {
		gone = append(gone, l.row)
	}
	for _, row := range gone {
		row.Place = int32(max(2, len(table)+1))
	}
	return append(table, gone...)
}
