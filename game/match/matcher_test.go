package match

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

// A world is the zones and the owners of players that several match nodes share in a test.
type world struct {
	t  testing.TB
	mu sync.Mutex

	zones     []id.Node                                           // those that are ready
	proposed  func(m Match, p api.PlayerID, within time.Duration) // nil: nobody is asked
	news      []news
	rooms     map[id.Node]map[api.MatchID]Group
	created   map[api.MatchID]bool   // also of rooms that died with their zone
	seats     map[string]api.MatchID // room:seat that was open -> the fill that has it; 0: still open
	matched   map[api.TicketID]api.MatchID
	unmatched map[api.TicketID]string
	refuse    func(what string) error // nil: nothing fails; called with mu held
	after     func(what string) error // likewise, when the effect is there already
}

func newWorld(t testing.TB, zones ...id.Node) *world {
	return &world{
		t: t, zones: zones, rooms: map[id.Node]map[api.MatchID]Group{}, created: map[api.MatchID]bool{}, seats: map[string]api.MatchID{},
		matched: map[api.TicketID]api.MatchID{}, unmatched: map[api.TicketID]string{},
		refuse: func(string) error { return nil }, after: func(string) error { return nil },
	}
}

func (w *world) Pick(api.Area) (id.Node, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.zones) == 0 {
		return 0, false
	}
	return w.zones[rand.IntN(len(w.zones))], true
}

func (w *world) Alive(zone id.Node) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.zones, zone)
}

func (w *world) do(ctx context.Context, what string, effect func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.refuse(what); err != nil {
		return err
	}
	if err := effect(); err != nil {
		return err
	}
	return w.after(what)
}

func (w *world) HasRoom(ctx context.Context, m Match) (has bool, err error) {
	err = w.do(ctx, "look", func() error {
		_, has = w.rooms[m.Zone][m.ID]
		return nil
	})
	return has, err
}

func (w *world) CreateRoom(ctx context.Context, m Match) error {
	return w.do(ctx, "room", func() error {
		if !slices.Contains(w.zones, m.Zone) {
			return fault.New(fault.Unavailable, "no such zone")
		}
		if w.rooms[m.Zone] == nil {
			w.rooms[m.Zone] = map[api.MatchID]Group{}
		}
		w.rooms[m.Zone][m.ID] = m.Tickets
		w.created[m.ID] = true
		return nil
	})
}

func seatOf(p Place) string { return fmt.Sprintf("%d:%d", p.Room, p.Seat) }

func (w *world) FillSeat(ctx context.Context, m Match) (seated []int64, err error) {
	err = w.do(ctx, "seat", func() error {
		if !slices.Contains(w.zones, m.Zone) {
			return fault.New(fault.Unavailable, "no such zone")
		}
		switch by, open := w.seats[seatOf(m.Place)]; {
		case !open || by != 0 && by != m.ID:
			return fault.New(fault.FailedPrecondition, "the seat is not open")
		default:
			w.seats[seatOf(m.Place)] = m.ID
			w.created[m.ID] = true
			seated = []int64{1, int64(m.Tickets[0].Player)}
			return nil
		}
	})
	return seated, err
}

func (w *world) Proposed(ctx context.Context, m Match, t Ticket, within time.Duration) error {
	return w.do(ctx, "proposed", func() error {
		if w.proposed == nil {
			w.t.Errorf("player %v is asked about match %v", t.Player, m.ID)
			return nil
		}
		w.proposed(m, t.Player, within)
		return nil
	})
}

func (w *world) Ready(ctx context.Context, player api.PlayerID) (int32, error) {
	return int32(100 * player), w.do(ctx, "ready", func() error { return nil })
}

func (w *world) News(ctx context.Context, n news) error {
	return w.do(ctx, "news", func() error {
		w.news = append(w.news, n)
		return nil
	})
}

func (w *world) Matched(ctx context.Context, m Match, t Ticket) error {
	return w.do(ctx, "matched", func() error {
		if other, ok := w.matched[t.ID]; ok && other != m.ID {
			w.t.Errorf("ticket %v is told of match %v, and was told of %v", t.ID, m.ID, other)
		}
		if !w.created[m.ID] {
			w.t.Errorf("match %v is told before it has its room", m.ID)
		}
		if m.fill() && w.seats[seatOf(m.Place)] != m.ID {
			w.t.Errorf("ticket %v is told of a seat that fill %v has", t.ID, w.seats[seatOf(m.Place)])
		}
		if m.fill() && !slices.Equal(m.players(), []int64{1, int64(t.Player)}) {
			w.t.Errorf("ticket %v is told that %v have seats", t.ID, m.players())
		}
		w.matched[t.ID] = m.ID
		return nil
	})
}

func (w *world) Unmatched(ctx context.Context, t Ticket, reason string) error {
	return w.do(ctx, "unmatched", func() error {
		w.unmatched[t.ID] = reason
		return nil
	})
}

func testConfig() Config {
	return Config{
		Modes: map[string]Mode{"arena": {Players: 4, Patience: time.Second, Window: 1000}},
		Lease: 300 * time.Millisecond, // for what is done in the test's own time; Redis has another clock
	}.WithDefaults()
}

var nodes atomic.Uint32

// newNode is a matcher with its assigner, whose steps the test makes itself.
func newNode(t testing.TB, s *Store, w mesh, cfg Config, self string) (*matcher, *assigner) {
	stats := newStats()
	log := slog.New(slog.DiscardHandler)
	work := newAssigner(cfg, s, w, log, stats)
	ids := id.NewGenerator(id.Node(1+nodes.Add(1)%1000), nil) // no two at a time with the same: they would give the same ids within a millisecond
	return &matcher{
		pool: arena, mode: cfg.Modes[arena.Mode], cfg: cfg, self: self, store: s, mesh: w, work: work, ids: ids.Next,
		log: log, stats: stats.pool(arena),
	}, work
}

func mustStep(t testing.TB, m *matcher) {
	t.Helper()
	if err := m.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.work.running.Wait()
}

func TestPass(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(stores)
		w := newWorld(t)
		m, work := newNode(t, s, w, testConfig(), "a")
		defer work.cut()
		mustJoin(t, s, arena, ticket(1), ticket(2), ticket(3), ticket(4), ticket(5))

		mustStep(t, m)
		if len(w.matched) != 0 {
			t.Fatal("matched without a zone")
		}
		w.zones = []id.Node{40, 41}
		mustStep(t, m)
		if len(w.matched) != 4 || w.matched[5] != 0 {
			t.Fatalf("matched: %v", w.matched)
		}
		mustJoin(t, s, arena, Ticket{ID: 6, Player: ticket(1).Player, Rating: 1}) // his match is told and done
		clock.Add(999)
		mustStep(t, m)
		if len(w.matched) != 4 {
			t.Fatalf("two were matched before their patience was over: %v", w.matched)
		}
		clock.Add(1)
		mustStep(t, m)
		if w.matched[5] == 0 || w.matched[5] != w.matched[6] {
			t.Fatalf("the two that were left are not together: %v", w.matched)
		}
	})
}

func TestPassFindsCancelled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(stores)
		w := newWorld(t)
		m, work := newNode(t, s, w, testConfig(), "a")
		defer work.cut()
		mustJoin(t, s, arena, ticket(1), ticket(2), ticket(3), ticket(4))
		mustStep(t, m) // it knows all four
		if won, err := s.Cancel(t.Context(), arena.Area, ticket(3).Player, 3); !won || err != nil {
			t.Fatal(won, err)
		}
		w.zones = []id.Node{40}
		mustStep(t, m)
		if len(w.matched) != 0 {
			t.Fatalf("matched with one who had cancelled: %v", w.matched)
		}
		clock.Add(2000)
		mustStep(t, m)
		if len(w.matched) != 3 || w.matched[3] != 0 || len(w.unmatched) != 0 {
			t.Fatalf("matched %v, unmatched %v", w.matched, w.unmatched)
		}
	})
}

func TestPassExpires(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(stores)
		w := newWorld(t, 40)
		cfg := testConfig()
		m, work := newNode(t, s, w, cfg, "a")
		defer work.cut()
		mustJoin(t, s, arena, ticket(1))
		clock.Add(cfg.TicketTTL.Milliseconds())
		mustStep(t, m)
		if len(w.unmatched) != 0 {
			t.Fatalf("given up too early: %v", w.unmatched)
		}
		clock.Add(1)
		mustStep(t, m)
		if w.unmatched[1] != reasonExpired {
			t.Fatalf("unmatched: %v", w.unmatched)
		}
		if won, err := s.Cancel(t.Context(), arena.Area, ticket(1).Player, 1); !won || err != nil {
			t.Fatalf("cancel of an expired ticket: %v, %v", won, err)
		}
	})
}

func TestRedisLosesThePool(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, _ := newStore(stores)
		w := newWorld(t, 40)
		m, work := newNode(t, s, w, testConfig(), "a")
		defer work.cut()
		mustJoin(t, s, arena, ticket(1), ticket(2))
		mustStep(t, m)
		for _, key := range []string{"tickets", "sequence", "pool:arena", "lead:arena"} {
			if err := stores.Redis().Del(t.Context(), s.at(arena.Area, key)).Err(); err != nil {
				t.Fatal(err)
			}
		}
		mustJoin(t, s, arena, ticket(3))
		mustStep(t, m)
		if w.unmatched[1] != reasonLost || w.unmatched[2] != reasonLost || len(w.unmatched) != 2 {
			t.Fatalf("unmatched: %v", w.unmatched)
		}
		if len(m.picture.tickets) != 1 {
			t.Fatalf("known: %v", m.picture.tickets)
		}
	})
}

func TestAssignment(t *testing.T) {
	t.Parallel()
	unavailable, lost := fault.New(fault.Unavailable, "no"), fault.New(fault.Lost, "cut")
	for _, c := range []struct {
		name string
		// how often which call fails, before and after its effect
		refuse, after map[string][]error
		rooms         int
		matched       int
		waiting       int
	}{
		{name: "all is well", rooms: 1, matched: 4},
		{name: "the zone refuses", refuse: map[string][]error{"room": {unavailable}}, waiting: 4},
		{name: "the answer is lost", after: map[string][]error{"room": {lost}}, rooms: 1, matched: 4},
		{name: "the request is lost", refuse: map[string][]error{"room": {lost, lost}}, rooms: 1, matched: 4},
		{name: "owners change", refuse: map[string][]error{"matched": {unavailable, fault.New(fault.NotOwner, "moved"), lost}}, rooms: 1, matched: 4},
		{name: "owners are forgotten until leases are renewed", refuse: map[string][]error{"matched": slices.Repeat([]error{fault.New(fault.NotOwner, "nobody")}, 20)}, rooms: 1, matched: 4},
		{name: "an owner says no", refuse: map[string][]error{"matched": {fault.New(fault.FailedPrecondition, "he plays")}}, rooms: 1, matched: 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(storetest.Embedded(t))
			w := newWorld(t, 40)
			next := func(plan map[string][]error) func(string) error {
				return func(what string) error {
					if len(plan[what]) == 0 {
						return nil
					}
					err := plan[what][0]
					plan[what] = plan[what][1:]
					return err
				}
			}
			w.refuse, w.after = next(c.refuse), next(c.after)
			m, work := newNode(t, s, w, testConfig(), "a")
			defer work.cut()
			mustJoin(t, s, arena, ticket(1), ticket(2), ticket(3), ticket(4))
			mustStep(t, m)
			if got := mustPollAs(t, s, "a").Size; len(w.rooms[40]) != c.rooms || len(w.matched) != c.matched || got != c.waiting {
				t.Errorf("%d rooms, %d matched, %d waiting; want %d, %d, %d", len(w.rooms[40]), len(w.matched), got, c.rooms, c.matched, c.waiting)
			}
			if work.free != work.cfg.Assignments {
				t.Errorf("%d of %d assignments are free again", work.free, work.cfg.Assignments)
			}
			if c.waiting > 0 {
				mustStep(t, m)
				if len(w.matched) != 4 {
					t.Errorf("tickets that were put back are not matched: %v", w.matched)
				}
			}
		})
	}
}

func mustPollAs(t testing.TB, s *Store, self string) Poll {
	t.Helper()
	p, err := s.Poll(t.Context(), arena, self, time.Minute, 0)
	if err != nil || !p.Leading {
		t.Fatalf("poll: %+v, %v", p, err)
	}
	return p
}

func TestRecover(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		committed       bool
		room            bool // the zone has it
		zone            id.Node
		age             time.Duration
		matched, waits  int
		unmatchedReason string
	}{
		{name: "claimed", zone: 40, age: time.Second, matched: 4},
		{name: "claimed, and the zone is gone", zone: 41, age: time.Second, waits: 4},
		{name: "claimed long ago", zone: 40, age: time.Hour, waits: 4},
		{name: "made", committed: true, room: true, zone: 40, age: time.Second, matched: 4},
		{name: "made, and the zone is gone", committed: true, zone: 41, age: time.Second, unmatchedReason: reasonAbandoned},
		{name: "made, and the zone has come back without the room", committed: true, zone: 40, age: time.Second, unmatchedReason: reasonAbandoned},
		{name: "made long ago", committed: true, room: true, zone: 40, age: time.Hour, unmatchedReason: reasonAbandoned},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, clock := newStore(storetest.Embedded(t))
			w := newWorld(t, 40)
			mustJoin(t, s, arena, ticket(1), ticket(2), ticket(3), ticket(4))
			m := match(9, arena, mustPoll(t, s, arena, 0).Tickets...)
			m.Zone = c.zone
			mustClaim(t, s, m)
			if c.committed {
				w.created[9] = true
				if c.room {
					w.rooms[c.zone] = map[api.MatchID]Group{9: m.Tickets}
				}
				if err := s.Commit(t.Context(), m, time.Second); err != nil {
					t.Fatal(err)
				}
			}
			clock.Add(c.age.Milliseconds())
			cfg := testConfig()
			cfg.Abandon = time.Minute
			_, work := newNode(t, s, w, cfg, "heir")
			defer work.cut()
			// Whatever is due by then.
			clock.Add(10_000)
			taken, now, err := s.TakeOver(t.Context(), arena.Area, "heir", time.Second, work.reserve(1))
			if err != nil || len(taken) != 1 {
				t.Fatal(taken, err)
			}
			work.recover(taken[0], now)
			work.running.Wait()
			if got := mustPoll(t, s, arena, 0).Size; got != c.waits || len(w.matched) != c.matched || w.unmatched[1] != c.unmatchedReason {
				t.Errorf("%d wait, %d matched, unmatched %v", got, len(w.matched), w.unmatched)
			}
			if work.free != cfg.Assignments {
				t.Errorf("%d of %d assignments are free again", work.free, cfg.Assignments)
			}
		})
	}
}

// absent is a node's way to the mesh on which a player has no owner until he is back.
type absent struct {
	mesh
	who  api.PlayerID
	back chan struct{}
	told chan api.PlayerID // of a match

	work *assigner
	once sync.Once
	late chan struct{} // closed when he is being told late
}

func (a *absent) Matched(ctx context.Context, m Match, t Ticket) error {
	if t.Player == a.who {
		select {
		case <-a.back:
		default:
			a.work.mu.Lock()
			defer a.work.mu.Unlock()
			if a.work.late > 0 {
				a.once.Do(func() { close(a.late) })
			}
			return fault.New(fault.NotOwner, "nobody")
		}
	}
	a.told <- t.Player
	return a.mesh.Matched(ctx, m, t)
}

// TestTicketOfWhoIsToldLate has a match whose others play, and even wait for the next one, before the last has an owner again who can be told.
func TestTicketOfWhoIsToldLate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		stops   bool // the node, while it tells him
		abandon time.Duration
	}{
		{name: "by the node that made the match"},
		{name: "by the one that took it over", stops: true, abandon: time.Hour},
		{name: "by the one that gave it up", stops: true, abandon: time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, stores *store.Stores) {
				s, clock := newStore(stores)
				w := newWorld(t, 40)
				cfg := testConfig()
				cfg.Lease, cfg.Abandon = 3*time.Second, c.abandon
				m, work := newNode(t, s, w, cfg, "a")
				defer work.cut()
				way := &absent{mesh: w, who: ticket(1).Player, back: make(chan struct{}), told: make(chan api.PlayerID, 8), work: work, late: make(chan struct{})}
				work.mesh = way
				mustJoin(t, s, arena, ticket(1), ticket(2), ticket(3), ticket(4))
				if err := m.step(t.Context()); err != nil {
					t.Fatal(err)
				}
				over := make(chan struct{})
				go func(first *assigner) { // work is another's further down
					first.running.Wait()
					close(over)
				}(work)
				select {
				case <-way.late: // then the others may join again
				case <-over:
					t.Fatal("nobody is told late")
				}
				next := func(n int) Ticket { return Ticket{ID: api.TicketID(10 + n), Player: ticket(n).Player} }
				mustJoin(t, s, arena, next(2), next(3))
				if got, err := s.Join(t.Context(), arena, next(1), 0); err != nil || got != 1 {
					t.Errorf("who has not heard joins again: ticket %v, %v", got, err)
				}
				if won, err := s.Cancel(t.Context(), arena.Area, ticket(1).Player, 1); err != nil || won {
					t.Errorf("who has not heard cancels: %v, %v", won, err)
				}
				if c.stops {
					if err := work.stop(t.Context()); err != nil {
						t.Fatal(err)
					}
					clock.Add(cfg.Lease.Milliseconds())
					_, work = newNode(t, s, way, cfg, "heir")
					defer work.cut()
					taken, now, err := s.TakeOver(t.Context(), arena.Area, "heir", cfg.Lease, work.reserve(8))
					if err != nil || len(taken) != 1 {
						t.Fatal(taken, err)
					}
					close(way.back)
					work.recover(taken[0], now)
				} else {
					close(way.back)
				}
				work.running.Wait()
				close(way.told)
				told := map[api.PlayerID]int{}
				for p := range way.told {
					told[p]++
				}
				want := map[api.PlayerID]int{}
				for n := range 4 {
					want[ticket(n+1).Player] = 1
				}
				if c.abandon == time.Second {
					delete(want, way.who)
				}
				if !maps.Equal(told, want) || (c.abandon == time.Second) != (w.unmatched[1] == reasonAbandoned) || len(w.unmatched) > 1 {
					t.Errorf("told of the match: %v, want %v; of its end: %v", told, want, w.unmatched)
				}
				if left, err := unfinished(t, s); err != nil || left != 0 {
					t.Errorf("%d matches were never finished, %v", left, err)
				}
				if got := mustPollAs(t, s, "a"); got.Size != 2 {
					t.Errorf("the others wait again: %v", got.Tickets)
				}
				mustJoin(t, s, arena, next(1))
			})
		})
	}
}

// mortal is a node's way to the mesh that dies, with the node, at one of its calls.
type mortal struct {
	mesh
	mu    sync.Mutex
	calls int // left until death
	late  bool
	die   func()
}

func (m *mortal) call(fn func() error) error {
	m.mu.Lock()
	m.calls--
	dies := m.calls == 0
	m.mu.Unlock()
	if !dies {
		return fn()
	}
	if m.late {
		_ = fn() // the effect is there; nobody learns of it
	}
	m.die()
	return errors.New("dead")
}

func (m *mortal) CreateRoom(ctx context.Context, match Match) error {
	return m.call(func() error { return m.mesh.CreateRoom(ctx, match) })
}

func (m *mortal) FillSeat(ctx context.Context, match Match) (seated []int64, err error) {
	err = m.call(func() error {
		seated, err = m.mesh.FillSeat(ctx, match)
		return err
	})
	return seated, err
}

func (m *mortal) Matched(ctx context.Context, match Match, t Ticket) error {
	return m.call(func() error { return m.mesh.Matched(ctx, match, t) })
}

// TestNodesDie runs generations of match nodes over one Redis, all of which think that they lead and die at random moments, while zones come and go and players
// join and cancel. No ticket may be told of two matches, or of one after its cancel has won, and in the end everybody is in a match.
func TestNodesDie(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(stores)
		w := newWorld(t, 40, 41)
		cfg := testConfig()
		cfg.Abandon, cfg.Lease = time.Hour, 5*time.Second // enough to tell everybody, on a busy machine too
		mode := cfg.Modes[arena.Mode]
		mode.Backfill = true
		cfg.Modes[arena.Mode] = mode
		rnd := rand.New(rand.NewPCG(5, 6))
		faults := rand.New(rand.NewPCG(7, 8))
		quiet := false
		w.refuse = func(string) error {
			if !quiet && faults.IntN(12) == 0 {
				return fault.New(fault.Unavailable, "not now")
			}
			return nil
		}
		w.after = func(string) error {
			if !quiet && faults.IntN(20) == 0 {
				return fault.New(fault.Lost, "cut")
			}
			return nil
		}

		var wishes []Ticket
		cancelled := map[api.TicketID]bool{}
		died := 0
		generation := func(last bool) {
			var nodes []*matcher
			for range 2 {
				way := &mortal{mesh: w, calls: 1 + rnd.IntN(25), late: rnd.IntN(2) == 0}
				if last {
					way.calls = 0
				}
				m, work := newNode(t, s, way, cfg, "n"+id.Boot(rnd.Uint64()).String())
				way.die = work.cut
				nodes = append(nodes, m)
			}
			for range 4 {
				for range 3 {
					tk := ticket(len(wishes) + 1)
					wishes = append(wishes, tk)
					mustJoin(t, s, arena, tk)
				}
				place := Place{Room: api.MatchID(1 + rnd.IntN(30)), Seat: int32(rnd.IntN(2)), Zone: id.Node(40 + rnd.IntN(2)), Since: clock.Load()}
				w.mu.Lock()
				if _, known := w.seats[seatOf(place)]; !known {
					w.seats[seatOf(place)] = 0
				}
				w.mu.Unlock()
				if err := s.Offer(ctx, arena, []Place{place}, offerLasts); err != nil { // also of seats that are taken
					t.Fatal(err)
				}
				if tk := wishes[rnd.IntN(len(wishes))]; rnd.IntN(2) == 0 {
					won, err := s.Cancel(ctx, arena.Area, tk.Player, tk.ID)
					if err != nil {
						t.Fatal(err)
					}
					if won {
						cancelled[tk.ID] = true
					}
				}
				for _, m := range nodes {
					if m.work.life.Err() != nil {
						continue
					}
					// Whoever comes first leads; the lead is taken from him to have both in the pool at once.
					if err := stores.Redis().Del(ctx, s.at(arena.Area, "lead", arena.Mode)).Err(); err != nil {
						t.Fatal(err)
					}
					if err := m.step(ctx); err != nil {
						t.Fatal(err)
					}
					taken, now, err := s.TakeOver(ctx, arena.Area, m.self, cfg.Lease, m.work.reserve(8))
					if err != nil {
						t.Fatal(err)
					}
					for _, match := range taken {
						m.work.recover(match, now)
					}
				}
				clock.Add(rnd.Int64N(400))
			}
			for _, m := range nodes {
				m.work.running.Wait()
				if m.work.life.Err() != nil {
					died++
				}
				m.work.cut()
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			switch rnd.IntN(4) { // a zone dies with its rooms, or comes back
			case 0:
				w.zones = []id.Node{40}
				delete(w.rooms, 41)
			case 1:
				w.zones = []id.Node{40, 41}
			}
		}
		for range 20 {
			generation(false)
		}
		quiet = true
		for range 3 {
			clock.Add(2000)
			generation(true)
		}
		if died < 5 {
			t.Errorf("only %d nodes died: the test does not test", died)
		}
		fills := 0
		for _, by := range w.seats {
			if by != 0 {
				fills++
			}
		}
		if fills < 10 {
			t.Errorf("only %d seats were filled: the test does not test", fills)
		}
		for id := range cancelled {
			if in, ok := w.matched[id]; ok {
				t.Errorf("ticket %v was cancelled and is in match %v", id, in)
			}
		}
		if err := stores.Redis().Del(ctx, s.at(arena.Area, "lead", arena.Mode)).Err(); err != nil {
			t.Fatal(err)
		}
		last, work := newNode(t, s, w, cfg, "other")
		defer work.cut()
		mustStep(t, last) // those whom the zone would not have on a seat at the very end wait again
		waiting := mustPoll2(t, s, arena, 0).Size
		if waiting >= 4 {
			t.Errorf("%d tickets still wait", waiting)
		}
		if n := stores.Redis().HLen(ctx, s.at(arena.Area, "matches")).Val(); n != 0 {
			t.Errorf("%d matches were never finished", n)
		}
		ended := maps.Clone(w.unmatched) // their zone died
		for id := range w.matched {
			ended[id] = ""
		}
		if len(ended)+len(cancelled)+waiting != len(wishes) {
			t.Errorf("of %d tickets %d came to an end, %d were cancelled, and %d wait", len(wishes), len(ended), len(cancelled), waiting)
		}
	})
}
