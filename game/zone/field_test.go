package zone

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/game/api"
	"loumiao/game/field"
	"loumiao/game/pb"
	"loumiao/game/tables"
)

var green = tables.Map{ID: "green", Width: 10_000, Height: 10_000, View: 1000, Cell: 500, Speed: 500, LinesMin: 1, LinesMax: 3, Soft: 2, Hard: 3}

// A country is a zone's fields in a test with a clock of its own, and the owners of the players there.
type country struct {
	t   *testing.T
	f   *fields
	dir *notebook

	mu      sync.Mutex
	reports []*pb.PlayerOnField
	visits  map[int64]int64 // that owners know of; a player who is not there has no owner
}

// A guest is a client.
type guest struct {
	mu       sync.Mutex
	sight    *field.Sight
	pushed   []proto.Message // but no updates
	watchers []actor.Ref
}

func (g *guest) Watch(ref actor.Ref) { g.watchers = append(g.watchers, ref) }

func (g *guest) Push(m proto.Message) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if u, ok := m.(*pb.FieldUpdate); ok {
		return g.sight.Apply(proto.CloneOf(u))
	}
	g.pushed = append(g.pushed, proto.CloneOf(m))
	return nil
}

// heard is what was pushed since the last time.
func (g *guest) heard() []proto.Message {
	g.mu.Lock()
	defer g.mu.Unlock()
	pushed := g.pushed
	g.pushed = nil
	return pushed
}

// do has fn run on the field's turn.
type do struct {
	actor.Returns[*pb.Done]
	fn func(ctx *actor.Context, f *Field)
}

// inCountry runs fn with fields in a bubble of their own time.
func inCountry(t *testing.T, fn func(t *testing.T, c *country)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &country{t: t, dir: newNotebook(), visits: map[int64]int64{}}
		all := &tables.Tables{Maps: []tables.Map{green}}
		next := int64(1000)
		c.f = &fields{
			cfg: Defaults().Fields, self: 40, boot: 7, dir: c.dir, log: slog.New(slog.DiscardHandler),
			ids:    func() int64 { next++; return next },
			tables: func() *tables.Tables { return all },
			caster: func() caster {
				return func(to []visitor, m proto.Message) error {
					for _, v := range to {
						if err := v.Push(m); err != nil {
							return err
						}
					}
					return nil
				}
			},
		}
		sys := actor.NewSystem(actor.Config{Logger: slog.New(slog.DiscardHandler)})
		c.f.build(sys, c.told)
		actor.Handle(c.f.pool.Behavior(), guarded(func(f *Field, ctx *actor.Context, m *do) (*pb.Done, error) {
			m.fn(ctx, f)
			return &pb.Done{}, nil
		}))
		ctx, cancel := context.WithCancel(context.Background())
		var work sync.WaitGroup
		work.Go(func() { c.f.keep(ctx) })
		work.Go(func() { c.f.report.run(ctx) })
		defer func() {
			if err := c.f.stop(context.Background()); err != nil {
				t.Error(err)
			}
			cancel()
			work.Wait()
			if err := sys.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		fn(t, c)
	})
}

// told is the players' owners.
func (c *country) told(_ context.Context, m *pb.PlayerOnField) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, owned := c.visits[m.GetPlayer()]
	if !owned {
		return fault.New(fault.NotOwner, "nobody's")
	}
	if known != m.GetVisit() {
		return fault.New(fault.FailedPrecondition, "not there")
	}
	c.reports = append(c.reports, proto.CloneOf(m))
	return nil
}

// reported is what owners were told since the last time.
func (c *country) reported() []*pb.PlayerOnField {
	c.mu.Lock()
	defer c.mu.Unlock()
	reports := c.reports
	c.reports = nil
	return reports
}

// lines lists the lines, after one was asked for.
func (c *country) lines(full ...int64) []*pb.HostedLine {
	c.t.Helper()
	reply, err := c.f.list(context.Background(), &pb.ListFieldLines{Area: 3, Map: "green", Open: true, Full: full})
	if err != nil {
		c.t.Fatal(err)
	}
	return reply.GetLines()
}

// visit keeps a place, under the session 100 more than the player's number.
func (c *country) visit(at, player, visit int64, spot *pb.FieldSpot) error {
	c.mu.Lock()
	c.visits[player] = visit
	c.mu.Unlock()
	_, err := askField(context.Background(), c.f, at, &visiting{request: &pb.VisitField{
		Field: at, Player: player, Visit: visit, Session: uint64(100 + player), Name: "somebody", Spot: spot,
	}})
	return err
}

// on runs fn on the field's turn.
func (c *country) on(at int64, fn func(ctx *actor.Context, f *Field)) {
	c.t.Helper()
	if _, err := askField(context.Background(), c.f, at, &do{fn: fn}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *country) join(at, player int64) (*guest, *pb.JoinFieldReply, error) {
	c.t.Helper()
	g := &guest{sight: field.NewSight(at)}
	var reply *pb.JoinFieldReply
	var err error
	c.on(at, func(ctx *actor.Context, f *Field) { reply, err = f.admit(ctx, player, id.Session(100+player), g) })
	return g, reply, err
}

// come is a player who has visited and joined.
func (c *country) come(at, player, visit int64, x, y int32) *guest {
	c.t.Helper()
	if err := c.visit(at, player, visit, &pb.FieldSpot{X: x, Y: y}); err != nil {
		c.t.Fatal(err)
	}
	g, reply, err := c.join(at, player)
	if err != nil || reply.GetX() != x || reply.GetY() != y {
		c.t.Fatalf("joined: %v, %v", reply, err)
	}
	return g
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestOnAField(t *testing.T) {
	inCountry(t, func(t *testing.T, c *country) {
		at := c.lines()[0].GetField()
		if _, _, err := c.join(at, 1); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("joining without a place: %v", err)
		}
		one, two, far := c.come(at, 1, 10, 5000, 5000), c.come(at, 2, 20, 5500, 5000), c.come(at, 3, 30, 9900, 100)
		if err := c.visit(at, 4, 40, nil); fault.CodeOf(err) != fault.Overloaded {
			t.Errorf("visiting a full line: %v", err)
		}
		c.on(at, func(ctx *actor.Context, f *Field) {
			if _, err := f.admit(ctx, 1, 999, one); fault.CodeOf(err) != fault.FailedPrecondition {
				t.Errorf("joining by another session: %v", err)
			}
		})
		pass(time.Second)
		if len(one.sight.Walkers) != 2 || len(two.sight.Walkers) != 2 || len(far.sight.Walkers) != 1 {
			t.Errorf("they see %v, %v, %v", one.sight.Walkers, two.sight.Walkers, far.sight.Walkers)
		}
		c.on(at, func(_ *actor.Context, f *Field) {
			f.walk(1, one, &pb.MoveField{X: 5300, Y: 5000})
			f.walk(1, two, &pb.MoveField{X: 5000, Y: 5000}) // is not his client
			f.walk(2, two, &pb.MoveField{X: 9900, Y: 100})
			for range 5 {
				if _, err := f.speak(1, one, "hello"); err != nil {
					t.Error(err)
				}
			}
			for text, code := range map[string]fault.Code{"hello": fault.RateLimited, " ": fault.Invalid, "a\nb": fault.Invalid} {
				if _, err := f.speak(1, one, text); fault.CodeOf(err) != code {
					t.Errorf("saying %q: %v", text, err)
				}
			}
		})
		pass(200 * time.Millisecond)
		if seen := two.sight.Walkers[1]; seen.At != (field.Point{X: 5300, Y: 5000}) || seen.Player != 1 || seen.Name != "somebody" {
			t.Errorf("two sees one as %+v", seen)
		}
		heard := two.heard()
		if len(heard) != 6 || len(one.heard()) != 5 || len(far.heard()) != 0 {
			t.Fatalf("two hears %v", heard)
		}
		if m, ok := heard[0].(*pb.FieldCorrected); !ok || m.GetX() != 5500 || m.GetCorrections() != 1 || fault.Code(m.GetCode()) != fault.FailedPrecondition {
			t.Errorf("a leap is answered by %v", heard[0])
		}
		if m, ok := heard[1].(*pb.FieldSaid); !ok || m.GetPlayer() != 1 || m.GetText() != "hello" {
			t.Errorf("two hears %v", heard[1])
		}
		c.reported()
		pass(c.f.cfg.ReportEvery + 100*time.Millisecond)
		reports := c.reported()
		slices.SortFunc(reports, func(a, b *pb.PlayerOnField) int { return int(a.GetPlayer() - b.GetPlayer()) })
		if len(reports) != 3 || reports[0].GetSpot().GetX() != 5300 || reports[0].GetVisit() != 10 || reports[0].GetLeft() != 0 {
			t.Errorf("owners are told %v", reports)
		}
		// An owner who knows nothing of a visit has the player taken off.
		c.mu.Lock()
		c.visits[3]++
		c.mu.Unlock()
		pass(c.f.cfg.ReportEvery + 200*time.Millisecond)
		c.reported()
		// A session that is gone; a visit that the owner ends, twice.
		c.on(at, func(_ *actor.Context, f *Field) {
			if f.visits[3] != nil || f.sim.Len() != 2 {
				t.Errorf("there are %d walkers", f.sim.Len())
			}
			f.gone(2, one)
			f.gone(2, two)
		})
		end := &pb.EndVisit{Field: at, Player: 1, Visit: 9}
		for _, want := range []*pb.FieldSpot{nil, {X: 5300, Y: 5000}, nil} {
			if got, err := askField(context.Background(), c.f, at, &ending{request: end}); err != nil || !proto.Equal(got.GetSpot(), want) {
				t.Errorf("ending visit %d: %v, %v; want %v", end.GetVisit(), got, err, want)
			}
			end.Visit = 10
		}
		synctest.Wait()
		if reports := c.reported(); len(reports) != 1 || reports[0].GetPlayer() != 2 || fault.Code(reports[0].GetLeft()) != fault.Lost || reports[0].GetSpot().GetX() != 5500 {
			t.Errorf("owners are told %v", reports)
		}
		c.on(at, func(_ *actor.Context, f *Field) {
			if f.sim.Len() != 0 || len(f.visits) != 0 {
				t.Errorf("%d walkers and %d visits are left", f.sim.Len(), len(f.visits))
			}
		})
		pass(time.Second)
		c.on(at, func(_ *actor.Context, f *Field) {
			if f.ticking {
				t.Error("an empty field goes on ticking")
			}
		})
	})
}

// A visit is changed until its player has joined, ends by a newer one, refuses an older one, and ends if he does not join.
func TestVisits(t *testing.T) {
	inCountry(t, func(t *testing.T, c *country) {
		at := c.lines()[0].GetField()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(c.visit(at, 1, 10, &pb.FieldSpot{X: 1, Y: 1}))
		must(c.visit(at, 1, 10, &pb.FieldSpot{X: 2, Y: 2}))
		one, reply, err := c.join(at, 1)
		if err != nil || reply.GetX() != 2 || reply.GetView() != 1000 || reply.GetSpeed() != 500 || reply.GetTickMs() != 100 {
			t.Fatalf("joined: %v, %v", reply, err)
		}
		must(c.visit(at, 1, 10, &pb.FieldSpot{X: 3, Y: 3}))
		if _, again, err := c.join(at, 1); err != nil || again.GetX() != 2 || again.GetWalker() != reply.GetWalker() {
			t.Errorf("joined again: %v, %v", again, err)
		}
		if err := c.visit(at, 1, 9, nil); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("an older visit: %v", err)
		}
		must(c.visit(at, 1, 11, &pb.FieldSpot{X: -1, Y: 3})) // off the map
		c.on(at, func(_ *actor.Context, f *Field) {
			if f.of(1, one) != nil || f.sim.Len() != 0 {
				t.Error("the older visit goes on")
			}
			if v := f.visits[1]; v == nil || v.spot != green.Rules().Place(1) {
				t.Errorf("the newer visit is %+v", v)
			}
		})
		c.reported()
		pass(11 * time.Second)
		if reports := c.reported(); len(reports) != 1 || fault.Code(reports[0].GetLeft()) != fault.Deadline || reports[0].GetVisit() != 11 {
			t.Errorf("who does not join: %v", reports)
		}
		for _, m := range []*pb.VisitField{{Player: 0, Visit: 1, Session: 1}, {Player: 1, Session: 1}, {Player: 1, Visit: 1}} {
			if _, err := askField(context.Background(), c.f, at, &visiting{request: m}); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("a visit %v: %v", m, err)
			}
		}
		if _, err := askField(context.Background(), c.f, 7, &visiting{request: &pb.VisitField{Player: 1, Visit: 1, Session: 1}}); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("a visit to no field: %v", err)
		}
	})
}

// Lines open as they fill, up to as many as there may be, and close when they have been empty for long; one that has lost its number closes at once.
func TestLines(t *testing.T) {
	inCountry(t, func(t *testing.T, c *country) {
		first := c.lines()
		if len(first) != 1 || first[0].GetLine() != 1 || first[0].GetSoft() != 2 || first[0].GetHard() != 3 || first[0].GetZone() != 40 || first[0].GetBoot() != 7 {
			t.Fatalf("there are %v", first)
		}
		at := first[0].GetField()
		if again := c.lines(); len(again) != 1 {
			t.Fatalf("another line opens: %v", again)
		}
		if more := c.lines(at); len(more) != 2 || more[1].GetLine() != 2 {
			t.Fatalf("with one full there are %v", more)
		}
		c.come(at, 1, 10, 1, 1)
		c.come(at, 2, 10, 1, 1)
		second := c.lines()[1].GetField()
		c.come(second, 3, 10, 1, 1)
		g := c.come(second, 4, 10, 7, 1)
		pass(2 * time.Second) // before anybody asks
		lines := c.lines()
		if len(lines) != 3 || lines[0].GetPlayers() != 2 || lines[1].GetPlayers() != 2 || lines[2].GetPlayers() != 0 {
			t.Fatalf("there are %v", lines)
		}
		if all := c.lines(lines[0].GetField(), lines[1].GetField(), lines[2].GetField()); len(all) != 3 {
			t.Errorf("a fourth line opens: %v", all)
		}
		pass(2 * c.f.cfg.CloseAfter)
		if lines := c.lines(); len(lines) != 3 {
			t.Errorf("the last line with room closes: %v", lines)
		}
		c.on(second, func(_ *actor.Context, f *Field) { f.gone(4, g) })
		pass(2 * c.f.cfg.CloseAfter)
		if lines := c.lines(); len(lines) != 2 || lines[1].GetField() != second {
			t.Errorf("an empty line is kept: %v", lines)
		}
		if len(c.f.all()) != 2 {
			t.Errorf("the node hosts %d lines", len(c.f.all()))
		}
		c.reported()
		// Another zone has taken the number, after this one was silent for too long.
		c.dir.mu.Lock()
		taken := c.dir.of(3, "green")[2]
		taken.Field = 5
		c.dir.of(3, "green")[2] = taken
		c.dir.mu.Unlock()
		pass(2 * time.Second)
		if reports := c.reported(); !slices.ContainsFunc(reports, func(m *pb.PlayerOnField) bool {
			return m.GetPlayer() == 3 && fault.Code(m.GetLeft()) == fault.Unavailable
		}) {
			t.Errorf("owners are told %v", reports)
		}
		if c.f.find(api.FieldID(second)) != nil {
			t.Error("a field without a number goes on")
		}
		// While the directory cannot be reached, fields go on.
		c.dir.mu.Lock()
		c.dir.failing = fault.New(fault.Unavailable, "no Redis")
		c.dir.mu.Unlock()
		pass(3 * c.f.cfg.CloseAfter)
		if c.f.find(api.FieldID(at)).players.Load() != 2 {
			t.Error("a field ends without the directory")
		}
		if _, err := c.f.list(context.Background(), &pb.ListFieldLines{Map: "green"}); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("the lines: %v", err)
		}
		for m, code := range map[*pb.ListFieldLines]fault.Code{{Map: "blue"}: fault.NotFound, {Map: "green", Area: 1 << 16}: fault.Invalid, {Map: "green", Full: make([]int64, 65)}: fault.Invalid} {
			if _, err := c.f.list(context.Background(), m); fault.CodeOf(err) != code {
				t.Errorf("the lines of %v: %v", m, err)
			}
		}
	})
}

// A node that stops tells every owner where his player was, and takes nobody any more.
// TestFieldThatBreaks has a handler of a field fail that is no tick: players are led to another line, and the owners of those who were on it are told.
func TestFieldThatBreaks(t *testing.T) {
	inCountry(t, func(t *testing.T, c *country) {
		at := c.lines()[0].GetField()
		c.come(at, 1, 5, 5000, 5000)
		c.reported()
		broken := &do{fn: func(*actor.Context, *Field) { panic("a test wants it") }}
		if _, err := askField(t.Context(), c.f, at, broken); fault.CodeOf(err) != fault.Internal {
			t.Errorf("a handler that fails: %v", err)
		}
		pass(renewEvery)
		if all := c.f.all(); slices.ContainsFunc(all, func(h *hosted) bool { return int64(h.Field) == at }) {
			t.Error("the node believes that it hosts the field")
		}
		lines := c.lines()
		if len(lines) == 0 || slices.ContainsFunc(lines, func(l *pb.HostedLine) bool { return l.GetField() == at }) {
			t.Errorf("the lines are %v", lines)
		}
		told := c.reported()
		if len(told) != 1 || told[0].GetPlayer() != 1 || told[0].GetLeft() != uint32(fault.Internal) || told[0].GetSpot().GetX() != 5000 {
			t.Errorf("owners are told %v", told)
		}
	})
}

func TestFieldsStop(t *testing.T) {
	inCountry(t, func(t *testing.T, c *country) {
		at := c.lines()[0].GetField()
		c.come(at, 1, 10, 5, 6)
		c.come(at, 2, 10, 7, 8)
		pass(time.Second)
		c.reported()
		if err := c.f.stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		reports := c.reported()
		slices.SortFunc(reports, func(a, b *pb.PlayerOnField) int { return int(a.GetPlayer() - b.GetPlayer()) })
		if len(reports) != 2 || reports[1].GetSpot().GetX() != 7 || fault.Code(reports[1].GetLeft()) != fault.Unavailable {
			t.Errorf("owners are told %v", reports)
		}
		if list, _ := c.dir.list(context.Background(), 3, "green"); len(list) != 0 {
			t.Errorf("in the directory there are %v", list)
		}
		if err := c.visit(at, 3, 10, nil); err == nil {
			t.Error("somebody comes to a node that has stopped")
		}
		if _, err := c.f.list(context.Background(), &pb.ListFieldLines{Area: 3, Map: "green", Open: true}); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("a line opens on a node that has stopped: %v", err)
		}
	})
}

// Whatever owners, clients and time do to visits, the field has those that an oracle has, and every visit that the owner has not ended himself is told to him as ended, once.
func TestVisitsAgainstTheOracle(t *testing.T) {
	inCountry(t, func(t *testing.T, c *country) {
		type stay struct {
			visit  int64
			client *guest // nil until joined
			since  int32  // tick
		}
		at := c.lines()[0].GetField()
		rng := rand.New(rand.NewPCG(5, 6))
		stays := map[int64]*stay{}
		wanted := map[int64]int{} // ends that owners are to be told of, by visit
		told := map[int64]int{}
		now := func() (tick int32) {
			c.on(at, func(_ *actor.Context, f *Field) { tick = f.sim.Tick() })
			return tick
		}
		for step := range int64(3000) {
			player := 1 + rng.Int64N(5)
			s := stays[player]
			switch rng.IntN(8) {
			case 0, 1: // the owner announces a visit, sometimes an old one, or that again
				visit := step + 1
				if s != nil && rng.IntN(2) == 0 {
					visit = s.visit - rng.Int64N(2)
				}
				before := c.visits[player]
				err := c.visit(at, player, visit, nil)
				switch {
				case s != nil && visit < s.visit:
					if fault.CodeOf(err) != fault.FailedPrecondition {
						t.Fatalf("step %d: an old visit: %v", step, err)
					}
					c.visits[player] = before
				case s != nil && visit == s.visit:
				case s == nil && len(stays) == green.Hard:
					if fault.CodeOf(err) != fault.Overloaded {
						t.Fatalf("step %d: a visit to a full line: %v", step, err)
					}
					c.visits[player] = before
				case err != nil:
					t.Fatal(err)
				default:
					stays[player] = &stay{visit: visit, since: now()}
				}
			case 2, 3:
				g, _, err := c.join(at, player)
				if s == nil {
					if fault.CodeOf(err) != fault.FailedPrecondition {
						t.Fatalf("step %d: joining without a visit: %v", step, err)
					}
				} else if s.client = g; err != nil {
					t.Fatal(err)
				}
			case 4: // the owner ends it, or another
				visit := rng.Int64N(step + 1)
				if s != nil && rng.IntN(2) == 0 {
					visit = s.visit
				}
				reply, err := askField(context.Background(), c.f, at, &ending{request: &pb.EndVisit{Player: player, Visit: visit}})
				if hit := s != nil && visit == s.visit; err != nil || hit != (reply.GetSpot() != nil) {
					t.Fatalf("step %d: ending visit %d of %+v: %v, %v", step, visit, s, reply, err)
				} else if hit {
					delete(stays, player)
				}
			case 5: // a session is gone, perhaps one that has been replaced
				g := &guest{}
				if s != nil && s.client != nil && rng.IntN(2) == 0 {
					g = s.client
					wanted[s.visit]++
					delete(stays, player)
				}
				c.on(at, func(_ *actor.Context, f *Field) { f.gone(player, g) })
			default:
				pass(time.Duration(rng.IntN(4000)) * time.Millisecond)
				tick := now()
				for player, s := range stays {
					if s.client == nil && tick >= s.since+joinTicks {
						wanted[s.visit]++
						delete(stays, player)
					}
				}
			}
			c.on(at, func(_ *actor.Context, f *Field) {
				walkers := 0
				for player, s := range stays {
					v := f.visits[player]
					if v == nil || v.number != s.visit || (v.walker != nil) != (s.client != nil) {
						t.Fatalf("step %d: player %d is on %+v, want %+v", step, player, v, s)
					}
					if s.client != nil {
						walkers++
					}
				}
				if len(f.visits) != len(stays) || f.sim.Len() != walkers || f.hosted.players.Load() != int64(len(stays)) {
					t.Fatalf("step %d: %d visits, %d walkers, %d players; want %d, %d", step, len(f.visits), f.sim.Len(), f.hosted.players.Load(), len(stays), walkers)
				}
			})
			synctest.Wait()
			for _, r := range c.reported() {
				if r.GetLeft() != 0 {
					told[r.GetVisit()]++
				}
			}
		}
		if !maps.Equal(told, wanted) {
			t.Errorf("owners are told the ends %v, want %v", told, wanted)
		}
	})
}
