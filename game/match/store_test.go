package match

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

// newStore is a Store with a clock of the test's own, in milliseconds.
func newStore(r Redis) (*Store, *atomic.Int64) {
	clock := new(atomic.Int64)
	clock.Store(noon)
	s := NewStore(r)
	s.now = clock.Load
	return s, clock
}

var arena = Pool{Area: 7, Mode: "arena"}

func ticket(n int) Ticket {
	return Ticket{ID: api.TicketID(n), Player: api.PlayerID(1000 + n), Rating: int32(n)}
}

func mustJoin(t testing.TB, s *Store, p Pool, tickets ...Ticket) {
	t.Helper()
	for _, ticket := range tickets {
		if got, err := s.Join(t.Context(), p, ticket, 0); err != nil || got != ticket.ID {
			t.Fatalf("join: ticket %v, %v", got, err)
		}
	}
}

func mustPoll(t testing.TB, s *Store, p Pool, after uint64) Poll {
	t.Helper()
	polled, err := s.Poll(t.Context(), p, "me", time.Minute, after)
	if err != nil {
		t.Fatal(err)
	}
	return polled
}

func mustClaim(t testing.TB, s *Store, m Match) {
	t.Helper()
	missing, err := s.Claim(t.Context(), []Match{m}, 10*time.Second, 0)
	if err != nil || missing[0] != nil {
		t.Fatalf("claim: missing %v, %v", missing, err)
	}
}

func match(n int, p Pool, tickets ...Ticket) Match {
	return Match{Pool: p, ID: api.MatchID(n), Zone: 40, Holder: "me", Tickets: tickets}
}

func TestStoreLife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(stores)
		one, two := ticket(1), ticket(2)
		mustJoin(t, s, arena, one)
		clock.Add(1000)
		mustJoin(t, s, arena, two)

		polled := mustPoll(t, s, arena, 0)
		one.Joined, two.Joined = noon, noon+1000
		if !slices.Equal(polled.Tickets, []Ticket{one, two}) || polled.Size != 2 || polled.Now != noon+1000 || polled.Read != 2 || polled.Last != 2 {
			t.Fatalf("poll: %+v", polled)
		}
		if again := mustPoll(t, s, arena, polled.Read); len(again.Tickets) != 0 || again.Read != 2 {
			t.Fatalf("poll after %d: %+v", polled.Read, again)
		}
		if other, err := s.Poll(ctx, arena, "other", time.Minute, 0); err != nil || other.Leading || other.Tickets != nil {
			t.Fatalf("poll by another: %+v, %v", other, err)
		}
		if err := s.Resign(ctx, arena, "other"); err != nil {
			t.Fatal(err)
		}
		if !mustPoll(t, s, arena, 2).Leading {
			t.Fatal("another node gave my lead up")
		}
		if err := s.Resign(ctx, arena, "me"); err != nil {
			t.Fatal(err)
		}
		if other, err := s.Poll(ctx, arena, "other", time.Minute, 0); err != nil || !other.Leading || len(other.Tickets) != 2 {
			t.Fatalf("poll after the lead was given up: %+v, %v", other, err)
		}

		m := match(1, arena, one, two)
		mustClaim(t, s, m)
		if polled := mustPoll2(t, s, arena, 0); polled.Size != 0 {
			t.Fatalf("claimed tickets still wait: %+v", polled)
		}
		if err := s.Release(ctx, m); err != nil {
			t.Fatal(err)
		}
		if polled := mustPoll2(t, s, arena, 2); !slices.Equal(polled.Tickets, []Ticket{one, two}) || polled.Read != 4 {
			t.Fatalf("released tickets: %+v", polled)
		}
		m.ID = 2
		mustClaim(t, s, m)
		if err := s.Commit(ctx, m, time.Second); err != nil {
			t.Fatal(err)
		}
		if err := s.Release(ctx, m); !errors.Is(err, ErrLost) {
			t.Fatalf("release of a final match: %v", err)
		}
		if err := s.Finish(ctx, m); err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(ctx, m); !errors.Is(err, ErrLost) {
			t.Fatalf("finish twice: %v", err)
		}
		mustJoin(t, s, arena, ticket(3), Ticket{ID: 4, Player: one.Player})
	})
}

// mustPoll2 is mustPoll by another node.
func mustPoll2(t testing.TB, s *Store, p Pool, after uint64) Poll {
	t.Helper()
	polled, err := s.Poll(t.Context(), p, "other", time.Minute, after)
	if err != nil || !polled.Leading {
		t.Fatalf("poll: %+v, %v", polled, err)
	}
	return polled
}

func TestOneTicketAPlayer(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, _ := newStore(stores)
		mustJoin(t, s, arena, ticket(1))
		again := ticket(2)
		again.Player = ticket(1).Player
		check := func(when string) {
			t.Helper()
			if got, err := s.Join(t.Context(), arena, again, 0); err != nil || got != 1 {
				t.Errorf("join again %s: ticket %v, %v", when, got, err)
			}
			if _, err := s.Join(t.Context(), Pool{arena.Area, "duel"}, again, 0); !errors.Is(err, ErrOtherMode) || fault.CodeOf(err) != fault.FailedPrecondition {
				t.Errorf("join another mode %s: %v", when, err)
			}
		}
		check("while waiting")
		m := match(1, arena, mustPoll(t, s, arena, 0).Tickets...)
		mustClaim(t, s, m)
		check("after the claim")
		if err := s.Commit(t.Context(), m, time.Second); err != nil {
			t.Fatal(err)
		}
		check("after the commit")
		if err := s.Finish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		mustJoin(t, s, Pool{arena.Area, "duel"}, again)
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, _ := newStore(stores)
		one, two := ticket(1), ticket(2)
		check := func(what string, player api.PlayerID, id api.TicketID, want bool, wantErr error) {
			t.Helper()
			if won, err := s.Cancel(t.Context(), arena.Area, player, id); won != want || !errors.Is(err, wantErr) {
				t.Errorf("cancel %s: %v, %v", what, won, err)
			}
		}
		check("what never was", one.Player, one.ID, false, ErrNoTicket)
		check("whatever there is, which is nothing", one.Player, 0, false, ErrNoTicket)
		mustJoin(t, s, arena, one, two)
		check("with another's ticket", one.Player, two.ID, false, ErrNoTicket)
		check("in time", one.Player, one.ID, true, nil)
		check("again, as its answer was lost", one.Player, one.ID, true, nil)

		three := ticket(3)
		three.Player = one.Player
		mustJoin(t, s, arena, three)
		check("the last ticket again, with a new one waiting", one.Player, one.ID, true, nil)

		m := match(1, arena, mustPoll(t, s, arena, 0).Tickets...)
		if len(m.Tickets) != 2 {
			t.Fatalf("waiting: %v", m.Tickets)
		}
		mustClaim(t, s, m)
		check("after the claim", two.Player, two.ID, false, nil)
		check("whatever there is, after the claim", two.Player, 0, false, nil)
		if err := s.Finish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		check("after the match was told", two.Player, two.ID, false, nil)

		four := ticket(4)
		mustJoin(t, s, arena, four)
		check("whatever there is", four.Player, 0, true, nil)
		check("whatever there was", four.Player, 0, false, ErrNoTicket)
	})
}

func TestClaimIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, _ := newStore(stores)
		mustJoin(t, s, arena, ticket(1), ticket(2), ticket(3))
		all := mustPoll(t, s, arena, 0).Tickets
		if won, err := s.Cancel(t.Context(), arena.Area, all[1].Player, all[1].ID); !won || err != nil {
			t.Fatal(won, err)
		}
		missing, err := s.Claim(t.Context(), []Match{match(1, arena, all...), match(2, arena, all[0], all[2]), match(3, arena, all[2])}, time.Second, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := [][]Ticket{{all[1]}, nil, {all[2]}}
		if !slices.EqualFunc(missing, want, slices.Equal) {
			t.Errorf("missing %v, want %v", missing, want)
		}
		if err := s.Commit(t.Context(), match(1, arena), time.Second); !errors.Is(err, ErrLost) {
			t.Errorf("commit of a match that was not made: %v", err)
		}
	})
}

func TestTakeOver(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(stores)
		mustJoin(t, s, arena, ticket(1), ticket(2))
		m := match(1, arena, mustPoll(t, s, arena, 0).Tickets...)
		mustClaim(t, s, m) // due in 10 s
		take := func() []Match {
			t.Helper()
			taken, now, err := s.TakeOver(ctx, arena.Area, "heir", 10*time.Second, 9)
			if err != nil || now != clock.Load() {
				t.Fatal(now, err)
			}
			return taken
		}
		clock.Add(9_999)
		if taken := take(); taken != nil {
			t.Fatalf("taken before it was due: %v", taken)
		}
		clock.Add(1)
		want := m
		want.Holder, want.State, want.Claimed = "heir", claimed, noon
		taken := take()
		if len(taken) != 1 || fmt.Sprint(taken[0]) != fmt.Sprint(want) {
			t.Fatalf("taken %v, want %v", taken, want)
		}
		if taken := take(); taken != nil {
			t.Fatalf("taken twice: %v", taken)
		}
		for what, err := range map[string]error{
			"commit": s.Commit(ctx, m, time.Second), "release": s.Release(ctx, m), "finish": s.Finish(ctx, m),
		} {
			if !errors.Is(err, ErrLost) {
				t.Errorf("%s by the one who let it pass: %v", what, err)
			}
		}
		if err := s.Commit(ctx, want, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		clock.Add(10_000)
		if taken := take(); len(taken) != 1 || taken[0].State != made {
			t.Fatalf("a final match that nobody finished: %v", taken)
		}
	})
}

// TestStoreClock uses the clock that the others replace.
func TestStoreClock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := NewStore(stores)
		mustJoin(t, s, arena, ticket(1))
		polled := mustPoll(t, s, arena, 0)
		if off := time.Since(time.UnixMilli(polled.Now)).Abs(); off > time.Hour {
			t.Errorf("the clock is off by %v", off)
		}
		if joined := polled.Tickets[0].Joined; joined > polled.Now || polled.Now-joined > 3_600_000 {
			t.Errorf("joined at %d, now %d", joined, polled.Now)
		}
		if areas, err := s.Areas(t.Context()); err != nil || len(areas) != 0 {
			t.Errorf("areas: %v, %v", areas, err)
		}
		if err := s.AddArea(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
		if areas, err := s.Areas(t.Context()); err != nil || !slices.Equal(areas, []api.Area{7}) {
			t.Errorf("areas: %v, %v", areas, err)
		}
	})
}

// TestStoreRandom compares the store with a plain model of it, over random operations by two nodes, one of which dies now and then.
func TestStoreRandom(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(stores)
		rnd := rand.New(rand.NewPCG(3, 4))
		nextRound := 0

		type entry struct {
			ticket Ticket
			match  api.MatchID // 0: waiting
		}
		type record struct {
			Match
			due int64
		}
		live := map[api.PlayerID]entry{}
		records := map[api.MatchID]*record{}
		ended := map[api.TicketID]api.MatchID{} // 0: cancelled
		inMatch := map[api.TicketID]api.MatchID{}
		places := map[string]int64{} // by when each that is offered is forgotten
		filling := map[string]int64{}
		slot := func(p Place) string { return fmt.Sprint(p.Room, p.Seat, p.Round) }
		somePlace := func() Place {
			return Place{Room: api.MatchID(1 + rnd.IntN(3)), Seat: int32(rnd.IntN(2)), Round: int32(1 + nextRound/100), Zone: 9, Barred: []api.PlayerID{1, 2}[:rnd.IntN(3)]}
		}
		nextTicket, nextMatch, fills := 0, 0, 0
		holders := []string{"a", "b"}
		const lease = 10 * time.Second
		someRecord := func() *record {
			for _, r := range records { // any will do
				return r
			}
			return nil
		}

		for step := range 2600 {
			nextRound = step
			fail := func(format string, args ...any) {
				t.Helper()
				t.Fatalf("step %d: "+format, append([]any{step}, args...)...)
			}
			player := api.PlayerID(rnd.IntN(12))
			switch rnd.IntN(12) {
			case 0, 1, 2: // join
				nextTicket++
				tk := Ticket{ID: api.TicketID(nextTicket), Player: player, Rating: int32(rnd.IntN(100)), Joined: clock.Load()}
				want := tk.ID
				if e, ok := live[player]; ok {
					want = e.ticket.ID
				} else {
					live[player] = entry{ticket: tk}
				}
				if got, err := s.Join(ctx, arena, tk, 0); err != nil || got != want {
					fail("join: %v, %v; want %v", got, err, want)
				}
			case 3: // cancel
				id := api.TicketID(1 + rnd.IntN(nextTicket+1))
				if e, ok := live[player]; ok && rnd.IntN(3) > 0 {
					id = e.ticket.ID
				}
				won, err := s.Cancel(ctx, arena.Area, player, id)
				e, isLive := live[player]
				in, wasLive := ended[id]
				switch {
				case isLive && e.ticket.ID == id && e.match == 0:
					if !won || err != nil {
						fail("cancel of a waiting ticket: %v, %v", won, err)
					}
					delete(live, player)
					ended[id] = 0
				case isLive && e.ticket.ID == id:
					if won || err != nil {
						fail("cancel of a claimed ticket: %v, %v", won, err)
					}
				case wasLive:
					if won != (in == 0) || err != nil {
						fail("cancel of an ended ticket: %v, %v; it went into %v", won, err, in)
					}
				default:
					if !errors.Is(err, ErrNoTicket) {
						fail("cancel of no ticket: %v, %v", won, err)
					}
				}
			case 4: // poll and claim, from what may be old news
				var group Group
				var gone []Ticket
				for p, e := range live {
					tk := e.ticket
					if rnd.IntN(10) == 0 { // as a cache would have it
						tk = Ticket{ID: api.TicketID(1 + rnd.IntN(nextTicket)), Player: p, Joined: 1}
					}
					if e.match != 0 || tk != e.ticket {
						gone = append(gone, tk)
					}
					if group = append(group, tk); len(group) == 3 {
						break
					}
				}
				if len(group) == 0 {
					continue
				}
				nextMatch++
				m := Match{Pool: arena, ID: api.MatchID(nextMatch), Zone: 9, Tickets: group, Holder: holders[rnd.IntN(2)]}
				missing, err := s.Claim(ctx, []Match{m}, lease, 0)
				if err != nil || !slices.Equal(missing[0], gone) {
					fail("claim: missing %v, %v; want %v", missing, err, gone)
				}
				if len(gone) > 0 {
					continue
				}
				m.State, m.Claimed = claimed, clock.Load()
				records[m.ID] = &record{m, clock.Load() + lease.Milliseconds()}
				for _, tk := range group {
					live[tk.Player] = entry{tk, m.ID}
				}
			case 5: // commit or release
				r := someRecord()
				if r == nil {
					continue
				}
				m := r.Match
				if rnd.IntN(4) == 0 {
					m.Holder = "stranger"
				}
				if rnd.IntN(2) == 0 {
					ok := m.Holder == r.Holder
					if err := s.Commit(ctx, m, lease); (err == nil) != ok {
						fail("commit: %v", err)
					}
					if ok {
						for _, tk := range r.Tickets {
							if other, twice := inMatch[tk.ID]; twice && other != r.ID {
								fail("ticket %v is in matches %v and %v", tk.ID, other, r.ID)
							}
							inMatch[tk.ID] = r.ID
						}
						r.State, r.due = made, clock.Load()+lease.Milliseconds()
					}
				} else {
					ok := m.Holder == r.Holder && r.State == claimed
					if err := s.Release(ctx, m); (err == nil) != ok {
						fail("release: %v", err)
					}
					if ok {
						delete(records, r.ID)
						if r.fill() {
							delete(filling, slot(r.Place))
						}
						for _, tk := range r.Tickets {
							live[tk.Player] = entry{ticket: tk}
						}
					}
				}
			case 6: // finish, or free some
				r := someRecord()
				if r == nil || r.State != made {
					continue
				}
				var bound, told []Ticket // those in the match who have not been freed
				for _, tk := range r.Tickets {
					if e := live[tk.Player]; e.ticket == tk && e.match == r.ID {
						bound = append(bound, tk)
					}
				}
				if untold, err := s.Untold(ctx, r.Match); err != nil || !slices.Equal(untold, bound) {
					fail("untold: %v, %v, want %v", untold, err, bound)
				}
				if rnd.IntN(2) == 0 {
					told = bound
					if err := s.Finish(ctx, r.Match); err != nil {
						fail("finish: %v", err)
					}
					delete(records, r.ID)
				} else {
					told = bound[:rnd.IntN(len(bound)+1)]
					if err := s.Free(ctx, r.Match, told, lease); err != nil {
						fail("free: %v", err)
					}
					r.due = clock.Load() + lease.Milliseconds()
				}
				for _, tk := range told {
					delete(live, tk.Player)
					ended[tk.ID] = r.ID
				}
			case 7: // a node has died: the other takes over what is due
				clock.Add(rnd.Int64N(8000))
				heir := holders[rnd.IntN(2)]
				taken, _, err := s.TakeOver(ctx, arena.Area, heir, lease, 100)
				if err != nil {
					fail("take over: %v", err)
				}
				due := 0
				for _, r := range records {
					if r.due <= clock.Load() {
						due++
						r.Holder, r.due = heir, clock.Load()+lease.Milliseconds()
					}
				}
				if len(taken) != due {
					fail("took %d matches over, %d were due", len(taken), due)
				}
				for _, m := range taken {
					if fmt.Sprint(m) != fmt.Sprint(records[m.ID].Match) {
						fail("took over %v, want %v", m, records[m.ID].Match)
					}
				}
			case 9: // places are offered
				offered := []Place{somePlace(), somePlace(), somePlace(), somePlace()}
				if err := s.Offer(ctx, arena, offered, 20*time.Second); err != nil {
					fail("offer: %v", err)
				}
				for _, p := range offered {
					if filling[slot(p)] <= clock.Load() {
						places[p.String()] = clock.Load() + 20_000
					}
				}
			case 10, 11: // fill, from what may be old news
				place := somePlace()
				var tk Ticket
				for p, e := range live {
					if tk = e.ticket; rnd.IntN(10) == 0 {
						tk = Ticket{ID: api.TicketID(1 + rnd.IntN(nextTicket)), Player: p, Joined: 1}
					}
					break
				}
				if tk.ID == 0 {
					continue
				}
				want := filled
				if e := live[tk.Player]; e.match != 0 || tk != e.ticket {
					want = ticketGone
				} else if places[place.String()] <= clock.Load() {
					want = placeGone
				}
				nextMatch++
				m := Match{Pool: arena, ID: api.MatchID(nextMatch), Zone: 9, Tickets: Group{tk}, Holder: holders[rnd.IntN(2)], Place: place}
				became, err := s.Fill(ctx, []Match{m}, lease)
				if err != nil || became[0] != want {
					fail("fill: %v, %v, want %v", became, err, want)
				}
				if want != filled {
					continue
				}
				fills++
				delete(places, place.String())
				filling[slot(place)] = clock.Load() + lease.Milliseconds()
				m.State, m.Claimed = claimed, clock.Load()
				records[m.ID] = &record{m, clock.Load() + lease.Milliseconds()}
				live[tk.Player] = entry{tk, m.ID}
			case 8: // the pool is who waits, each once, and the places are those that were offered lately
				var open []string
				for p, until := range places {
					if until > clock.Load() {
						open = append(open, p)
					}
				}
				found, err := s.Places(ctx, arena, clock.Load())
				if err != nil {
					fail("places: %v", err)
				}
				var names []string
				for _, p := range found {
					names = append(names, p.String())
				}
				slices.Sort(open)
				slices.Sort(names)
				if !slices.Equal(names, open) {
					fail("places %v, want %v", names, open)
				}
				var want []api.TicketID
				for _, e := range live {
					if e.match == 0 {
						want = append(want, e.ticket.ID)
					}
				}
				var got []api.TicketID
				polled := mustPoll(t, s, arena, 0)
				for _, tk := range polled.Tickets {
					got = append(got, tk.ID)
				}
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(got, want) || polled.Size != len(want) {
					fail("waiting %v (%d), want %v", got, polled.Size, want)
				}
			}
		}
		if fills < 30 {
			t.Fatalf("only %d places were filled: the test does not test", fills)
		}
		if len(inMatch) < 50 {
			t.Fatalf("only %d tickets came into matches: the test does not test", len(inMatch))
		}
	})
}

// TestClaimsInParallel has many matchers claim from one pool at once, with players who cancel meanwhile.
func TestClaimsInParallel(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, _ := newStore(stores)
		const players = 200
		for n := 1; n <= players; n++ {
			mustJoin(t, s, arena, ticket(n))
		}
		all := mustPoll(t, s, arena, 0).Tickets

		var mu sync.Mutex
		in := map[api.TicketID][]api.MatchID{} // match 0: cancelled
		note := func(tickets []Ticket, m api.MatchID) {
			mu.Lock()
			defer mu.Unlock()
			for _, tk := range tickets {
				in[tk.ID] = append(in[tk.ID], m)
			}
		}
		var wg sync.WaitGroup
		for matcher := range 4 {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(matcher), 1))
				left := slices.Clone(all)
				for n := 1; len(left) > 0; n++ {
					rnd.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
					m := match(1000*matcher+n, arena, left[:min(4, len(left))]...)
					missing, err := s.Claim(context.Background(), []Match{m}, time.Minute, 0)
					if err != nil {
						t.Error(err)
						return
					}
					gone := []Ticket(m.Tickets)
					if missing[0] == nil {
						note(m.Tickets, m.ID)
					} else {
						gone = missing[0]
					}
					left = slices.DeleteFunc(slices.Clone(left), func(tk Ticket) bool { return slices.Contains(gone, tk) })
				}
			})
		}
		wg.Go(func() {
			for _, tk := range all[:players/4] {
				if won, err := s.Cancel(context.Background(), arena.Area, tk.Player, tk.ID); err != nil {
					t.Error(err)
				} else if won {
					note([]Ticket{tk}, 0)
				}
			}
		})
		wg.Wait()
		for _, tk := range all {
			if len(in[tk.ID]) != 1 {
				t.Errorf("ticket %v ended %d times: %v", tk.ID, len(in[tk.ID]), in[tk.ID])
			}
		}
	})
}
