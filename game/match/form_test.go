package match

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"loumiao/game/api"
)

const noon = int64(1_700_000_000_000)

// waits makes tickets in order of age from pairs of rating and seconds waited.
func waits(pairs ...[2]int) []Ticket {
	var out []Ticket
	for i, p := range pairs {
		out = append(out, Ticket{ID: api.TicketID(i + 1), Player: api.PlayerID(100 + i), Rating: int32(p[0]), Joined: noon - int64(p[1])*1000})
	}
	slices.SortFunc(out, older)
	return out
}

func ids(groups []Group) [][]int {
	out := [][]int{}
	for _, g := range groups {
		var ids []int
		for _, t := range g {
			ids = append(ids, int(t.ID))
		}
		slices.Sort(ids)
		out = append(out, ids)
	}
	return out
}

func TestForm(t *testing.T) {
	t.Parallel()
	duel := Mode{Players: 2, MinPlayers: 2, Patience: 5 * time.Second, Window: 100, WidenPerSecond: 50, MaxWindow: 400}.withDefaults()
	four := Mode{Players: 4, MinPlayers: 2, Patience: 5 * time.Second, Window: 100, WidenPerSecond: 50, MaxWindow: 400}.withDefaults()
	for _, c := range []struct {
		name    string
		mode    Mode
		waiting []Ticket
		limit   int
		want    [][]int
	}{
		{"nobody", duel, nil, 9, [][]int{}},
		{"one", duel, waits([2]int{1000, 60}), 9, [][]int{}},
		{"two alike", duel, waits([2]int{1000, 0}, [2]int{1100, 0}), 9, [][]int{{1, 2}}},
		{"two too far apart", duel, waits([2]int{1000, 0}, [2]int{1101, 0}), 9, [][]int{}},
		{"the window widens", duel, waits([2]int{1000, 1}, [2]int{1150, 1}), 9, [][]int{{1, 2}}},
		{"both windows count", duel, waits([2]int{1000, 60}, [2]int{1101, 0}), 9, [][]int{}},
		{"the window ends somewhere", duel, waits([2]int{1000, 60}, [2]int{1401, 60}), 9, [][]int{}},
		{"nearest first", duel, waits([2]int{1000, 3}, [2]int{1050, 0}, [2]int{990, 0}), 9, [][]int{{1, 3}}},
		{"oldest first", duel, waits([2]int{1000, 0}, [2]int{1050, 0}, [2]int{1100, 1}), 9, [][]int{{2, 3}}},
		{"of one rating, the oldest", duel, waits([2]int{1000, 3}, [2]int{1000, 1}, [2]int{1000, 2}), 9, [][]int{{1, 3}}},
		{"negative ratings", duel, waits([2]int{-1000, 0}, [2]int{-950, 0}, [2]int{50, 0}), 9, [][]int{{1, 2}}},
		{"as many as allowed", duel, waits([2]int{1, 0}, [2]int{1, 0}, [2]int{1, 0}, [2]int{1, 0}), 1, [][]int{{1, 2}}},
		{"patience for a full group", four, waits([2]int{1000, 4}, [2]int{1000, 4}, [2]int{1000, 4}), 9, [][]int{}},
		{"patience is over", four, waits([2]int{1000, 5}, [2]int{1000, 0}, [2]int{1000, 0}), 9, [][]int{{1, 2, 3}}},
		{"not fewer than the least", four, waits([2]int{1000, 60}), 9, [][]int{}},
		{"a full group of younger ones", four, waits([2]int{5000, 3}, [2]int{1, 0}, [2]int{2, 0}, [2]int{3, 0}, [2]int{4, 0}), 9, [][]int{{2, 3, 4, 5}}},
		{"all pairs fit, or it is no group", four, waits([2]int{1000, 9}, [2]int{920, 0}, [2]int{1080, 0}, [2]int{1000, 0}), 9, [][]int{{1, 3, 4}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var f former
			got := ids(f.form(c.waiting, noon, c.mode, c.limit))
			if !slices.EqualFunc(got, c.want, slices.Equal) {
				t.Errorf("groups %v, want %v", got, c.want)
			}
		})
	}
}

// TestFormHolds checks what must be true of any pass over any pool.
func TestFormHolds(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	var f former // one for all, as a matcher uses it
	for round := range 300 {
		mode := Mode{
			Players: 1 + rnd.IntN(8), Patience: time.Duration(1+rnd.IntN(9)) * time.Second,
			Window: 1 + rnd.IntN(50), WidenPerSecond: 1 + rnd.IntN(20), MaxWindow: 200,
		}
		mode.MinPlayers = 1 + rnd.IntN(mode.Players)
		waiting := make([]Ticket, rnd.IntN(300))
		for i := range waiting {
			waiting[i] = Ticket{ID: api.TicketID(i), Rating: rnd.Int32N(2000) - 1000, Joined: noon - rnd.Int64N(12_000)}
		}
		slices.SortFunc(waiting, older)
		before := slices.Clone(waiting)
		groups := f.form(waiting, noon, mode, 1<<30)
		if !slices.Equal(before, waiting) {
			t.Fatal("the pool was changed")
		}
		seen := map[api.TicketID]bool{}
		for _, g := range groups {
			if len(g) > mode.Players || len(g) < mode.MinPlayers {
				t.Fatalf("round %d: a group of %d", round, len(g))
			}
			oldest := slices.MinFunc(g, older)
			if len(g) < mode.Players && noon-oldest.Joined < mode.Patience.Milliseconds() {
				t.Fatalf("round %d: a small group that had patience left", round)
			}
			for _, a := range g {
				if seen[a.ID] {
					t.Fatalf("round %d: ticket %d in two groups", round, a.ID)
				}
				seen[a.ID] = true
				for _, b := range g {
					apart := int64(a.Rating) - int64(b.Rating)
					if max(apart, -apart) > mode.windowAt(noon, a) {
						t.Fatalf("round %d: %d is %d points from %d, outside the window of %d", round, b.ID, apart, a.ID, mode.windowAt(noon, a))
					}
				}
			}
		}
	}
}

func TestTicketText(t *testing.T) {
	t.Parallel()
	for _, want := range []Ticket{{}, {ID: 1<<63 - 1, Player: 1<<63 - 1, Rating: -1 << 31, Joined: noon}} {
		got, err := parseTicket(want.String())
		if err != nil || got != want {
			t.Errorf("%v read back as %v, %v", want, got, err)
		}
	}
	for _, s := range []string{"", "1", "1:2:3", "1:2:3:4:5", "1:2:3000000000:4", "a:b:c:d"} {
		if got, err := parseTicket(s); err == nil {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

func BenchmarkForm(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(1, 2))
			waiting := make([]Ticket, n)
			for i := range waiting {
				waiting[i] = Ticket{ID: api.TicketID(i), Rating: int32(1500 + 300*rnd.NormFloat64()), Joined: noon - rnd.Int64N(3000)}
			}
			slices.SortFunc(waiting, older)
			mode := Mode{}.withDefaults()
			var f former
			b.ReportAllocs()
			for b.Loop() {
				f.form(waiting, noon, mode, 1<<30)
			}
		})
	}
}
