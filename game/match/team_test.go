package match

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"loumiao/game/api"
)

// party is a ticket of so many players.
func party(id, size, rating, seconds int) Ticket {
	players := make([]api.PlayerID, size)
	for i := range players {
		players[i] = api.PlayerID(100*id + i)
	}
	return Ticket{ID: api.TicketID(id), Rating: int32(rating), Joined: noon - int64(seconds)*1000}.party(players)
}

func TestFormTeams(t *testing.T) {
	t.Parallel()
	pairs := Mode{Players: 4, Teams: 2, Window: 100, WidenPerSecond: 1, MaxWindow: 100, Patience: time.Second, Starving: 30 * time.Second}.withDefaults()
	triples := pairs
	triples.Players, triples.MinPlayers = 6, 6
	for _, c := range []struct {
		name    string
		mode    Mode
		waiting []Ticket
		want    [][]api.TicketID // team by team
	}{
		{"teams are full", pairs, []Ticket{party(1, 1, 0, 9), party(2, 1, 0, 9), party(3, 1, 0, 9)}, nil},
		{"the best goes with the worst", pairs, []Ticket{party(1, 1, 10, 4), party(2, 1, 20, 3), party(3, 1, 70, 2), party(4, 1, 80, 1)}, [][]api.TicketID{{2, 3, 1, 4}}},
		{"a party is one team", pairs, []Ticket{party(1, 1, 0, 4), party(2, 2, 0, 3), party(3, 1, 50, 2)}, [][]api.TicketID{{1, 3, 2}}},
		{"two parties", pairs, []Ticket{party(1, 2, 0, 4), party(2, 2, 0, 3)}, [][]api.TicketID{{1, 2}}},
		{"a party that does not fit waits", pairs, []Ticket{party(1, 1, 0, 4), party(2, 2, 0, 3), party(3, 2, 0, 2), party(4, 1, 90, 1)}, [][]api.TicketID{{1, 4, 2}}},
		{"a party fills a team", triples, []Ticket{party(1, 2, 0, 4), party(2, 2, 0, 3), party(3, 1, 0, 2), party(4, 1, 0, 1)}, [][]api.TicketID{{1, 3, 2, 4}}},
		{"too large for its mode", pairs, []Ticket{party(1, 3, 0, 9), party(2, 1, 0, 3)}, nil},
		{"a party too far away", pairs, []Ticket{party(1, 2, 0, 4), party(2, 2, 101, 3)}, nil},
		{"one who starves goes with anybody", pairs, []Ticket{party(1, 2, 0, 30), party(2, 2, 5000, 3)}, [][]api.TicketID{{1, 2}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			slices.SortFunc(c.waiting, older)
			var f former
			var got [][]api.TicketID
			for _, g := range f.form(c.waiting, noon, c.mode, 9) {
				var ids []api.TicketID
				for _, tk := range g {
					ids = append(ids, tk.ID)
				}
				got = append(got, ids)
			}
			if !slices.EqualFunc(got, c.want, slices.Equal) {
				t.Errorf("groups %v, want %v", got, c.want)
			}
		})
	}
}

// TestFormTeamsHolds checks what must be true of any pass over any pool of parties.
func TestFormTeamsHolds(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(7, 8))
	var f former
	formed := 0
	for round := range 300 {
		mode := Mode{Teams: 2 + rnd.IntN(3), Window: 1 + rnd.IntN(200), WidenPerSecond: rnd.IntN(20), MaxWindow: 400, Starving: 20 * time.Second}
		mode.Players = mode.Teams * (1 + rnd.IntN(4))
		mode = mode.withDefaults()
		waiting := make([]Ticket, rnd.IntN(200))
		for i := range waiting {
			waiting[i] = party(i+1, 1+rnd.IntN(mode.party()), rnd.IntN(2000)-1000, rnd.IntN(25))
		}
		slices.SortFunc(waiting, older)
		seen := map[api.TicketID]bool{}
		for _, g := range f.form(waiting, noon, mode, 1<<30) {
			formed++
			oldest := slices.MinFunc(g, older)
			in := 0 // players of the team in hand
			for _, a := range g {
				if seen[a.ID] {
					t.Fatalf("round %d: ticket %v in two groups", round, a.ID)
				}
				seen[a.ID] = true
				if in += a.size(); in > mode.team() {
					t.Fatalf("round %d: party %v is in two teams of %d: %v", round, a.ID, mode.team(), g)
				}
				in %= mode.team()
				for _, b := range g {
					if apart := int64(a.Rating) - int64(b.Rating); max(apart, -apart) > mode.windowAt(noon, a) && !mode.starving(noon, oldest) {
						t.Fatalf("round %d: %v is %d points from %v", round, b.ID, apart, a.ID)
					}
				}
			}
			if n := (Match{Tickets: g}).players(); len(n) != mode.Players {
				t.Fatalf("round %d: %d players of %d", round, len(n), mode.Players)
			}
		}
	}
	if formed < 300 {
		t.Fatalf("only %d groups: the test does not test", formed)
	}
}

// TestNobodyStarves has one ticket that nobody's window reaches, and others who come and go: it waits until it starves, and then for one pass.
func TestNobodyStarves(t *testing.T) {
	t.Parallel()
	mode := Mode{Players: 2, Window: 50, WidenPerSecond: 10, MaxWindow: 300, Starving: 20 * time.Second}.withDefaults()
	rnd := rand.New(rand.NewPCG(9, 9))
	var f former
	pool := []Ticket{party(1, 1, 9000, 0)}
	for second := range 60 {
		now := noon + int64(second)*1000
		for range 3 {
			tk := party(2+second*3+len(pool), 1, rnd.IntN(1000), 0)
			tk.ID, tk.Joined = api.TicketID(1000*second+len(pool)+2), now
			pool = append(pool, tk)
		}
		slices.SortFunc(pool, older)
		groups := f.form(pool, now, mode, 1<<30)
		for _, g := range groups {
			pool = slices.DeleteFunc(pool, func(tk Ticket) bool { return slices.Contains(g, tk) })
		}
		if waits := slices.ContainsFunc(pool, func(tk Ticket) bool { return tk.ID == 1 }); waits != (second < 20) {
			t.Fatalf("after %d s the outsider waits: %v", second, waits)
		}
	}
}

func TestPartyText(t *testing.T) {
	t.Parallel()
	for size := 1; size <= MaxParty; size++ {
		want := party(7, size, -5, 1)
		got, err := parseTicket(want.String())
		if err != nil || got != want || got.size() != size || len(got.players()) != size {
			t.Errorf("%v read back as %v, %v", want, got, err)
		}
	}
	for _, s := range []string{"1:2+:3:4", "1:+2:3:4", "1:2+0:3:4", "1:1+2+3+4+5+6+7+8+9:3:4"} {
		if got, err := parseTicket(s); err == nil {
			t.Errorf("%q was read as %v", s, got)
		}
	}
	for want, ratings := range map[int32][]int32{1500: {1500}, 1750: {1000, 2000}, 1400: {1000, 1000, 1600}} {
		if got := PartyRating(ratings); got != want {
			t.Errorf("a party of %v counts as %d, want %d", ratings, got, want)
		}
	}
}
