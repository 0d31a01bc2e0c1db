package queue

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/pb"
)

const (
	noon           = int64(1_700_000_000_000)
	area           = api.Area(7)
	newest         = uint64(1 << 40) // epoch: that of a leader after all others
	worldA, worldB = id.Node(31), id.Node(32)
)

var standard = lineID{area, "standard"}

// newStore is a Store with a clock of the test's own, in milliseconds, that epoch 1 leads.
func newStore(t testing.TB, r Redis, cfg Config) (*Store, *atomic.Int64) {
	t.Helper()
	clock := new(atomic.Int64)
	clock.Store(noon)
	s := NewStore(r, cfg)
	s.now = clock.Load
	if err := s.Open(t.Context(), area, 1, false); err != nil {
		t.Fatal(err)
	}
	return s, clock
}

func enter(t testing.TB, s *Store, player api.PlayerID) Status {
	t.Helper()
	return apply(t, s, Enter, player)
}

func apply(t testing.TB, s *Store, kind OpKind, player api.PlayerID) Status {
	t.Helper()
	r := s.Apply(t.Context(), newest, []Op{{kind, area, player, ""}})[0]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	return r.Status
}

func admit(t testing.TB, s *Store, limit int) []api.PlayerID {
	t.Helper()
	let, _, err := s.Admit(t.Context(), area, 1, limit)
	if err != nil {
		t.Fatal(err)
	}
	out := []api.PlayerID{}
	for _, a := range let {
		out = append(out, a.Player)
	}
	return out
}

func report(t testing.TB, s *Store, world id.Node, inside, left []api.PlayerID) {
	t.Helper()
	if err := s.Report(t.Context(), area, world, inside, left); err != nil {
		t.Fatal(err)
	}
}

func wantPlayers(t testing.TB, what string, got []api.PlayerID, want ...api.PlayerID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

func wantStands(t testing.TB, got Status, position, waiting int) {
	t.Helper()
	if got.Pass != "" || got.Position != position || got.Waiting != waiting {
		t.Fatalf("stands %+v, want %d of %d", got, position, waiting)
	}
}

func wantPass(t testing.TB, got Status) string {
	t.Helper()
	if got.Pass == "" {
		t.Fatalf("no pass: %+v", got)
	}
	return got.Pass
}

func TestStoreLife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(t, stores, Config{Capacity: 2})
		pass := wantPass(t, enter(t, s, 1))
		if again := enter(t, s, 1); again.Pass != pass || again.Fresh {
			t.Fatalf("entered twice: %+v, had %v", again, pass)
		}
		wantPass(t, enter(t, s, 2))
		wantStands(t, enter(t, s, 3), 1, 1)
		wantStands(t, enter(t, s, 4), 2, 2)
		wantStands(t, enter(t, s, 3), 1, 2)
		wantPlayers(t, "let in while full", admit(t, s, 9))

		if err := s.Redeem(ctx, area, 1, "forged", worldA); !errors.Is(err, ErrPass) {
			t.Fatalf("a forged pass: %v", err)
		}
		if err := s.Redeem(ctx, area, 2, pass, worldA); !errors.Is(err, ErrPass) {
			t.Fatalf("another's pass: %v", err)
		}
		if err := s.Redeem(ctx, area, 1, pass, worldA); err != nil {
			t.Fatal(err)
		}
		if err := s.Redeem(ctx, area, 1, pass, worldA); !errors.Is(err, ErrPass) {
			t.Fatalf("a used pass: %v", err)
		}

		clock.Add(30_000) // 2 has not used his pass
		wantPlayers(t, "let in when a pass was too old", admit(t, s, 9), 3)
		if err := s.Report(ctx, area, worldA, nil, []api.PlayerID{1}); err != nil {
			t.Fatal(err)
		}
		wantPlayers(t, "let in when one had left", admit(t, s, 9), 4)
		wantStands(t, enter(t, s, 1), 1, 1)
		apply(t, s, Leave, 4)
		wantPlayers(t, "let in when one gave his pass back", admit(t, s, 9), 1)
	})
}

func TestInside(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(t, stores, Config{Capacity: 1})
		if err := s.Redeem(ctx, area, 1, wantPass(t, enter(t, s, 1)), worldA); err != nil {
			t.Fatal(err)
		}
		wantStands(t, enter(t, s, 2), 1, 1)

		// His world names him: he stays. He logs in again: he gets a pass, and his place is still one.
		for range 5 {
			clock.Add(50_000)
			report(t, s, worldA, []api.PlayerID{1}, nil)
			wantPlayers(t, "let in while full", admit(t, s, 9))
		}
		pass := wantPass(t, enter(t, s, 1))
		apply(t, s, Leave, 1) // the pass, not the place
		wantPlayers(t, "let in while he is inside", admit(t, s, 9))
		pass2 := wantPass(t, enter(t, s, 1))
		if pass2 == pass {
			t.Fatal("a pass that was given back is good again")
		}

		// He moves to another world; the first one's late news of his leaving changes nothing.
		if err := s.Redeem(ctx, area, 1, pass2, worldB); err != nil {
			t.Fatal(err)
		}
		report(t, s, worldA, nil, []api.PlayerID{1})
		wantPlayers(t, "let in while he is in another world", admit(t, s, 9))

		// He leaves while he has a pass to come back with: the place is the pass's.
		wantPass(t, enter(t, s, 1))
		if err := s.Report(ctx, area, worldB, nil, []api.PlayerID{1}); err != nil {
			t.Fatal(err)
		}
		clock.Add(29_999)
		wantPlayers(t, "let in while he is on his way", admit(t, s, 9))
		clock.Add(1)
		wantPlayers(t, "let in when he did not come", admit(t, s, 9), 2)
	})
}

func TestWorldDies(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(t, stores, Config{Capacity: 1})
		if err := s.Redeem(t.Context(), area, 1, wantPass(t, enter(t, s, 1)), worldA); err != nil {
			t.Fatal(err)
		}
		wantStands(t, enter(t, s, 2), 1, 1)
		clock.Add(59_999)
		wantPlayers(t, "let in within the grace", admit(t, s, 9))
		wantPass(t, enter(t, s, 1)) // he comes back at once, past those who wait
		clock.Add(30_000)
		wantPlayers(t, "let in when he did not use it", admit(t, s, 9), 2)
		wantStands(t, enter(t, s, 1), 1, 1)
	})
}

func TestAway(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(t, stores, Config{Capacity: 1})
		first := wantPass(t, enter(t, s, 1))
		for p := range 4 {
			enter(t, s, api.PlayerID(2+p))
		}
		apply(t, s, Drop, 2)
		apply(t, s, Drop, 3)
		clock.Add(29_000)
		wantStands(t, enter(t, s, 3), 1, 3) // ahead of 4 and 5, as before
		if err := s.Redeem(t.Context(), area, 1, first, worldA); err != nil {
			t.Fatal(err)
		}
		report(t, s, worldA, nil, []api.PlayerID{1})
		wantPlayers(t, "let in while the first is away", admit(t, s, 9), 3)
		clock.Add(30_999)
		order, err := s.Order(t.Context(), area, "standard")
		if err != nil {
			t.Fatal(err)
		}
		wantPlayers(t, "order", order, 4, 5)
		wantPlayers(t, "let in when 3 did not come", admit(t, s, 9), 4)
		wantStands(t, enter(t, s, 2), 1, 2)
		apply(t, s, Drop, 2)
		clock.Add(60_000)
		wantStands(t, enter(t, s, 6), 2, 2)
		wantStands(t, enter(t, s, 2), 3, 3) // away for too long
	})
}

func TestRate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(t, stores, Config{Rate: 3})
		for p := range 3 {
			wantPass(t, enter(t, s, api.PlayerID(1+p)))
		}
		for p := range 6 {
			wantStands(t, enter(t, s, api.PlayerID(4+p)), 1+p, 1+p)
		}
		wantPlayers(t, "let in at once", admit(t, s, 9))
		clock.Add(333)
		wantPlayers(t, "let in after 333 ms", admit(t, s, 9))
		clock.Add(1)
		wantPlayers(t, "let in after 334 ms", admit(t, s, 9), 4)
		clock.Add(60_000)
		wantPlayers(t, "let in after a minute", admit(t, s, 2), 5, 6)
		wantPlayers(t, "let in after a minute, the rest of a second's worth", admit(t, s, 9), 7)
	})
}

func TestTakeover(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(t, stores, Config{Capacity: 1})
		wantPass(t, enter(t, s, 1))
		const many = 2*openPage + 1
		all := make([]redis.Z, many)
		for i := range all {
			all[i] = redis.Z{Score: float64(1 + i), Member: 2 + i}
		}
		if err := stores.Redis().ZAdd(ctx, s.waiting(area, "standard"), all...).Err(); err != nil {
			t.Fatal(err)
		}
		if err := stores.Redis().HSet(ctx, s.at(area, "state"), "number", many).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Open(ctx, area, 2, false); err != nil {
			t.Fatal(err)
		}
		if err := s.Open(ctx, area, 1, false); !errors.Is(err, ErrFenced) {
			t.Fatalf("an older node opens: %v", err)
		}
		for _, kind := range []OpKind{Enter, Leave, Drop} { // those who wait there are connected to the newer one
			if r := s.Apply(ctx, 1, []Op{{kind, area, 4, ""}})[0]; !errors.Is(r.Err, ErrFenced) {
				t.Errorf("op %d of an older epoch: %v", kind, r.Err)
			}
		}
		if _, _, err := s.Admit(ctx, area, 1, 9); !errors.Is(err, ErrFenced) {
			t.Fatalf("an older node lets in: %v", err)
		}
		clock.Add(30_000) // there would be room; but first let those come back who wait
		if err := s.Open(ctx, area, 3, false); err != nil {
			t.Fatal(err)
		}
		wantStands(t, enter(t, s, 9999), 1, 1)
		wantStands(t, enter(t, s, 3), 1, 2)
		wantStands(t, enter(t, s, 2), 1, 3)
		let, waiting, err := s.Admit(ctx, area, 3, 9)
		if err != nil || len(let) != 0 || waiting["standard"] != 3 {
			t.Fatalf("let in before things have settled: %v, %v, %v", let, waiting, err)
		}
		clock.Add(3000)
		if let, waiting, err = s.Admit(ctx, area, 3, 9); err != nil || len(let) != 1 || let[0].Player != 2 || waiting["standard"] != 2 {
			t.Fatalf("let in: %v, %v, %v", let, waiting, err)
		}
	})
}

func TestLoss(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(t, stores, Config{Capacity: 1})
		if err := s.Redeem(ctx, area, 1, wantPass(t, enter(t, s, 1)), worldA); err != nil {
			t.Fatal(err)
		}
		wantStands(t, enter(t, s, 2), 1, 1)
		if err := stores.Redis().Del(ctx, s.keys(area)...).Err(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Admit(ctx, area, 1, 9); !errors.Is(err, ErrLost) {
			t.Fatalf("admit after the loss: %v", err)
		}
		if err := s.Open(ctx, area, 1, true); err != nil {
			t.Fatal(err)
		}
		wantStands(t, enter(t, s, 2), 1, 1)
		clock.Add(14_999)
		wantPlayers(t, "let in before worlds have reported", admit(t, s, 9))
		report(t, s, worldA, []api.PlayerID{1}, nil)
		clock.Add(1)
		wantPlayers(t, "let in while full", admit(t, s, 9))
		report(t, s, worldA, nil, []api.PlayerID{1})
		wantPlayers(t, "let in then", admit(t, s, 9), 2)
	})
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, _ := newStore(t, stores, Config{Capacity: 1})
		var ops []Op
		var want []api.PlayerID
		for p := range 300 {
			ops = append(ops, Op{Enter, area, api.PlayerID(p), ""})
			if p > 0 && p%3 != 0 {
				want = append(want, api.PlayerID(p))
			} else if p > 0 {
				ops = append(ops, Op{Leave, area, api.PlayerID(p), ""})
			}
		}
		for i, r := range s.Apply(t.Context(), newest, ops) {
			if r.Err != nil {
				t.Fatalf("op %d: %v", i, r.Err)
			}
		}
		order, err := s.Order(t.Context(), area, "standard")
		if err != nil || !slices.Equal(order, want) {
			t.Fatalf("order %v, %v", order, err)
		}
		inside := make([]api.PlayerID, 1200)
		for i := range inside {
			inside[i] = api.PlayerID(1000 + i)
		}
		if err := s.Report(t.Context(), area, worldB, inside, nil); err != nil {
			t.Fatal(err)
		}
		if n := stores.Redis().ZCard(t.Context(), s.at(area, "places")).Val(); n != 1201 {
			t.Errorf("%d places", n)
		}
		if err := s.Report(t.Context(), area, worldB, inside[:100], inside[100:]); err != nil {
			t.Fatal(err)
		}
		if n := stores.Redis().ZCard(t.Context(), s.at(area, "places")).Val(); n != 101 {
			t.Errorf("%d places", n)
		}
	})
}

// TestStoreRandom compares the store with a plain model of it over random operations.
func TestStoreRandom(t *testing.T) {
	t.Parallel()
	lanes := []Lane{{"standard", 1}, {"priority", 5}, {"vip", 2}}
	for _, cfg := range []Config{{Capacity: 4}, {Capacity: 6, Rate: 2}, {Rate: 1}, {}, {Capacity: 5, Lanes: lanes, Floor: 30}, {Capacity: 3, Lanes: lanes[:1]}} {
		t.Run(fmt.Sprintf("capacity %d rate %d lanes %d", cfg.Capacity, cfg.Rate, len(cfg.Lanes)), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, stores *store.Stores) { random(t, stores, cfg.WithDefaults()) })
		})
	}
}

// A model is the queue in plain Go: slow, and easy to see through.
type model struct {
	admission string
	cfg       Config
	now       int64
	number    int64
	people    map[api.PlayerID]*person
	filled    int64
	tokens    float64
	hold      int64
	served    int64            // how much all lanes together were served
	next      map[string]int64 // when a lane is served again, on that clock
}

type person struct {
	number  int64 // 0: none
	lane    string
	here    bool  // waits and is connected
	away    int64 // until when the number is kept
	place   int64 // until when
	pass    string
	passEnd int64
	world   id.Node // 0: outside
}

func (m *model) of(p api.PlayerID) *person {
	x := m.people[p]
	if x == nil {
		x = &person{}
		m.people[p] = x
	}
	if x.place <= m.now {
		x.place, x.pass, x.world = 0, "", 0
	}
	if x.passEnd <= m.now {
		x.pass = ""
	}
	if !x.here && x.away <= m.now {
		x.number = 0
	}
	return x
}

func (m *model) used() (n int) {
	for p := range m.people {
		if m.of(p).place > 0 {
			n++
		}
	}
	return n
}

func (m *model) waiting(lane string) []api.PlayerID {
	out := []api.PlayerID{}
	for p, x := range m.people {
		if x.here && x.lane == lane {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b api.PlayerID) int { return int(m.people[a].number - m.people[b].number) })
	return out
}

// first takes the first n off the lanes, in the order in which they are let in.
func (m *model) first(n int) []api.PlayerID {
	out := []api.PlayerID{}
	queues := map[string][]api.PlayerID{}
	for _, lane := range m.cfg.Lanes {
		queues[lane.Name] = m.waiting(lane.Name)
	}
	for len(out) < n {
		best, at := "", int64(math.MaxInt64)
		for _, lane := range m.cfg.Lanes {
			if start := max(m.next[lane.Name], m.served); len(queues[lane.Name]) > 0 && start < at {
				best, at = lane.Name, start
			}
		}
		if best == "" {
			return out
		}
		for i, lane := range m.cfg.Lanes {
			if lane.Name == best {
				m.served, m.next[best] = at, at+int64(math.Round(1_000_000/m.cfg.shares()[i]))
			}
		}
		out, queues[best] = append(out, queues[best][0]), queues[best][1:]
	}
	return out
}

func (m *model) allowed(want int) int {
	if m.admission != api.AdmissionOpen && m.admission != api.AdmissionDraining || m.hold > m.now {
		return 0
	}
	if m.cfg.Capacity > 0 {
		want = min(want, m.cfg.Capacity-m.used())
	}
	if m.cfg.Rate > 0 {
		m.tokens = min(float64(m.cfg.Rate), m.tokens+float64(m.now-m.filled)*float64(m.cfg.Rate)/1000)
		m.filled = m.now
		want = min(want, int(math.Floor(m.tokens+0.0005)))
	}
	return max(0, want)
}

// grant notes what the store says it gave.
func (m *model) grant(t *testing.T, p api.PlayerID, pass string) {
	t.Helper()
	x := m.of(p)
	if pass == "" || x.pass != "" && x.pass != pass {
		t.Fatalf("player %v got pass %q, and has %q", p, pass, x.pass)
	}
	if x.pass == "" {
		x.pass, x.passEnd = pass, m.now+m.cfg.PassTTL.Milliseconds()
		x.place = max(x.place, x.passEnd)
	}
	x.number, x.here = 0, false
}

func random(t *testing.T, stores *store.Stores, cfg Config) {
	ctx := t.Context()
	s, clock := newStore(t, stores, cfg)
	rnd := rand.New(rand.NewPCG(uint64(cfg.Capacity), uint64(cfg.Rate)))
	m := &model{cfg: cfg, now: noon, people: map[api.PlayerID]*person{}, admission: api.AdmissionOpen, next: map[string]int64{}}
	everybody := func() (all int) {
		for _, lane := range cfg.Lanes {
			all += len(m.waiting(lane.Name))
		}
		return all
	}
	s.Follow(func(api.Area) Limits { return Limits{Capacity: cfg.Capacity, Rate: cfg.Rate, Admission: m.admission} })
	closed := 0
	epoch := uint64(1)
	admitted, redeemed := 0, 0

	for step := range 1500 {
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("step %d: "+format, append([]any{step}, args...)...)
		}
		p := api.PlayerID(1 + rnd.IntN(12))
		x := m.of(p)
		switch rnd.IntN(13) {
		case 12:
			if rnd.IntN(3) == 0 {
				m.admission = []string{api.AdmissionOpen, api.AdmissionOpen, api.AdmissionPaused, api.AdmissionClosed, api.AdmissionDraining}[rnd.IntN(5)]
			}
		case 0, 1, 2, 3:
			kind := []OpKind{Enter, Enter, Enter, Restore}[rnd.IntN(4)]
			lane := cfg.Lanes[rnd.IntN(len(cfg.Lanes))].Name
			asked := lane
			if rnd.IntN(4) == 0 {
				lane, asked = cfg.Lanes[0].Name, []string{"", "no-such"}[rnd.IntN(2)]
			}
			r := s.Apply(ctx, newest, []Op{{kind, area, p, asked}})[0]
			if refuses := m.admission == api.AdmissionClosed || m.admission == api.AdmissionDraining; kind == Enter && refuses && x.place == 0 && x.number == 0 {
				if !errors.Is(r.Err, ErrClosed) {
					fail("enter of a new one while closed: %+v", r)
				}
				closed++
				continue
			}
			if r.Err != nil {
				fail("enter: %v", r.Err)
			}
			got := r.Status
			switch {
			case x.place > 0:
				if got.Pass == "" || got.Fresh {
					fail("enter of one who has a place: %+v", got)
				}
				m.grant(t, p, got.Pass)
			case !x.here && everybody() == 0 && m.allowed(1) > 0:
				if x.number > 0 {
					lane = x.lane
				}
				if got.Pass == "" || !got.Fresh || got.Lane != lane {
					fail("enter with room, and nobody waiting: %+v", got)
				}
				m.tokens--
				m.grant(t, p, got.Pass)
				admitted++
			default:
				if x.number == 0 {
					m.number++
					x.number, x.lane = m.number, lane
				}
				x.here = true
				order := m.waiting(x.lane)
				want := Status{Lane: x.lane, Position: slices.Index(order, p) + 1, Waiting: len(order), Number: x.number}
				if got != want {
					fail("enter: %+v, want %+v", got, want)
				}
			}
		case 4:
			apply(t, s, Drop, p)
			if x.here {
				x.here, x.away = false, m.now+cfg.Grace.Milliseconds()
			}
		case 5:
			if rnd.IntN(2) > 0 {
				continue
			}
			apply(t, s, Leave, p)
			x.number, x.here = 0, false
			if x.pass != "" {
				x.pass = ""
				if x.world == 0 {
					x.place = 0
				}
			}
		case 6, 7:
			n := 1 + rnd.IntN(5)
			let, waiting, err := s.Admit(ctx, area, epoch, n)
			if err != nil {
				fail("admit: %v", err)
			}
			if all := everybody(); all > 0 {
				n = min(m.allowed(n), all)
			} else {
				n = 0
			}
			order := m.first(n)
			if len(let) != n {
				fail("let %v in, want %v", let, order)
			}
			for i, a := range let {
				if a.Player != order[i] || a.Lane != m.people[a.Player].lane {
					fail("let in %v, want %v", let, order)
				}
				m.grant(t, a.Player, a.Pass)
				admitted++
			}
			for _, lane := range cfg.Lanes {
				if waiting[lane.Name] != len(m.waiting(lane.Name)) {
					fail("%v wait", waiting)
				}
			}
			m.tokens -= float64(n)
		case 8:
			pass, world := x.pass, worldA+id.Node(rnd.IntN(2))
			if pass == "" {
				pass = "none"
			}
			if err := s.Redeem(ctx, area, p, pass, world); (err == nil) != (x.pass != "") {
				fail("redeem: %v; the pass was %q", err, x.pass)
			}
			if x.pass != "" {
				x.pass, x.world = "", world
				x.place = max(x.place, m.now+cfg.Grace.Milliseconds())
				redeemed++
			}
		case 9:
			world := worldA + id.Node(rnd.IntN(2))
			var inside, left []api.PlayerID
			for q := range m.people {
				y := m.of(q)
				switch {
				case y.world == world && rnd.IntN(4) > 0:
					inside = append(inside, q)
					y.place = max(y.place, m.now+cfg.Grace.Milliseconds())
				case y.world == world && rnd.IntN(2) > 0:
					left = append(left, q)
					y.world, y.place = 0, 0
					if y.pass != "" {
						y.place = y.passEnd
					}
				case rnd.IntN(8) == 0:
					if y.world != world {
						left = append(left, q) // old news
					}
				}
			}
			if err := s.Report(ctx, area, world, inside, left); err != nil {
				fail("report: %v", err)
			}
		case 10:
			clock.Add(rnd.Int64N(20_000))
			m.now = clock.Load()
		case 11:
			if rnd.IntN(10) > 0 {
				continue
			}
			epoch++
			if err := s.Open(ctx, area, epoch, false); err != nil {
				fail("open: %v", err)
			}
			someone := false
			for q := range m.people {
				y := m.of(q)
				if y.here {
					y.here, y.away = false, m.now+cfg.Grace.Milliseconds()
				}
				someone = someone || y.number > 0
			}
			if someone {
				m.hold = m.now + cfg.Settle.Milliseconds()
			}
		}
		if n := m.used(); cfg.Capacity > 0 && n > cfg.Capacity {
			fail("%d places of %d", n, cfg.Capacity)
		}
		for _, lane := range cfg.Lanes {
			order, err := s.Order(ctx, area, lane.Name)
			if want := m.waiting(lane.Name); err != nil || !slices.Equal(order, want) && len(order)+len(want) > 0 {
				fail("order of %s %v, %v; want %v", lane.Name, order, err, want)
			}
		}
		if step%20 == 0 {
			n, err := stores.Redis().ZCount(ctx, s.at(area, "places"), fmt.Sprintf("(%d", m.now), "+inf").Result()
			if err != nil || int(n) != m.used() {
				fail("%d places are taken, %v; want %d", n, err, m.used())
			}
		}
	}
	if admitted < 10 || redeemed < 3 || closed < 5 {
		t.Errorf("only %d admitted, %d redeemed, %d refused: the test does not test", admitted, redeemed, closed)
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var p pace
	if p.eta(10, now) != 0 {
		t.Error("an ETA out of nothing")
	}
	for range 120 { // 5 a second for a minute
		now = now.Add(500 * time.Millisecond)
		p.add(5, now.Add(-500*time.Millisecond))
		p.add(0, now)
	}
	steady := p.eta(100, now)
	if steady < 9*time.Second || steady > 11*time.Second {
		t.Errorf("100 to go at 10 a second: %v", steady)
	}
	if later := p.eta(100, now.Add(time.Minute)); later <= 2*steady {
		t.Errorf("after a minute without anybody let in: %v", later)
	}
	if p.eta(100, now.Add(1000*time.Hour)) != 24*time.Hour {
		t.Error("an ETA beyond all bounds")
	}
}

// TestLost has nobody get in by an enter that comes after Redis has lost its memory, and before anybody has noticed: who is inside is not known.
func TestLost(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, _ := newStore(t, stores, quick(1))
		enter(t, s, 1)
		if err := stores.Redis().Del(t.Context(), s.keys(area)...).Err(); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []OpKind{Enter, Leave, Drop} {
			if r := s.Apply(t.Context(), 1, []Op{{kind, area, 2, ""}})[0]; !errors.Is(r.Err, ErrLost) {
				t.Errorf("op %d: %+v", kind, r)
			}
		}
		if err := s.Open(t.Context(), area, 1, true); err != nil {
			t.Fatal(err)
		}
		if got := enter(t, s, 2); got.Pass != "" {
			t.Errorf("let in before worlds have reported: %+v", got)
		}
	})
}

// TestRead reads how a queue is: what is over counts no more, and nothing changes by it.
func TestRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(t, stores, Config{Capacity: 2, Rate: 5})
		read := func(player api.PlayerID) *pb.QueueFigures {
			t.Helper()
			f, err := s.Read(t.Context(), area, player)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		want := func(what string, got, want *pb.QueueFigures) {
			t.Helper()
			want.Admission, want.Capacity, want.Rate = api.AdmissionOpen, 2, 5
			want.Lanes = []*pb.QueueLane{{Name: "standard", Share: 0.5, Waiting: want.GetWaiting()}, {Name: "priority", Share: 0.5}}
			switch {
			case want.GetHoldMs() > 0:
				want.Held = "those who wait or are inside have time to come back, after a takeover or a loss"
			case want.GetPlaces() == 2:
				want.Held = "all places are taken"
			}
			if want.GetPosition() > 0 {
				want.PlayerLane = "standard"
			}
			if !proto.Equal(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		want("at first", read(1), &pb.QueueFigures{})
		if err := s.Redeem(t.Context(), area, 1, wantPass(t, enter(t, s, 1)), worldA); err != nil {
			t.Fatal(err)
		}
		for p := range api.PlayerID(4) {
			enter(t, s, 2+p)
		}
		want("of one inside", read(1), &pb.QueueFigures{Waiting: 3, Places: 2, Passes: 1, PlayerPlaced: true})
		want("of one with a pass", read(2), &pb.QueueFigures{Waiting: 3, Places: 2, Passes: 1, PlayerPlaced: true})
		apply(t, s, Drop, 3)
		want("of one who is away", read(3), &pb.QueueFigures{Waiting: 2, Away: 1, Places: 2, Passes: 1, PlayerAway: true})
		want("of the last", read(5), &pb.QueueFigures{Waiting: 2, Away: 1, Places: 2, Passes: 1, Position: 2})
		clock.Add(60_000)
		want("much later", read(3), &pb.QueueFigures{Waiting: 2, Passes: 1})
		wantPlayers(t, "let in", admit(t, s, 1), 4)
		if err := s.Open(t.Context(), area, 2, false); err != nil {
			t.Fatal(err)
		}
		want("after a takeover", read(0), &pb.QueueFigures{Away: 1, Places: 1, Passes: 1, HoldMs: 3000})
	})
}

// TestLimitsChange raises and lowers what fits while players wait, in one area and not in another.
func TestLimitsChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, _ := newStore(t, stores, quick(1))
		limits := map[api.Area]Limits{area: {Capacity: 1}, area + 1: {Capacity: 2}}
		s.Follow(func(a api.Area) Limits { return limits[a] })
		for a := range limits {
			if err := s.Open(t.Context(), a, 1, false); err != nil {
				t.Fatal(err)
			}
		}
		enter(t, s, 1)
		for p := range api.PlayerID(6) {
			enter(t, s, 2+p)
		}
		wantPlayers(t, "with room for one", admit(t, s, 10))
		limits[area] = Limits{Capacity: 4}
		wantPlayers(t, "with room for four", admit(t, s, 10), 2, 3, 4)
		limits[area] = Limits{Capacity: 2} // fewer than are inside
		wantPlayers(t, "with room for two", admit(t, s, 10))
		limits[area] = Limits{Capacity: 0, Rate: 2}
		wantPlayers(t, "two a second", admit(t, s, 10), 5, 6)
		limits[area] = Limits{}
		wantPlayers(t, "without a limit", admit(t, s, 10), 7)
		for p, pass := range []bool{true, true, false} {
			r := s.Apply(t.Context(), newest, []Op{{Enter, area + 1, api.PlayerID(20 + p), ""}})[0]
			if r.Err != nil || (r.Status.Pass != "") != pass {
				t.Errorf("the other area: player %d gets %+v", p, r)
			}
		}
	})
}

// TestAdmission pauses and closes an area: those who wait keep their places, also over a drop, a takeover and a loss; those inside come back.
func TestAdmission(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(t, stores, Config{})
		limits := Limits{}
		s.Follow(func(api.Area) Limits { return limits })
		pass := wantPass(t, enter(t, s, 1))
		refused := func(p api.PlayerID) {
			t.Helper()
			if r := s.Apply(t.Context(), newest, []Op{{Enter, area, p, ""}})[0]; !errors.Is(r.Err, ErrClosed) {
				t.Fatalf("player %d gets %+v, want %v", p, r, ErrClosed)
			}
		}

		limits.Admission = api.AdmissionPaused
		wantStands(t, enter(t, s, 2), 1, 1)
		wantStands(t, enter(t, s, 3), 2, 2)
		wantPlayers(t, "let in while paused", admit(t, s, 9))

		limits.Admission = api.AdmissionClosed
		refused(4)
		wantPlayers(t, "let in while closed", admit(t, s, 9))
		if again := enter(t, s, 1); again.Pass != pass {
			t.Fatalf("who has a place gets %+v", again)
		}
		apply(t, s, Drop, 2)
		wantStands(t, enter(t, s, 2), 1, 2)
		if err := s.Open(t.Context(), area, 2, false); err != nil {
			t.Fatal(err)
		}
		wantStands(t, enter(t, s, 2), 1, 1)
		wantStands(t, enter(t, s, 3), 2, 2)

		if err := stores.Redis().Del(t.Context(), s.keys(area)...).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Open(t.Context(), area, 3, true); err != nil {
			t.Fatal(err)
		}
		refused(2)
		wantStands(t, apply(t, s, Restore, 2), 1, 1)
		wantStands(t, apply(t, s, Restore, 3), 2, 2)

		limits.Admission, limits.Held = api.AdmissionDraining, "the gates"
		refused(9)
		if let, _, err := s.Admit(t.Context(), area, 3, 9); err != nil || len(let) > 0 {
			t.Fatalf("let in while held: %v, %v", let, err)
		}
		limits.Held = ""

		limits.Admission = "ajar"
		refused(9)
		if let, _, err := s.Admit(t.Context(), area, 3, 9); err != nil || len(let) > 0 {
			t.Fatalf("let in under a word that nobody knows: %v, %v", let, err)
		}
		limits.Admission = api.AdmissionDraining
		refused(9)
		clock.Add(s.cfg.Settle.Milliseconds() + s.cfg.Rebuild.Milliseconds())
		let, _, err := s.Admit(t.Context(), area, 3, 9)
		if err != nil || len(let) != 2 || let[0].Player != 2 || let[1].Player != 3 {
			t.Fatalf("let in once those who wait are to be: %v, %v", let, err)
		}
		refused(9)
		limits.Admission = api.AdmissionOpen
		wantPass(t, enter(t, s, 9))
	})
}
