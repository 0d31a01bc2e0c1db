package field

import (
	"loumiao/framework/fault"
	"loumiao/game/pb"
)

// A Sight is what a client knows of who is near: what the updates that it has heard add up to. Make it with [NewSight]. It is not safe for concurrent use.
type Sight struct {
	// Walkers is who is near, by walker, the player himself too.
	Walkers map[int32]Seen

	field int64
	tick  int32
}

// Seen is a walker as a client sees him.
type Seen struct {
	Player int64
	Name   string
	At     Point
}

// NewSight knows of nobody on that field.
func NewSight(field int64) *Sight { return &Sight{field: field, Walkers: map[int32]Seen{}} }

// Apply takes an update in. One of another field, or not newer than the last, is passed over. The error is fault.Invalid for an update that contradicts itself; then
// nothing has changed.
func (s *Sight) Apply(u *pb.FieldUpdate) error {
	if len(u.GetMoved()) != len(u.GetX()) || len(u.GetMoved()) != len(u.GetY()) {
		return fault.Errorf(fault.Invalid, "an update moves %d walkers to %d, %d coordinates", len(u.GetMoved()), len(u.GetX()), len(u.GetY()))
	}
	if u.GetField() != s.field || u.GetTick() <= s.tick {
		return nil
	}
	s.tick = u.GetTick()
	if u.GetFull() {
		clear(s.Walkers)
	}
	for _, w := range u.GetWalkers() {
		s.Walkers[w.GetWalker()] = Seen{w.GetPlayer(), w.GetName(), Point{w.GetX(), w.GetY()}}
	}
	for i, number := range u.GetMoved() {
		if seen, known := s.Walkers[number]; known {
			seen.At = Point{u.GetX()[i], u.GetY()[i]}
			s.Walkers[number] = seen
		}
	}
	for _, number := range u.GetGone() {
		delete(s.Walkers, number)
	}
	return nil
}

// Tick is that of the newest update; 0: none.
func (s *Sight) Tick() int32 { return s.tick }
