package queue

import (
	"math/rand/v2"
	"slices"
	"testing"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

func TestShares(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lanes []Lane
		floor int
		want  []float64
	}{
		"one lane":                      {[]Lane{{"standard", 7}}, 30, []float64{1}},
		"by weight, above the floor":    {[]Lane{{"standard", 6}, {"a", 3}, {"b", 1}}, 30, []float64{0.6, 0.3, 0.1}},
		"the floor, and the rest so":    {[]Lane{{"standard", 1}, {"a", 30}, {"b", 10}}, 20, []float64{0.2, 0.6, 0.2}},
		"what is there if nothing said": {nil, 0, []float64{0.5, 0.5}},
	} {
		got := Config{Lanes: tc.lanes, Floor: tc.floor}.WithDefaults().shares()
		if !slices.EqualFunc(got, tc.want, func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// TestFloor has two lanes that outweigh the standard one by far always have people. It gets its floor, over every stretch and across takeovers; what it does not
// use goes to the others, and gives it no claim later. In each lane those who came first are first.
func TestFloor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, clock := newStore(t, stores, Config{Lanes: []Lane{{"standard", 1}, {"priority", 900}, {"vip", 100}}, Floor: 30})
		limits := Limits{Admission: api.AdmissionPaused}
		s.Follow(func(api.Area) Limits { return limits })
		next, epoch := api.PlayerID(0), uint64(1)
		lines := map[string][]api.PlayerID{}
		join := func(lane string, n int) {
			var ops []Op
			for range n {
				next++
				ops = append(ops, Op{Enter, area, next, lane})
				lines[lane] = append(lines[lane], next)
			}
			for _, r := range s.Apply(t.Context(), epoch, ops) {
				if r.Err != nil || r.Status.Lane != lane {
					t.Fatalf("entering %s: %+v", lane, r)
				}
			}
		}
		var let []string // the lanes, in the order of admission
		admit := func(n int) {
			t.Helper()
			got, _, err := s.Admit(t.Context(), area, epoch, n)
			if err != nil || len(got) != n {
				t.Fatalf("%d are let in, want %d: %v", len(got), n, err)
			}
			for _, a := range got {
				if lines[a.Lane][0] != a.Player {
					t.Fatalf("player %v of %s is let in; first is %v", a.Player, a.Lane, lines[a.Lane][0])
				}
				lines[a.Lane] = lines[a.Lane][1:]
				let = append(let, a.Lane)
			}
		}
		takeOver := func() {
			epoch++
			if err := s.Open(t.Context(), area, epoch, false); err != nil {
				t.Fatal(err)
			}
			all := slices.Concat(lines["vip"], lines["standard"], lines["priority"])
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for page := range slices.Chunk(all, applyPage) {
				var ops []Op
				for _, p := range page {
					ops = append(ops, Op{Enter, area, p, "standard"}) // which he is not moved to
				}
				for i, r := range s.Apply(t.Context(), epoch, ops) {
					if r.Err != nil || !slices.Contains(lines[r.Status.Lane], page[i]) {
						t.Fatalf("player %v comes back: %+v", page[i], r)
					}
				}
			}
			clock.Add(s.cfg.Settle.Milliseconds())
		}
		join("priority", 50)
		join("vip", 50)
		limits.Admission = api.AdmissionOpen
		admit(40) // nobody is in the standard lane
		if n := len(lines["vip"]); n != 46 {
			t.Errorf("%d of the other lanes' 40 were of the one with a tenth of the weight", 50-n)
		}
		join("standard", 100)
		join("priority", 300)
		let = nil
		for len(let) < 240 {
			admit(1 + rand.IntN(7))
			if rand.IntN(25) == 0 {
				takeOver()
			}
		}
		for from := range let {
			for to := from + 1; to <= len(let); to++ {
				n := 0
				for _, lane := range let[from:to] {
					if lane == "standard" {
						n++
					}
				}
				if want := (to-from)*30/100 - 2; n < want {
					t.Fatalf("of admissions %d to %d, %d are of the standard lane, want at least %d", from, to, n, want)
				}
			}
		}
	})
}

// TestLaneGoes has a node take over whose configuration has not the lane in which somebody waits: he keeps his number, in the standard lane.
func TestLaneGoes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		old, _ := newStore(t, stores, Config{Capacity: 1, Lanes: []Lane{{"standard", 1}, {"vip", 1}}})
		wantPass(t, enter(t, old, 1))
		for p, lane := range []string{"standard", "vip", "standard"} {
			if r := old.Apply(t.Context(), 1, []Op{{Enter, area, api.PlayerID(2 + p), lane}})[0]; r.Err != nil || r.Status.Lane != lane {
				t.Fatalf("entering %s: %+v", lane, r)
			}
		}
		s := NewStore(stores, Config{Capacity: 1, Lanes: []Lane{{"all", 1}, {"new", 1}}})
		s.now = old.now
		if err := s.Open(t.Context(), area, 2, false); err != nil {
			t.Fatal(err)
		}
		for _, p := range []api.PlayerID{4, 3, 2} {
			if r := s.Apply(t.Context(), 2, []Op{{Enter, area, p, "new"}})[0]; r.Err != nil || r.Status.Lane != "all" || r.Status.Number != int64(p)-1 {
				t.Fatalf("player %v comes back: %+v", p, r)
			}
		}
		order, err := s.Order(t.Context(), area, "all")
		if err != nil {
			t.Fatal(err)
		}
		wantPlayers(t, "order", order, 2, 3, 4)
	})
}
