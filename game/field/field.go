package field

import (
	"slices"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

const (
	creditSeconds = 1                              // a walker's way that he may go at once
	movesPerTick  = 2                              // for long
	maxMoves      = 10 * movesPerTick              // at once
	nowhere       = -1                             // a cell that is none
	creditCap     = creditSeconds * TicksPerSecond // in ticks
)

// Why a move is refused.
var (
	ErrOff     = fault.New(fault.Invalid, "that is not on the map")
	ErrTooFar  = fault.New(fault.FailedPrecondition, "that is farther than one gets in this time")
	ErrTooMany = fault.New(fault.RateLimited, "too many moves; two a tick may come for long")
)

// A Field is one map with its walkers, each of whom has a client of type C, which is the host's. It is not safe for concurrent use.
type Field[C any] struct {
	id    int64
	rules Rules

	columns, rows, reach, margin int32

	tick    int32
	last    int32 // number that was given to a walker
	walkers map[int64]*Walker[C]
	cells   []cell[C]

	peopled []int32      // cells with walkers, in no order
	stirred []int32      // cells in which something has happened in this tick
	touched []*Walker[C] // who has moved or come since the last tick

	to     []C // of the update in hand
	update pb.FieldUpdate
}

// A Walker is one player on a field.
type Walker[C any] struct {
	Client C

	player int64
	intro  *pb.FieldWalker // with where he is
	home   int32           // cell; nowhere until he was shown
	at     int             // in the cell's list
	came   int32           // tick in which he came to his home

	touched, left bool

	credit      int64 // what he may go, in points times TicksPerSecond
	moves       int32 // that he may make
	counted     int32 // tick up to which both are counted
	corrections uint32
}

// A cell is who is there, and what has happened to it in the tick in hand.
type cell[C any] struct {
	walkers []*Walker[C]
	peopled int // index in Field.peopled

	stirred bool
	moved   []*Walker[C]
	came    []arrival[C]
	left    []departure
}

type arrival[C any] struct {
	walker *Walker[C]
	from   int32 // or nowhere
}

type departure struct {
	walker int32
	to     int32 // or nowhere
}

// New is a field without walkers. id stands in all that it tells. The rules must be valid.
func New[C any](id int64, rules Rules) *Field[C] {
	f := &Field[C]{
		id: id, rules: rules, columns: rules.columns(), rows: rules.rows(), reach: rules.reach(), margin: rules.margin(), walkers: map[int64]*Walker[C]{},
	}
	f.cells = make([]cell[C], f.columns*f.rows)
	f.update.Field = id
	return f
}

// Rules is what the map is like.
func (f *Field[C]) Rules() Rules { return f.rules }

// Tick is how many ticks there have been.
func (f *Field[C]) Tick() int32 { return f.tick }

// Len is how many walkers there are.
func (f *Field[C]) Len() int { return len(f.walkers) }

// Find is the player's walker; nil: he is not here.
func (f *Field[C]) Find(player int64) *Walker[C] { return f.walkers[player] }

// Enter puts a player on the map. He is seen, and sees, from the end of this tick on.
func (f *Field[C]) Enter(player int64, name string, at Point, client C) (*Walker[C], error) {
	switch {
	case f.walkers[player] != nil:
		return nil, fault.New(fault.AlreadyExists, "the player is here already")
	case !f.rules.Has(at):
		return nil, ErrOff
	case len(f.walkers) >= f.rules.Capacity:
		return nil, fault.New(fault.Overloaded, "the field is full")
	}
	f.last++
	w := &Walker[C]{
		Client: client, player: player, home: nowhere, counted: f.tick, credit: creditCap * int64(f.rules.Speed), moves: maxMoves,
		intro: &pb.FieldWalker{Walker: f.last, Player: player, Name: name, X: at.X, Y: at.Y},
	}
	f.walkers[player] = w
	f.touch(w)
	return w, nil
}

// Leave takes a walker off the map, once.
func (f *Field[C]) Leave(w *Walker[C]) {
	if w.left {
		return
	}
	w.left = true
	delete(f.walkers, w.player)
	if w.home != nowhere {
		f.remove(w)
		f.stir(w.home).left = append(f.cells[w.home].left, departure{w.intro.Walker, nowhere})
	}
}

// Move puts a walker somewhere else. In n ticks he comes n/TicksPerSecond of his speed, and one second's worth more: what the network holds up may come at
// once. corrections is how many of his moves he knows to be refused; one that does not know of the last was made before he heard of it, and is passed over. A move that is
// refused, with [ErrOff], [ErrTooFar] or [ErrTooMany], leaves him where he is and counts as a correction.
func (f *Field[C]) Move(w *Walker[C], to Point, corrections uint32) error {
	if w.left || corrections != w.corrections {
		return nil
	}
	if err := f.mayMove(w, to); err != nil {
		w.corrections++
		return err
	}
	if w.At() != to {
		w.intro.X, w.intro.Y = to.X, to.Y
		f.touch(w)
	}
	return nil
}

func (f *Field[C]) mayMove(w *Walker[C], to Point) error {
	ticks := min(f.tick-w.counted, creditCap)
	speed := int64(f.rules.Speed)
	w.counted = f.tick
	w.credit = min(w.credit+int64(ticks)*speed, creditCap*speed)
	w.moves = min(w.moves+ticks*movesPerTick, maxMoves)
	if w.moves == 0 {
		return ErrTooMany
	}
	w.moves--
	if !f.rules.Has(to) {
		return ErrOff
	}
	way := length(w.At(), to) * TicksPerSecond
	if way > w.credit {
		return ErrTooFar
	}
	w.credit -= way
	return nil
}

// ShowAgain has the walker shown all that is near at the end of the tick.
func (f *Field[C]) ShowAgain(w *Walker[C]) {
	if !w.left && w.home != nowhere {
		w.came = f.tick + 1
		f.touch(w)
	}
}

// Near gives fn the clients of all who see the walker since the last tick and are not farther from him than the view, with himself; but not of who has come since.
func (f *Field[C]) Near(w *Walker[C], fn func(C)) {
	if w.home == nowhere || w.left {
		return
	}
	f.around(w.home, func(at int32) {
		for _, other := range f.cells[at].walkers {
			if within(w.At(), other.At(), f.rules.View) {
				fn(other.Client)
			}
		}
	})
}

// Each gives fn every walker, in no order. fn may have him leave.
func (f *Field[C]) Each(fn func(*Walker[C])) {
	for _, w := range f.walkers {
		fn(w)
	}
}

// Player is whose walker it is.
func (w *Walker[C]) Player() int64 { return w.player }

// Number is the walker's on his field, never used twice there.
func (w *Walker[C]) Number() int32 { return w.intro.Walker }

// Name is what he was called when he came.
func (w *Walker[C]) Name() string { return w.intro.Name }

// At is where he is.
func (w *Walker[C]) At() Point { return Point{w.intro.X, w.intro.Y} }

// Corrections is how many of his moves were refused.
func (w *Walker[C]) Corrections() uint32 { return w.corrections }

func (f *Field[C]) touch(w *Walker[C]) {
	if !w.touched {
		w.touched = true
		f.touched = append(f.touched, w)
	}
}

// stir is a cell in which something happens.
func (f *Field[C]) stir(at int32) *cell[C] {
	c := &f.cells[at]
	if !c.stirred {
		c.stirred = true
		f.stirred = append(f.stirred, at)
	}
	return c
}

func (f *Field[C]) add(w *Walker[C], at int32) {
	c := &f.cells[at]
	if len(c.walkers) == 0 {
		c.peopled = len(f.peopled)
		f.peopled = append(f.peopled, at)
	}
	w.home, w.at = at, len(c.walkers)
	c.walkers = append(c.walkers, w)
}

// remove takes a walker out of his home's list.
func (f *Field[C]) remove(w *Walker[C]) {
	c := &f.cells[w.home]
	last := c.walkers[len(c.walkers)-1]
	c.walkers[w.at], last.at = last, w.at
	c.walkers = slices.Delete(c.walkers, len(c.walkers)-1, len(c.walkers))
	if len(c.walkers) == 0 {
		moved := f.peopled[len(f.peopled)-1]
		f.peopled[c.peopled] = moved
		f.cells[moved].peopled = c.peopled
		f.peopled = f.peopled[:len(f.peopled)-1]
	}
}

// cellOf is where a walker is listed who is at p and was listed in home.
func (f *Field[C]) cellOf(p Point, home int32) int32 {
	side := f.rules.Cell
	if home != nowhere {
		x, y := home%f.columns*side, home/f.columns*side
		if p.X >= x-f.margin && p.X < x+side+f.margin && p.Y >= y-f.margin && p.Y < y+side+f.margin {
			return home
		}
	}
	return p.Y/side*f.columns + p.X/side
}

// sees reports whether who is listed in the one cell sees the other.
func (f *Field[C]) sees(a, b int32) bool {
	return b != nowhere && abs(a%f.columns-b%f.columns) <= f.reach && abs(a/f.columns-b/f.columns) <= f.reach
}

// around gives fn the cells that are seen from one.
func (f *Field[C]) around(at int32, fn func(int32)) {
	x, y := at%f.columns, at/f.columns
	for row := max(0, y-f.reach); row <= min(f.rows-1, y+f.reach); row++ {
		for column := max(0, x-f.reach); column <= min(f.columns-1, x+f.reach); column++ {
			fn(row*f.columns + column)
		}
	}
}
