package snapshot

import (
	"slices"

	"loumiao/game/arena"
)

// History is how many snapshots a zone remembers for a player. A client that is further behind gets a keyframe.
const History = 16

// A state is what one snapshot means once it is applied: what was near at its tick, as far as it is told. Each list is in ascending order.
type state struct {
	tick    int32
	ships   []ship
	shards  []thing
	bullets []thing
}

// A ship is what is told of an [arena.Ship].
type ship struct {
	seat         uint32
	x, y, vx, vy int32
	aim          uint16
	hull, score  int32
}

// A thing is what is told of a shard or bullet.
type thing struct {
	id           uint32
	x, y, vx, vy int32
}

// An entity is a ship or a thing.
type entity[E any] interface {
	comparable
	key() uint32
	// after is what it is some ticks later, if nothing is said of it.
	after(ticks int32) E
}

func (s ship) key() uint32      { return s.seat }
func (s ship) after(int32) ship { return s }

func (t thing) key() uint32 { return t.id }

func (t thing) after(ticks int32) thing {
	t.x += t.vx * ticks
	t.y += t.vy * ticks
	return t
}

// see makes s what v shows at a tick.
func (s *state) see(tick int32, v *arena.View) {
	s.tick = tick
	s.ships = append(s.ships[:0], shipOf(&v.Self))
	for i := range v.Ships {
		s.ships = append(s.ships, shipOf(&v.Ships[i]))
	}
	own := s.ships[0]
	at, _ := slices.BinarySearchFunc(s.ships[1:], own.seat, func(s ship, seat uint32) int { return int(s.seat) - int(seat) })
	copy(s.ships, s.ships[1:at+1])
	s.ships[at] = own

	s.shards = s.shards[:0]
	for _, t := range v.Shards {
		s.shards = append(s.shards, thing{id: t.ID, x: t.X, y: t.Y})
	}
	s.bullets = s.bullets[:0]
	for _, t := range v.Bullets {
		s.bullets = append(s.bullets, thing{id: t.ID, x: t.X, y: t.Y, vx: t.VX, vy: t.VY})
	}
}

func shipOf(s *arena.Ship) ship {
	return ship{seat: uint32(s.Player), x: s.X, y: s.Y, vx: s.VX, vy: s.VY, aim: s.Aim, hull: s.Hull, score: s.Score}
}

// show makes v what s looks like from a seat. Slices of v are reused.
func (s *state) show(seat int, v *arena.View) {
	*v = arena.View{
		Rules: v.Rules, Self: arena.Ship{Player: seat, Respawn: 1},
		Ships: v.Ships[:0], Shards: v.Shards[:0], Bullets: v.Bullets[:0],
	}
	for _, o := range s.ships {
		told := arena.Ship{Player: int(o.seat), X: o.x, Y: o.y, VX: o.vx, VY: o.vy, Aim: o.aim, Hull: o.hull, Score: o.score}
		if o.hull == 0 {
			told.Respawn = 1
		}
		if told.Player == seat {
			v.Self = told
		} else {
			v.Ships = append(v.Ships, told)
		}
	}
	for _, o := range s.shards {
		v.Shards = append(v.Shards, arena.Shard{ID: o.id, X: o.x, Y: o.y})
	}
	for _, o := range s.bullets {
		v.Bullets = append(v.Bullets, arena.Bullet{ID: o.id, Owner: -1, X: o.x, Y: o.y, VX: o.vx, VY: o.vy})
	}
}
