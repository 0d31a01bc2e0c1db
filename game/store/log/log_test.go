package log_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/log"
)

// TestOracle appends records at random, many of them again, over days that pass, and pages through them: each is there once, the newest first, and those
// of days that are over are gone.
func TestOracle(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		db, err := stores.SQL("log")
		if err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 1, 30, 12, 0, 0, 0, time.UTC)
		s := log.New(db, 2, func() time.Time { return now })
		rnd := rand.New(rand.NewPCG(3, 4))
		var all []log.Record
		for range 5 {
			batch := slices.Clone(all[:min(len(all), rnd.IntN(40))]) // once more
			for range 60 {
				r := log.Record{
					Player: 1 + rnd.Int64N(3), ID: int64(len(all) + 1), Kind: []string{"login", "battle"}[rnd.IntN(2)], Area: 1,
					At: now.Add(time.Duration(rnd.IntN(3600)) * time.Second).UnixMilli(), Details: "{}",
				}
				all, batch = append(all, r), append(batch, r)
			}
			if err := s.Append(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			now = now.Add(24 * time.Hour)
		}
		now = now.Add(-24 * time.Hour)
		if n, err := s.Drop(t.Context()); n != 2 || err != nil {
			t.Errorf("%d days were dropped, %v; want 2", n, err)
		}
		from := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
		for _, q := range []log.Query{{Player: 2}, {Kind: "battle"}, {Player: 1, Kind: "login"}} {
			var want []log.Record
			for _, r := range all {
				if r.At >= from.UnixMilli() && (q.Player == 0 || q.Player == r.Player) && (q.Kind == "" || q.Kind == r.Kind) {
					want = append(want, r)
				}
			}
			slices.SortFunc(want, func(a, b log.Record) int {
				if a.At != b.At {
					return int(b.At - a.At)
				}
				return int(b.ID - a.ID)
			})
			var got []log.Record
			q.From, q.To, q.Limit = from.Add(-100*24*time.Hour), now.Add(48*time.Hour), 7
			for {
				page, err := s.Find(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page...)
				if len(page) < q.Limit {
					break
				}
				q.After = &page[len(page)-1]
			}
			if !slices.Equal(got, want) {
				t.Errorf("player %d, kind %q: %d records; want %d", q.Player, q.Kind, len(got), len(want))
			}
		}
		if _, err := s.Find(t.Context(), log.Query{}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a query for all: %v", err)
		}
		if err := s.Append(t.Context(), []log.Record{{Player: 1, ID: 1, Kind: "login", At: time.Now().Add(72 * time.Hour).UnixMilli(), Details: "{}"}}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a record to come: %v", err)
		}
		good := log.Record{Player: 1, ID: 1, Kind: "login", At: now.UnixMilli(), Details: "{}"}
		for name, change := range map[string]func(*log.Record){
			"no player":   func(r *log.Record) { r.Player = 0 },
			"no id":       func(r *log.Record) { r.ID = -1 },
			"no kind":     func(r *log.Record) { r.Kind = "" },
			"long kind":   func(r *log.Record) { r.Kind = strings.Repeat("k", 33) },
			"no JSON":     func(r *log.Record) { r.Details = "{" },
			"no object":   func(r *log.Record) { r.Details = "1" },
			"much to say": func(r *log.Record) { r.Details = `{"a":"` + strings.Repeat("a", 16<<10) + `"}` },
		} {
			bad := good
			change(&bad)
			if err := s.Append(t.Context(), []log.Record{bad}); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestWrongClocks has nodes whose clocks are years off take records, and drop what is old: nothing is refused, left out or dropped for that.
func TestWrongClocks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		db, err := stores.SQL("log")
		if err != nil {
			t.Fatal(err)
		}
		for id, off := range []time.Duration{0, 20 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour} {
			s := log.New(db, 2, func() time.Time { return time.Now().Add(off) })
			r := log.Record{Player: 1, ID: int64(id + 1), Kind: "login", Area: 1, At: time.Now().UnixMilli(), Details: "{}"}
			if err := s.Append(t.Context(), []log.Record{r}); err != nil {
				t.Errorf("a clock that is %v off: %v", off, err)
			}
			if n, err := s.Drop(t.Context()); n != 0 || err != nil {
				t.Errorf("a clock that is %v off: %d days were dropped, %v", off, n, err)
			}
		}
		right := log.New(db, 2, time.Now)
		found, err := right.Find(t.Context(), log.Query{Player: 1, From: time.Now().Add(-48 * time.Hour), To: time.Now().Add(48 * time.Hour)})
		if err != nil || len(found) != 3 {
			t.Errorf("%d records are there, %v; want 3", len(found), err)
		}
	})
}
