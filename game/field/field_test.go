package field

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

// An oracle says who sees whom, by comparing everybody with everybody.
type oracle struct {
	rules  Rules
	actors map[int64]*actor
}

type actor struct {
	number int32
	name   string
	at     Point
	shown  bool
	home   Point // column and row
	sight  *Sight
	heard  bool // something in this tick
}

// settle decides in which cell everybody is.
func (o *oracle) settle() {
	r := o.rules
	inside := func(p, home, margin int32) bool { return p >= home*r.Cell-margin && p < (home+1)*r.Cell+margin }
	for _, a := range o.actors {
		if !a.shown || !inside(a.at.X, a.home.X, r.margin()) || !inside(a.at.Y, a.home.Y, r.margin()) {
			a.home = Point{a.at.X / r.Cell, a.at.Y / r.Cell}
		}
		a.shown = true
	}
}

func (o *oracle) seenBy(a *actor) map[int32]Seen {
	seen := map[int32]Seen{}
	for player, b := range o.actors {
		if within(a.home, b.home, o.rules.reach()) {
			seen[b.number] = Seen{player, b.name, b.at}
		}
	}
	return seen
}

// run plays n random operations on a field, loses each update with the given chance, and compares what clients know with the oracle.
func run(t *testing.T, rng *rand.Rand, rules Rules, n int, loss float64) {
	t.Helper()
	f := New[*actor](7, rules)
	o := &oracle{rules, map[int64]*actor{}}
	clean := 0 // ticks without loss
	anybody := func() (int64, *actor) {
		players := slices.Sorted(maps.Keys(o.actors))
		if len(players) == 0 {
			return 0, nil
		}
		p := players[rng.IntN(len(players))]
		return p, o.actors[p]
	}
	point := func() Point { return Point{rng.Int32N(rules.Width), rng.Int32N(rules.Height)} }
	for range n {
		switch rng.IntN(12) {
		case 0, 1: // somebody comes
			player := rng.Int64N(40)
			a := &actor{name: fmt.Sprint("player ", player, " ", rng.IntN(100)), at: point(), sight: NewSight(7)}
			w, err := f.Enter(player, a.name, a.at, a)
			switch {
			case o.actors[player] != nil:
				if fault.CodeOf(err) != fault.AlreadyExists {
					t.Fatalf("enters twice: %v", err)
				}
			case len(o.actors) == rules.Capacity:
				if fault.CodeOf(err) != fault.Overloaded {
					t.Fatalf("enters a full field: %v", err)
				}
			case err != nil:
				t.Fatal(err)
			default:
				a.number = w.Number()
				o.actors[player] = a
			}
		case 2: // goes
			if player, a := anybody(); a != nil {
				f.Leave(f.Find(player))
				delete(o.actors, player)
			}
		case 3: // wants to see again
			if player, a := anybody(); a != nil {
				f.ShowAgain(f.Find(player))
			}
		case 4, 5, 6, 7, 8: // walks a little, often along a border
			if player, a := anybody(); a != nil {
				step := max(1, rules.Speed/TicksPerSecond)
				to := Point{a.at.X + rng.Int32N(2*step+1) - step, a.at.Y + rng.Int32N(2*step+1) - step}
				w := f.Find(player)
				before := w.Corrections()
				err := f.Move(w, to, before)
				switch {
				case err == nil:
					a.at = to
				case !errors.Is(err, ErrTooFar) && !errors.Is(err, ErrTooMany) && (rules.Has(to) || !errors.Is(err, ErrOff)):
					t.Fatalf("from %v to %v: %v", a.at, to, err)
				case w.Corrections() != before+1:
					t.Fatalf("%d corrections after %d", w.Corrections(), before)
				}
				if w.At() != a.at {
					t.Fatalf("he is at %v and should be at %v", w.At(), a.at)
				}
			}
		case 9: // somebody is heard
			if player, a := anybody(); a != nil && a.shown {
				var got, want []string
				f.Near(f.Find(player), func(b *actor) { got = append(got, b.name) })
				for _, b := range o.actors {
					if b.shown && within(a.home, b.home, rules.reach()) && within(a.at, b.at, rules.View) {
						want = append(want, b.name)
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("%v is heard by %v, want %v", a.at, got, want)
				}
			}
		default:
			o.settle()
			clean++
			for _, a := range o.actors {
				a.heard = false
			}
			f.Show(func(to []*actor, u *pb.FieldUpdate) {
				body, err := proto.Marshal(u)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range to {
					if a.heard {
						t.Fatal("a client is sent two updates in one tick")
					}
					a.heard = true
					if rng.Float64() < loss {
						clean = 0
						continue
					}
					var heard pb.FieldUpdate
					if err := proto.Unmarshal(body, &heard); err != nil {
						t.Fatal(err)
					}
					if err := a.sight.Apply(&heard); err != nil {
						t.Fatal(err)
					}
				}
			})
			if loss > 0 && clean < FullEvery {
				break
			}
			o.check(t)
		}
		if f.Len() != len(o.actors) {
			t.Fatalf("%d walkers, want %d", f.Len(), len(o.actors))
		}
	}
	if loss == 0 {
		return
	}
	for range FullEvery { // and then nothing is lost any more
		o.settle()
		f.Show(func(to []*actor, u *pb.FieldUpdate) {
			for _, a := range to {
				if err := a.sight.Apply(proto.CloneOf(u)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	o.check(t)
}

func (o *oracle) check(t *testing.T) {
	t.Helper()
	far := (o.rules.reach()+1)*o.rules.Cell + 2*o.rules.margin()
	for player, a := range o.actors {
		if want := o.seenBy(a); !maps.Equal(a.sight.Walkers, want) {
			t.Fatalf("player %d at %v sees %v, and should see %v", player, a.at, a.sight.Walkers, want)
		}
		for _, b := range o.actors {
			_, seen := a.sight.Walkers[b.number]
			if !seen && within(a.at, b.at, o.rules.View) {
				t.Fatalf("%v does not see %v, with a view of %d", a.at, b.at, o.rules.View)
			}
			if seen && !within(a.at, b.at, far) {
				t.Fatalf("%v sees %v, which is too far", a.at, b.at)
			}
		}
	}
}

func someRules(rng *rand.Rand) Rules {
	for {
		r := Rules{Width: 1 + rng.Int32N(2000), Height: 1 + rng.Int32N(2000), View: 1 + rng.Int32N(600), Cell: 1 + rng.Int32N(500), Speed: 1 + rng.Int32N(2000), Capacity: 1 + rng.IntN(40)}
		if r.Validate() == nil {
			return r
		}
	}
}

// What clients know is what an oracle says that compares everybody with everybody, whatever happens.
func TestAgainstTheOracle(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		run(t, rng, someRules(rng), 1500, 0)
	}
}

// After as many ticks as FullEvery without loss, clients know everything again.
func TestLossHeals(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		run(t, rng, someRules(rng), 1000, 0.3)
	}
}

func FuzzField(f *testing.F) {
	f.Add(uint64(1), uint64(2), false)
	f.Fuzz(func(t *testing.T, a, b uint64, lossy bool) {
		rng := rand.New(rand.NewPCG(a, b))
		loss := 0.0
		if lossy {
			loss = 0.2
		}
		run(t, rng, someRules(rng), 400, loss)
	})
}

// Nobody gets farther than his speed allows, whatever he sends.
func TestNobodyIsFasterThanHisSpeed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		rules := Rules{Width: 100_000, Height: 100_000, View: 1000, Cell: 1000, Speed: 100 + rng.Int32N(1000), Capacity: 1}
		f := New[int](1, rules)
		start := Point{50_000, 50_000}
		w, err := f.Enter(1, "", start, 0)
		if err != nil {
			t.Fatal(err)
		}
		var way float64
		moves := 0
		for range 400 {
			for range rng.IntN(8) {
				before := w.At()
				to := Point{before.X + rng.Int32N(400) - 150, before.Y + rng.Int32N(400) - 200}
				if rng.IntN(5) == 0 {
					to = Point{rng.Int32() - 1<<30, rng.Int32()}
				}
				if f.Move(w, to, w.Corrections()) == nil {
					way += math.Hypot(float64(to.X-before.X), float64(to.Y-before.Y))
					moves++
				}
			}
			f.Show(func([]int, *pb.FieldUpdate) {})
			seconds := float64(f.Tick()) / TicksPerSecond
			if most := (seconds + 1) * float64(rules.Speed); way > most {
				t.Fatalf("in %.1f s he goes %.0f, with %d a second", seconds, way, rules.Speed)
			}
			if most := int(f.Tick())*movesPerTick + maxMoves; moves > most {
				t.Fatalf("%d moves in %d ticks", moves, f.Tick())
			}
		}
		if way < 30*float64(rules.Speed) {
			t.Errorf("in 40 s he goes only %.0f, with %d a second", way, rules.Speed)
		}
	}
}

func TestMoves(t *testing.T) {
	t.Parallel()
	f := New[int](1, Rules{Width: 1000, Height: 500, View: 100, Cell: 100, Speed: 100, Capacity: 2})
	w, err := f.Enter(1, "", Point{10, 10}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		to          Point
		corrections uint32
		err         error
		at          Point
	}{
		{Point{70, 90}, 0, nil, Point{70, 90}}, // 100 points: all that he may go at once
		{Point{70, 91}, 0, ErrTooFar, Point{70, 90}},
		{Point{71, 90}, 0, nil, Point{70, 90}}, // he has not heard of the correction
		{Point{1000, 90}, 1, ErrOff, Point{70, 90}},
		{Point{70, -1}, 2, ErrOff, Point{70, 90}},
		{Point{math.MinInt32, math.MaxInt32}, 3, ErrOff, Point{70, 90}},
	} {
		if err := f.Move(w, step.to, step.corrections); !errors.Is(err, step.err) || w.At() != step.at {
			t.Errorf("to %v: %v, and he is at %v", step.to, err, w.At())
		}
	}
	f.Show(func([]int, *pb.FieldUpdate) {})
	if err := f.Move(w, Point{70, 100}, 4); err != nil || w.At() != (Point{70, 100}) {
		t.Errorf("after a tick: %v, %v", err, w.At())
	}
	for range maxMoves {
		err = f.Move(w, w.At(), w.Corrections())
	}
	if !errors.Is(err, ErrTooMany) {
		t.Errorf("the moves never are too many: %v", err)
	}
	f.Leave(w)
	f.Leave(w)
	if err := f.Move(w, Point{70, 100}, w.Corrections()); err != nil || f.Len() != 0 {
		t.Errorf("who has left moves: %v", err)
	}
}

func TestLength(t *testing.T) {
	t.Parallel()
	for range 100_000 {
		a, b := Point{rand.Int32N(MaxSide), rand.Int32N(MaxSide)}, Point{rand.Int32N(MaxSide), rand.Int32N(MaxSide)}
		x, y := int64(a.X-b.X), int64(a.Y-b.Y)
		if l := length(a, b); l*l < x*x+y*y || l > 0 && (l-1)*(l-1) >= x*x+y*y {
			t.Fatalf("from %v to %v it is %d", a, b, l)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	good := Rules{Width: 1000, Height: 1000, View: 100, Cell: 100, Speed: 100, Capacity: 10}
	for _, test := range []struct {
		change func(*Rules)
		want   string
	}{
		{func(*Rules) {}, ""},
		{func(r *Rules) { r.Width = 0 }, "width: 0"},
		{func(r *Rules) { r.Height = MaxSide + 1 }, "height: 1048577"},
		{func(r *Rules) { r.View = -1 }, "view: -1"},
		{func(r *Rules) { r.Cell = 0 }, "cell: 0"},
		{func(r *Rules) { r.Speed = 0 }, "speed: 0"},
		{func(r *Rules) { r.Capacity = 0 }, "capacity: 0"},
		{func(r *Rules) { r.Cell = 3 }, "cell: 3 makes 111556 cells"},
		{func(r *Rules) { r.Cell = 10 }, "cell: with 10 a view takes 11 cells"},
	} {
		r := good
		test.change(&r)
		err := r.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", r, err, test.want)
		}
	}
	for n := range uint64(1000) {
		if r := (Rules{Width: 1 + int32(n), Height: 700, View: 300}); !r.Has(r.Place(n)) {
			t.Fatalf("newcomer %d steps on %v of %+v", n, r.Place(n), r)
		}
	}
}

func FuzzSight(f *testing.F) {
	good, _ := proto.Marshal(&pb.FieldUpdate{Field: 7, Tick: 1, Moved: []int32{1}, X: []int32{2}, Y: []int32{3}, Walkers: []*pb.FieldWalker{{Walker: 1}}})
	f.Add(good)
	f.Fuzz(func(t *testing.T, body []byte) {
		var u pb.FieldUpdate
		if proto.Unmarshal(body, &u) != nil {
			return
		}
		s := NewSight(7)
		if err := s.Apply(&u); err != nil && (fault.CodeOf(err) != fault.Invalid || len(s.Walkers) > 0) {
			t.Fatalf("%v, %v", err, s.Walkers)
		}
	})
}
