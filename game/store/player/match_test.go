package player_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/player"
	"loumiao/migrations"
)

// broken runs a statement that makes the books wrong, and expects Audit to say so.
func broken(t *testing.T, statement, asset string) {
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		db := storetest.Migrated(t, stores, "player", migrations.FS("player"))
		s := player.New(db, id.NewGenerator(1, nil), nil)
		load(t, s, 7)
		if err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return tx.Exec(statement).Error }); err != nil {
			t.Fatal(err)
		}
		off, err := s.Audit(t.Context())
		if err != nil || len(off) != 1 || off[0].Player != 7 || off[0].Asset != asset || off[0].Amount == 0 {
			t.Errorf("audit = %+v, %v", off, err)
		}
	})
}

// duel is a match that the first player has won.
func duel(match player.MatchID, players ...player.ID) player.Match {
	m := player.Match{ID: match, Mode: "duel", Area: 1, Seed: 1<<32 - 1, Started: time.UnixMilli(1_000), Ended: time.UnixMilli(61_000)}
	for i, p := range players {
		m.Standings = append(m.Standings, player.Standing{Player: p, Place: int32(i + 1), Score: int32(10 - i), Kills: int32(len(players) - i - 1), Deaths: int32(i)})
	}
	return m
}

func TestRecordMatch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		before := map[player.ID]*player.Player{7: load(t, s, 7), 8: load(t, s, 8)}
		first, err := s.RecordMatch(t.Context(), duel(5, 8, 7))
		if err != nil || first.Repeated || len(first.Rows) != 2 {
			t.Fatalf("%+v, %v", first, err)
		}
		winner := first.Rows[0]
		want := player.MatchRow{
			Match: 5, Player: 8, Mode: "duel", Ended: time.UnixMilli(61_000).UTC(), Place: 1, Players: 2, Score: 10, Kills: 1,
			RatingBefore: player.StartRating, RatingAfter: player.StartRating + 16, Exp: 60, Reward: map[string]int64{player.Gold: 20},
		}
		if fmt.Sprint(winner) != fmt.Sprint(want) {
			t.Errorf("winner's row %+v, want %+v", winner, want)
		}
		for _, row := range first.Rows {
			p := read(t, s, row.Player)
			if p.Rating != row.RatingAfter || p.Exp != row.Exp || p.Wallet[player.Gold] != player.StartGold+row.Reward[player.Gold] || p.Version != before[p.ID].Version+1 {
				t.Errorf("player %+v after %+v", p, row)
			}
			history, err := s.Matches(t.Context(), row.Player, 0)
			if err != nil || len(history) != 1 || fmt.Sprint(history[0]) != fmt.Sprint(row) {
				t.Errorf("history %+v, %v, want %+v", history, err, row)
			}
		}
		// A result does not end the hold of the world that has the player.
		if err := s.Save(t.Context(), 7, before[7].Epoch, player.Save{State: []byte("{}"), Schema: 1}); err != nil {
			t.Error(err)
		}
		again, err := s.RecordMatch(t.Context(), duel(5, 8, 7))
		if err != nil || !again.Repeated || fmt.Sprint(again.Rows) != fmt.Sprint(first.Rows) {
			t.Errorf("the repetition: %+v, %v, want %+v", again, err, first)
		}
		if p := read(t, s, 8); p.Rating != player.StartRating+16 || p.Wallet[player.Gold] != player.StartGold+20 {
			t.Errorf("the repetition changed the winner: %+v", p)
		}
		// The same match with other players is still the same match.
		load(t, s, 9)
		if other, err := s.RecordMatch(t.Context(), duel(5, 9)); err != nil || !other.Repeated || read(t, s, 9).Exp != 0 {
			t.Errorf("the match with others: %+v, %v", other, err)
		}
	})
}

func TestRecordMatchRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		p := load(t, s, 7)
		invalid := fault.New(fault.Invalid, "")
		cheat := func(o player.Outcome) player.Settle {
			return func(st []player.Standing, _ []int32) []player.Outcome { return []player.Outcome{o, o}[:len(st)] }
		}
		settled := func(settle player.Settle) player.Match { m := duel(5, 7); m.Settle = settle; return m }
		for name, test := range map[string]struct {
			match player.Match
			want  error // nil: any
		}{
			"no id":           {duel(0, 7), invalid},
			"no players":      {duel(5), invalid},
			"a player twice":  {duel(5, 7, 7), invalid},
			"player 0":        {duel(5, 7, 0), invalid},
			"unknown player":  {duel(5, 7, 8), player.ErrNotFound},
			"no mode":         {player.Match{ID: 5, Standings: []player.Standing{{Player: 7}}}, invalid},
			"strange reward":  {settled(cheat(player.Outcome{Reward: map[string]int64{"G": 1}})), invalid},
			"negative reward": {settled(cheat(player.Outcome{Reward: map[string]int64{player.Gold: -101}})), player.ErrInsufficient},
			"negative exp":    {settled(cheat(player.Outcome{Exp: -1})), nil},
			"no outcome":      {settled(func([]player.Standing, []int32) []player.Outcome { return nil }), nil},
		} {
			_, err := s.RecordMatch(t.Context(), test.match)
			if err == nil || (test.want != nil && !errors.Is(err, test.want)) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
			if now := read(t, s, 7); now.Version != p.Version || !maps.Equal(now.Wallet, p.Wallet) {
				t.Errorf("%s changed the player: %+v", name, now)
			}
		}
	})
}

// TestRecordMatchOfTheRich has a match in which one player can have no more gold, and another one only some.
func TestRecordMatchOfTheRich(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		room := map[player.ID]int64{7: 0, 8: 5, 9: player.MaxBalance - player.StartGold}
		for id, left := range room {
			load(t, s, id)
			if rich := player.MaxBalance - player.StartGold - left; rich > 0 {
				if _, err := s.Apply(t.Context(), player.Op{Key: "rich", Player: id, Reason: "test", Wallet: gold(rich)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		first, err := s.RecordMatch(t.Context(), duel(5, 7, 8, 9))
		if err != nil || len(first.Rows) != 3 {
			t.Fatalf("%+v, %v", first, err)
		}
		want := map[player.ID]map[string]int64{7: {}, 8: {player.Gold: 5}, 9: {player.Gold: 10}}
		for _, row := range first.Rows {
			p, gained := read(t, s, row.Player), want[row.Player]
			if !maps.Equal(row.Reward, gained) || p.Wallet[player.Gold] != player.MaxBalance-room[p.ID]+gained[player.Gold] {
				t.Errorf("player %d has %v after a reward of %v, want %v", p.ID, p.Wallet, row.Reward, gained)
			}
			if p.Rating != row.RatingAfter || p.Exp != row.Exp || row.Exp == 0 {
				t.Errorf("player %+v after %+v", p, row)
			}
			history, err := s.Matches(t.Context(), row.Player, 0)
			if err != nil || len(history) != 1 || fmt.Sprint(history[0]) != fmt.Sprint(row) {
				t.Errorf("history %+v, %v, want %+v", history, err, row)
			}
		}
		if first.Rows[0].RatingAfter <= player.StartRating || first.Rows[2].RatingAfter >= player.StartRating {
			t.Errorf("the ratings are %+v", first.Rows)
		}
		if again, err := s.RecordMatch(t.Context(), duel(5, 7, 8, 9)); err != nil || !again.Repeated || fmt.Sprint(again.Rows) != fmt.Sprint(first.Rows) {
			t.Errorf("the repetition: %+v, %v, want %+v", again, err, first)
		}
	})
}

// Matches with the same players in other orders, each recorded twice, while the players also spend.
func TestConcurrentMatches(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		players := []player.ID{1, 2, 3, 4}
		for _, p := range players {
			load(t, s, p)
		}
		const matches = 16
		var recorded atomic.Int32
		var wg sync.WaitGroup
		for m := range matches {
			for range 2 {
				wg.Go(func() {
					a, b := players[m%4], players[(m+1+m/4)%4]
					if a == b {
						b = players[(m+2)%4]
					}
					r, err := s.RecordMatch(t.Context(), duel(player.MatchID(m+1), a, b))
					if err != nil {
						t.Error(err)
					} else if !r.Repeated {
						recorded.Add(1)
					}
				})
			}
			wg.Go(func() {
				if _, err := s.Apply(t.Context(), player.Op{Key: fmt.Sprint("spend-", m), Player: players[m%4], Reason: "shop", Wallet: gold(-1)}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := recorded.Load(); n != matches {
			t.Errorf("%d matches were recorded, want %d", n, matches)
		}
		total := int64(0)
		for _, p := range players {
			total += read(t, s, p).Wallet[player.Gold]
		}
		if want := 4*player.StartGold + matches*(20+10) - matches; total != want {
			t.Errorf("gold in the world = %d, want %d", total, want)
		}
	})
}

func TestArenaSettles(t *testing.T) {
	t.Parallel()
	place := func(places ...int32) (s []player.Standing) {
		for i, p := range places {
			s = append(s, player.Standing{Player: player.ID(i + 1), Place: p})
		}
		return s
	}
	teams := func(s []player.Standing, of ...int32) []player.Standing {
		for i, team := range of {
			s[i].Team = team
		}
		return s
	}
	mark := func(s []player.Standing, as func(*player.Standing), who ...int) []player.Standing {
		for _, i := range who {
			as(&s[i])
		}
		return s
	}
	left := func(s []player.Standing, who ...int) []player.Standing {
		return mark(s, func(st *player.Standing) { st.Left = true }, who...)
	}
	filled := func(s []player.Standing, who ...int) []player.Standing {
		return mark(s, func(st *player.Standing) { st.Filled = true }, who...)
	}
	for name, test := range map[string]struct {
		standings []player.Standing
		ratings   []int32
		want      []int32
	}{
		"equals":            {place(1, 2), []int32{1500, 1500}, []int32{16, -16}},
		"draw":              {place(1, 1), []int32{1500, 1500}, []int32{0, 0}},
		"favourite wins":    {place(1, 2), []int32{1900, 1500}, []int32{3, -3}},
		"underdog wins":     {place(2, 1), []int32{1900, 1500}, []int32{-29, 29}},
		"alone":             {place(1), []int32{1500}, []int32{0}},
		"three":             {place(1, 2, 3), []int32{1500, 1500, 1500}, []int32{16, 0, -16}},
		"teams":             {teams(place(1, 1, 3, 3), 1, 1, 2, 2), []int32{1600, 1400, 1500, 1500}, []int32{16, 16, -16, -16}},
		"teams draw":        {teams(place(1, 1, 1, 1), 1, 2, 1, 2), []int32{1900, 1500, 1500, 1100}, []int32{-13, 13, -13, 13}},
		"draw with a loser": {place(1, 1, 3), []int32{1500, 1500, 1500}, []int32{8, 8, -16}},

		"one has left, and who came loses nothing": {left(filled(place(1, 2, 3), 1), 2), []int32{1500, 1500, 1500}, []int32{16, 0, -16}},
		"who came is last of those who stayed":     {left(filled(place(1, 1, 3, 4), 2), 3), []int32{1500, 1500, 1500, 1500}, []int32{11, 11, 0, -16}},
		"who came wins":                            {filled(place(1, 2), 0), []int32{1500, 1500}, []int32{16, -16}},
		"the favourite is left behind nobody":      {left(place(2, 2), 0, 1), []int32{1100, 1900}, []int32{0, -16}},
		"one has left his team, which wins":        {left(filled(teams(place(1, 1, 3, 3, 5), 1, 1, 2, 2, 1), 1), 4), []int32{1500, 1500, 1500, 1500, 1500}, []int32{16, 16, -16, -16, -16}},
		"a team has left as a whole":               {left(teams(place(1, 1, 3, 3), 1, 1, 2, 2), 2, 3), []int32{1500, 1500, 1500, 1500}, []int32{16, 16, -16, -16}},
	} {
		outcomes := player.Arena(test.standings, test.ratings)
		for i, o := range outcomes {
			if o.Rating != test.want[i] {
				t.Errorf("%s: rating of player %d changes by %d, want %d", name, i+1, o.Rating, test.want[i])
			}
			if nothing := len(o.Reward) == 0 && o.Exp == 0; nothing != test.standings[i].Left {
				t.Errorf("%s: player %d gets %v and %d experience", name, i+1, o.Reward, o.Exp)
			}
		}
	}
}

func BenchmarkApply(b *testing.B) {
	benchmark(b, func(b *testing.B, s *player.Store) {
		n := 0
		for b.Loop() {
			n++
			if _, err := s.Apply(b.Context(), player.Op{Key: fmt.Sprint(n), Player: 7, Reason: "test", Wallet: gold(1)}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSave(b *testing.B) {
	benchmark(b, func(b *testing.B, s *player.Store) {
		for b.Loop() {
			if err := s.Save(b.Context(), 7, 1, player.Save{State: []byte(`{"stats":{}}`), Schema: 1}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmark(b *testing.B, run func(b *testing.B, s *player.Store)) {
	for name, open := range map[string]func(testing.TB) *store.Stores{"embedded": storetest.Embedded, "real": storetest.Real} {
		b.Run(name, func(b *testing.B) {
			s := player.New(storetest.Migrated(b, open(b), "player", migrations.FS("player")), id.NewGenerator(1, nil), nil)
			if _, err := s.Load(b.Context(), 7, 1, 1); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			run(b, s)
		})
	}
}
