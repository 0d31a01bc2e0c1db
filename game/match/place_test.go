package match

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

func TestPlaceText(t *testing.T) {
	t.Parallel()
	for _, p := range []Place{
		{Room: 1}, {Room: 1 << 62, Seat: 7, Round: 3, Zone: 65535, Rating: -5, Since: noon, Barred: []api.PlayerID{1 << 62, 2}},
	} {
		got, err := parsePlace(p.String())
		if err != nil || fmt.Sprint(got) != fmt.Sprint(p) {
			t.Errorf("%q reads as %+v, %v", p.String(), got, err)
		}
	}
	for _, text := range []string{"", "-", "1:2:3", "1:2:3:4:5:6", "1:2:3:4:5:6:x", "x:2:3:4:5:6:", "1:2:3:-4:5:6:", "1:2:3:70000:5:6:", "1:2:3:4:5:6:7:8"} {
		if p, err := parsePlace(text); err == nil {
			t.Errorf("%q reads as %+v", text, p)
		}
	}
}

func FuzzParsePlace(f *testing.F) {
	f.Add(Place{Room: 7, Zone: 40, Since: noon, Barred: []api.PlayerID{1, 2}}.String())
	f.Add("1:2:3:4:5:6:7+")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePlace(text)
		if err != nil {
			return
		}
		if again, err := parsePlace(p.String()); err != nil || fmt.Sprint(again) != fmt.Sprint(p) {
			t.Errorf("%q reads as %+v, and that as %+v, %v", text, p, again, err)
		}
	})
}

func TestFill(t *testing.T) {
	t.Parallel()
	mode := Mode{Window: 100, WidenPerSecond: 50, MaxWindow: 1000, Starving: time.Minute}
	rated := func(n int, rating int32, waited time.Duration) Ticket {
		return Ticket{ID: api.TicketID(n), Player: api.PlayerID(1000 + n), Rating: rating, Joined: noon - waited.Milliseconds()}
	}
	place := func(room int, rating int32, open time.Duration, barred ...api.PlayerID) Place {
		return Place{Room: api.MatchID(room), Rating: rating, Since: noon - open.Milliseconds(), Barred: barred}
	}
	party := rated(1, 1500, 0).party([]api.PlayerID{1, 2})
	party.ID = 1
	for name, c := range map[string]struct {
		waiting []Ticket // by age
		places  []Place
		limit   int
		want    string // room:ticket
	}{
		"the nearest":                         {[]Ticket{rated(1, 1580, 0), rated(2, 1520, 0)}, []Place{place(1, 1500, 0)}, 9, "1:2"},
		"the oldest of equals":                {[]Ticket{rated(1, 1480, time.Second), rated(2, 1520, 0)}, []Place{place(1, 1500, 0)}, 9, "1:1"},
		"the longest open first":              {[]Ticket{rated(1, 1500, 0)}, []Place{place(1, 1500, 0), place(2, 1500, time.Second)}, 9, "2:1"},
		"each ticket once":                    {[]Ticket{rated(1, 1500, 0), rated(2, 1510, 0)}, []Place{place(1, 1500, 2), place(2, 1500, 1)}, 9, "1:1 2:2"},
		"outside both windows":                {[]Ticket{rated(1, 1700, 0)}, []Place{place(1, 1500, 0)}, 9, ""},
		"outside the ticket's":                {[]Ticket{rated(1, 1700, 0)}, []Place{place(1, 1500, 4*time.Second)}, 9, ""},
		"outside the place's":                 {[]Ticket{rated(1, 1700, 4*time.Second)}, []Place{place(1, 1500, 0)}, 9, ""},
		"within both":                         {[]Ticket{rated(1, 1700, 4*time.Second)}, []Place{place(1, 1500, 4*time.Second)}, 9, "1:1"},
		"starving":                            {[]Ticket{rated(1, 9000, time.Minute)}, []Place{place(1, 1500, 0)}, 9, "1:1"},
		"not who was there before":            {[]Ticket{rated(1, 1500, 0), rated(2, 1550, 0)}, []Place{place(1, 1500, 0, 1001)}, 9, "1:2"},
		"no parties":                          {[]Ticket{party}, []Place{place(1, 1500, 0)}, 9, ""},
		"not more than may be on their way":   {[]Ticket{rated(1, 1500, 0), rated(2, 1500, 0)}, []Place{place(1, 1500, 2), place(2, 1500, 1)}, 1, "1:1"},
		"one for whom nobody fits is skipped": {[]Ticket{rated(1, 1500, 0)}, []Place{place(1, 3000, time.Second), place(2, 1500, 0)}, 9, "2:1"},
	} {
		var got []string
		for _, f := range fill(c.waiting, c.places, noon, mode, c.limit) {
			got = append(got, fmt.Sprintf("%d:%d", f.place.Room, f.ticket.ID))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

// backfilling is testConfig with backfill.
func backfilling() Config {
	cfg := testConfig()
	mode := cfg.Modes[arena.Mode]
	mode.Backfill = true
	cfg.Modes[arena.Mode] = mode
	return cfg
}

func mustOffer(t testing.TB, s *Store, w *world, places ...Place) {
	t.Helper()
	for _, p := range places {
		w.seats[seatOf(p)] = 0
	}
	if err := s.Offer(t.Context(), arena, places, offerLasts); err != nil {
		t.Fatal(err)
	}
}

// TestPassFills puts one who waits on an open seat, and the others into a match of their own.
func TestPassFills(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(stores)
		w := newWorld(t, 40)
		m, work := newNode(t, s, w, backfilling(), "a")
		defer work.cut()
		mustOffer(t, s, w, Place{Room: 9, Seat: 1, Zone: 40, Rating: 3, Since: noon})
		mustJoin(t, s, arena, ticket(1), ticket(2), ticket(3), ticket(4), ticket(5))
		mustStep(t, m)
		if len(w.matched) != 5 || w.seats["9:1"] == 0 || w.matched[3] != w.seats["9:1"] || w.matched[1] == w.matched[3] || w.matched[1] != w.matched[5] {
			t.Errorf("matched: %v, seats: %v", w.matched, w.seats)
		}
		mustOffer(t, s, w, Place{Room: 10, Seat: 1, Zone: 40, Since: noon})
		clock.Add(offerLasts.Milliseconds())
		mustJoin(t, s, arena, ticket(6))
		mustStep(t, m)
		if len(w.matched) != 5 {
			t.Error("a place was filled of which its zone says nothing more")
		}
		if work.free != work.cfg.Assignments {
			t.Errorf("%d of %d assignments are free again", work.free, work.cfg.Assignments)
		}
	})
}

// TestFillIsRefused has the zone say no: the ticket is as old as it was, and the place is filled when it is offered again.
func TestFillIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(stores)
		w := newWorld(t, 40)
		m, work := newNode(t, s, w, backfilling(), "a")
		defer work.cut()
		place := Place{Room: 9, Seat: 1, Zone: 40, Since: noon}
		mustOffer(t, s, w, place)
		mustJoin(t, s, arena, ticket(1))
		w.seats["9:1"] = 1234 // somebody else's
		mustStep(t, m)
		waits := mustPollAs(t, s, "a")
		if len(w.matched) != 0 || waits.Size != 1 || waits.Tickets[0].Joined != noon {
			t.Fatalf("matched %v, waiting: %+v", w.matched, waits)
		}
		clock.Add(1000)
		mustOffer(t, s, w, place)
		mustStep(t, m)
		if w.matched[1] == 0 || w.seats["9:1"] != w.matched[1] {
			t.Errorf("matched %v, seats %v", w.matched, w.seats)
		}
	})
}

// TestFillIsTakenOver kills the node at every call that it makes for a fill, before and after the call's effect. The fill ends once, with the ticket on the seat, and the next
// player does not get it.
func TestFillIsTakenOver(t *testing.T) {
	t.Parallel()
	for calls := 1; calls <= 2; calls++ {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprint(calls, late), func(t *testing.T) {
				t.Parallel()
				s, clock := newStore(storetest.Embedded(t))
				w := newWorld(t, 40)
				way := &mortal{mesh: w, calls: calls, late: late}
				cfg := backfilling()
				cfg.Abandon, cfg.Lease = time.Hour, 5*time.Second
				m, work := newNode(t, s, way, cfg, "a")
				way.die = work.cut
				place := Place{Room: 9, Seat: 1, Zone: 40, Since: noon}
				mustOffer(t, s, w, place)
				mustJoin(t, s, arena, ticket(1))
				mustStep(t, m)
				if work.life.Err() == nil {
					t.Fatal("the node lives")
				}
				if err := s.Resign(t.Context(), arena, "a"); err != nil {
					t.Fatal(err)
				}
				heir, inherited := newNode(t, s, w, cfg, "heir")
				defer inherited.cut()
				if err := s.Offer(t.Context(), arena, []Place{place}, offerLasts); err != nil { // the zone has not heard of the fill, or that was under way
					t.Fatal(err)
				}
				mustJoin(t, s, arena, ticket(2))
				mustStep(t, heir)
				if w.matched[2] != 0 {
					t.Fatal("another got the place while it was being filled")
				}
				clock.Add(cfg.Lease.Milliseconds())
				taken, now, err := s.TakeOver(t.Context(), arena.Area, "heir", cfg.Lease, inherited.reserve(1))
				if err != nil || len(taken) != 1 {
					t.Fatal(taken, err)
				}
				inherited.recover(taken[0], now)
				inherited.running.Wait()
				if w.matched[1] != taken[0].ID || w.seats["9:1"] != taken[0].ID {
					t.Errorf("matched %v, seats %v, taken over %v", w.matched, w.seats, taken)
				}
				mustStep(t, heir)
				if w.matched[2] != 0 {
					t.Error("another got the place too")
				}
				if left, err := unfinished(t, s); err != nil || left != 0 {
					t.Errorf("%d matches were never finished, %v", left, err)
				}
			})
		}
	}
}

func unfinished(t testing.TB, s *Store) (int64, error) {
	return s.client.HLen(t.Context(), s.at(arena.Area, "matches")).Result()
}

func TestDeskTakesOffers(t *testing.T) {
	t.Parallel()
	stores := storetest.Embedded(t)
	cfg := quick()
	cfg.Modes["arena"] = backfilling().Modes["arena"]
	d := open(t, stores, newWorld(t), cfg, 7, "a")
	place := Place{Room: 9, Seat: 1, Zone: 40, Since: time.Now().UnixMilli()}
	for mode, want := range map[string]int{"arena": 1, "duel": 0, "chess": 0} {
		p := Pool{7, mode}
		if err := d.offer(t.Context(), p, []Place{place}); err != nil {
			t.Fatal(err)
		}
		if places, err := d.store.Places(t.Context(), p, 0); err != nil || len(places) != want {
			t.Errorf("%s has the places %v, %v", mode, places, err)
		}
	}
	if err := d.offer(t.Context(), Pool{8, "arena"}, []Place{place}); !errors.Is(err, errOtherArea) || fault.CodeOf(err) != fault.Invalid {
		t.Errorf("another area: %v", err)
	}
}

// TestExplainPlaces shows an operator which seats are open to a ticket, and why others are not.
func TestExplainPlaces(t *testing.T) {
	t.Parallel()
	s, _ := newStore(storetest.Embedded(t))
	d := newDesk(backfilling(), 7, "me", s, newWorld(t, 40), nil, nil, newStats())
	defer d.work.cut()
	if err := s.Offer(t.Context(), arena, []Place{
		{Room: 9, Zone: 40, Since: noon - 3000, Barred: []api.PlayerID{1001}}, {Room: 10, Zone: 40, Since: noon - 2000, Rating: 5000}, {Room: 11, Seat: 2, Zone: 40, Since: noon - 1000},
	}, offerLasts); err != nil {
		t.Fatal(err)
	}
	mustJoin(t, s, arena, ticket(1))
	mustPoll(t, s, arena, 0) // leads
	e, err := d.explain(t.Context(), arena.Area, 1001, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"9: the player was in that room before", "10: it is 4999 rating points away, which is outside this ticket's window", "11: "}
	for i, p := range e.GetPlaces() {
		if got := fmt.Sprintf("%d: %s", p.GetRoom(), p.GetObstacle()); i >= len(want) || got != want[i] {
			t.Errorf("place %d is shown as %q", i, got)
		}
	}
	if len(e.GetPlaces()) != len(want) || !strings.Contains(e.GetWhy(), "a seat of a battle that is on is open to it") {
		t.Errorf("%d places; %s", len(e.GetPlaces()), e.GetWhy())
	}
}
