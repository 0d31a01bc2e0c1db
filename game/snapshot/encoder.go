package snapshot

import (
	"loumiao/game/arena"
	"loumiao/game/pb"
)

// An Encoder makes the snapshots of one player in one room. It belongs to one goroutine at a time. After its first snapshots it makes
// no garbage.
type Encoder struct {
	past [History]state // a ring
	next int            // where in past the next snapshot goes

	msg             pb.Snapshot
	ships           slab[pb.Ship]
	shards, bullets slab[pb.Thing]
}

// NewEncoder is an Encoder for a player who has seen nothing of the room.
func NewEncoder(room int64) *Encoder {
	return &Encoder{msg: pb.Snapshot{Room: room}}
}

// Encode is the snapshot of a tick: v is what is near the player's ship after it, as [arena.Arena.Near] fills it, and input the number of the
// player's last input that it includes. seen is the newest snapshot that the client has said it has, 0 for none. Ticks begin at 1 and count up
// from call to call, by any steps. The message is the encoder's own and holds until the next call.
func (e *Encoder) Encode(tick int32, input uint32, seen int32, v *arena.View) *pb.Snapshot {
	base := e.base(seen)
	now := &e.past[e.next]
	now.see(tick, v)
	e.next = (e.next + 1) % History

	m := &e.msg
	m.Tick, m.Input, m.Since = tick, input, base.tick
	m.Ships, m.Shards, m.Bullets = m.Ships[:0], m.Shards[:0], m.Bullets[:0]
	m.GoneShips, m.GoneShards, m.GoneBullets = m.GoneShips[:0], m.GoneShards[:0], m.GoneBullets[:0]
	e.ships.used, e.shards.used, e.bullets.used = 0, 0, 0

	ticks := tick - base.tick
	diff(base.ships, now.ships, ticks,
		func(s ship) { m.Ships = append(m.Ships, s.fill(e.ships.take())) },
		func(seat uint32) { m.GoneShips = append(m.GoneShips, int32(seat)) })
	diff(base.shards, now.shards, ticks,
		func(t thing) { m.Shards = append(m.Shards, t.fill(e.shards.take())) },
		func(id uint32) { m.GoneShards = append(m.GoneShards, int32(id)) })
	diff(base.bullets, now.bullets, ticks,
		func(t thing) { m.Bullets = append(m.Bullets, t.fill(e.bullets.take())) },
		func(id uint32) { m.GoneBullets = append(m.GoneBullets, int32(id)) })
	return m
}

// base is what the snapshot of tick seen meant, or nothing at all if that is not remembered. The oldest state is no base: the next
// snapshot takes its place.
func (e *Encoder) base(seen int32) state {
	if seen > 0 {
		for i := range e.past {
			if i != e.next && e.past[i].tick == seen {
				return e.past[i]
			}
		}
	}
	return state{}
}

func (s ship) fill(m *pb.Ship) *pb.Ship {
	m.Ship, m.X, m.Y, m.Vx, m.Vy, m.Aim, m.Hull, m.Score = int32(s.seat), s.x, s.y, s.vx, s.vy, int32(s.aim), s.hull, s.score
	return m
}

func (t thing) fill(m *pb.Thing) *pb.Thing {
	m.Id, m.X, m.Y, m.Vx, m.Vy = int32(t.id), t.x, t.y, t.vx, t.vy
	return m
}

// A slab is messages that are used again for each snapshot.
type slab[M any] struct {
	all  []*M
	used int
}

func (s *slab[M]) take() *M {
	if s.used == len(s.all) {
		s.all = append(s.all, new(M))
	}
	s.used++
	return s.all[s.used-1]
}
