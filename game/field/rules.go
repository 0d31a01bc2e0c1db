package field

import (
	"errors"
	"fmt"
	"math/bits"
)

const (
	// TicksPerSecond is how often a field is shown.
	TicksPerSecond = 10
	// FullEvery is after how many ticks everybody is shown all that is near.
	FullEvery = 2 * TicksPerSecond

	// MaxSide bounds a map's width and height, in points; MaxCells its cells, MaxReach how many cells a walker sees to each side.
	MaxSide  = 1 << 20
	MaxCells = 1 << 16
	MaxReach = 8

	// MaxSpeed is in points a second.
	MaxSpeed = 1 << 17

	marginShare = 8 // of a cell's side: how far out of his home a walker may step without leaving it
)

// A Point is a place on a map, in points from its corner.
type Point struct{ X, Y int32 }

// Rules is what a map is like.
type Rules struct {
	Width, Height int32 // of the map, in points
	View          int32 // how far a walker sees at least, in points along each axis
	Cell          int32 // side of a cell, in points
	Speed         int32 // of a walker, in points a second
	Capacity      int   // walkers at a time
}

// Validate reports everything that is wrong, joined; each error begins with the field's name in lower case.
func (r Rules) Validate() error {
	var errs []error
	number := func(name string, n, least, most int32) {
		if n < least || n > most {
			errs = append(errs, fmt.Errorf("%s: %d; must be %d to %d", name, n, least, most))
		}
	}
	number("width", r.Width, 1, MaxSide)
	number("height", r.Height, 1, MaxSide)
	number("view", r.View, 1, MaxSide)
	number("cell", r.Cell, 1, MaxSide)
	number("speed", r.Speed, 1, MaxSpeed)
	if r.Capacity < 1 {
		errs = append(errs, fmt.Errorf("capacity: %d; must be at least 1", r.Capacity))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if cells := int64(r.columns()) * int64(r.rows()); cells > MaxCells {
		errs = append(errs, fmt.Errorf("cell: %d makes %d cells; may be %d", r.Cell, cells, MaxCells))
	}
	if reach := r.reach(); reach > MaxReach {
		errs = append(errs, fmt.Errorf("cell: with %d a view takes %d cells to each side; may take %d", r.Cell, reach, MaxReach))
	}
	return errors.Join(errs...)
}

// Has reports whether the point is on the map.
func (r Rules) Has(p Point) bool { return p.X >= 0 && p.X < r.Width && p.Y >= 0 && p.Y < r.Height }

// Place is where a newcomer steps onto the map: somewhere around its middle, always the same for the same n.
func (r Rules) Place(n uint64) Point {
	around := func(side int32, n uint32) int32 {
		spread := min(r.View, side)
		return (side-spread)/2 + int32(n%uint32(spread))
	}
	n *= 0x9e3779b97f4a7c15 // Fibonacci hashing: Knuth, The Art of Computer Programming 3, 6.4
	return Point{around(r.Width, uint32(n)), around(r.Height, uint32(n>>32))}
}

func (r Rules) columns() int32 { return (r.Width + r.Cell - 1) / r.Cell }
func (r Rules) rows() int32    { return (r.Height + r.Cell - 1) / r.Cell }
func (r Rules) margin() int32  { return r.Cell / marginShare }

// reach is how many cells around his home a walker sees. He and the other may both be a margin out of their homes.
func (r Rules) reach() int32 { return (r.View + 2*r.margin() + r.Cell - 1) / r.Cell }

// within reports whether two points are not farther apart than d along each axis.
func within(a, b Point, d int32) bool { return abs(a.X-b.X) <= d && abs(a.Y-b.Y) <= d }

func abs(n int32) int32 {
	if n < 0 {
		return -n
	}
	return n
}

// length is how far apart two points are, rounded up: the square root by Newton's method, of integers.
func length(a, b Point) int64 {
	x, y := int64(a.X)-int64(b.X), int64(a.Y)-int64(b.Y)
	n := x*x + y*y
	if n == 0 {
		return 0
	}
	root := int64(1) << ((bits.Len64(uint64(n)) + 1) / 2) // not less than the root
	for next := (root + n/root) / 2; next < root; next = (root + n/root) / 2 {
		root = next
	}
	if root*root < n {
		root++
	}
	return root
}
