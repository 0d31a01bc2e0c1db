package public_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/public"
	"loumiao/migrations"
)

// A clock is one that stands until it is moved.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time        { return time.UnixMilli(c.ms.Load()) }
func (c *clock) pass(by time.Duration) { c.ms.Add(by.Milliseconds()) }

// each runs test with the tables of each engine, for the one who leads.
func each(t *testing.T, test func(t *testing.T, l *public.Leader, c *clock, next func() *public.Leader)) {
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		db := storetest.Migrated(t, stores, "public", migrations.FS("public"))
		c := &clock{}
		c.ms.Store(1_800_000_000_000)
		s := public.New(db, c.now)
		next := func() *public.Leader { return s.Leading(newEpoch(t, db)) }
		test(t, next(), c, next)
	})
}

func newEpoch(t *testing.T, db *gorm.DB) uint64 {
	t.Helper()
	epoch, err := lease.NextEpoch(t.Context(), db, public.Fence)
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

func standing(player int64, rating int32, version int64, matched int64) public.Standing {
	return public.Standing{Player: player, Area: 1, Name: fmt.Sprint("p", player), Level: 1, Rating: rating, Version: version, Matched: matched}
}

func rank(t *testing.T, l *public.Leader, standings ...public.Standing) []public.Move {
	t.Helper()
	moves, err := l.Rank(t.Context(), standings)
	if err != nil {
		t.Fatal(err)
	}
	return moves
}

func ranks(t *testing.T, s *public.Store) (all []public.Rank) {
	t.Helper()
	for after := (public.Rank{}); ; after = all[len(all)-1] {
		page, err := s.Ranks(t.Context(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

// A deposed leader writes nothing at all.
func TestFenced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, old *public.Leader, c *clock, next func() *public.Leader) {
		next()
		for name, write := range map[string]func() error{
			"rank":      func() error { _, err := old.Rank(t.Context(), []public.Standing{standing(1, 1, 1, 1)}); return err },
			"forget":    func() error { _, err := old.Forget(t.Context(), 1); return err },
			"begin":     func() error { return old.BeginSeason(t.Context(), 1) },
			"end":       func() error { return old.EndSeason(t.Context(), 1, c.now(), 0) },
			"settle":    func() error { return old.Settle(t.Context(), 1, 1, []int64{1}) },
			"settled":   func() error { _, err := old.SettleSeason(t.Context(), 1, 1); return err },
			"say":       func() error { return old.Say(t.Context(), public.Line{Area: 1, Number: 1}) },
			"trim":      func() error { _, err := old.TrimChat(t.Context(), 1, 1); return err },
			"mute":      func() error { return old.Mute(t.Context(), public.Mute{Player: 1}) },
			"last":      func() error { _, err := old.LastRun(t.Context(), "j", 1); return err },
			"start":     func() error { _, err := old.StartRun(t.Context(), "j", 1, c.now()); return err },
			"skip":      func() error { return old.SkipRun(t.Context(), "j", 1, c.now()) },
			"ended":     func() error { return old.EndRun(t.Context(), "j", 1, c.now(), nil) },
			"broadcast": func() error { _, err := old.Broadcast(t.Context(), public.Broadcast{ID: 1, Key: "k"}); return err },
			"tidy":      func() error { return old.TidyBroadcasts(t.Context(), c.now()) },
			"command": func() error {
				_, _, err := old.StartCommand(t.Context(), public.Command{ID: "1", Args: "{}"})
				return err
			},
			"did": func() error { return old.EndCommand(t.Context(), public.Command{ID: "1", Result: "{}"}) },
		} {
			if err := write(); !errors.Is(err, public.ErrFenced) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestRank(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *public.Leader, c *clock, _ func() *public.Leader) {
		if moves := rank(t, l, standing(7, 1500, 3, 100)); len(moves) != 2 || moves[0].Board != public.Rating || moves[0].Score != 1500 || moves[0].ReachedAt != 100 {
			t.Errorf("the first time: %+v", moves)
		}
		if moves := rank(t, l, standing(7, 1600, 2, 50), standing(7, 1500, 3, 100)); len(moves) != 0 {
			t.Errorf("what is old moves: %+v", moves)
		}
		if moves := rank(t, l, standing(7, 1500, 4, 200)); moves[0].ReachedAt != 100 || moves[0].MatchedAt != 200 {
			t.Errorf("the same score is reached again: %+v", moves[0])
		}
		if moves := rank(t, l, standing(7, 1510, 5, 200)); moves[0].ReachedAt != c.now().UnixMilli() {
			t.Errorf("without a match: %+v", moves[0])
		}
		far := standing(7, 1510, 6, 200)
		far.Area = 2
		if moves := rank(t, l, far, standing(7, 1, 5, 0)); moves[0].Area != 2 || moves[0].From != 1 {
			t.Errorf("in another area: %+v", moves[0])
		}
		rank(t, l, standing(8, 10, 1, 0), standing(9, 10, 1, 0))
		if all := ranks(t, l.Store); len(all) != 6 || all[0].Board != public.Level || all[3].Player != 7 {
			t.Errorf("in all: %+v", all)
		}
		if n, err := l.CountLevels(t.Context(), 1, 0, 1); n != 2 || err != nil {
			t.Errorf("%d have level 1 in area 1, %v", n, err)
		}
		if n, err := l.CountLevels(t.Context(), 0, 1, 0); n != 3 || err != nil {
			t.Errorf("%d have a level, %v", n, err)
		}
		if areas, err := l.Forget(t.Context(), 8); err != nil || !slices.Equal(areas, []uint16{1, 1}) || len(ranks(t, l.Store)) != 4 {
			t.Errorf("forgotten: %v, %v, %d", areas, err, len(ranks(t, l.Store)))
		}
		if moves := rank(t, l, standing(8, 20, 9, 0), standing(9, 11, 2, 0)); len(moves) != 2 || moves[0].Player != 9 || len(ranks(t, l.Store)) != 4 {
			t.Errorf("told of late: %+v", moves)
		}
	})
}

// Standings that come twice, late and in any order lead to the same as the newest alone.
func TestRankInAnyOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *public.Leader, _ *clock, _ func() *public.Leader) {
		rng := rand.New(rand.NewPCG(1, 2))
		newest := map[int64]public.Standing{}
		var all []public.Standing
		for range 120 {
			p := int64(1 + rng.IntN(12))
			s := standing(p, int32(rng.IntN(50)), newest[p].Version+1+int64(rng.IntN(2)), 0)
			newest[p] = s
			all = append(all, s)
		}
		all = append(all, all...)
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for chunk := range slices.Chunk(all, 17) {
			rank(t, l, chunk...)
		}
		for _, r := range ranks(t, l.Store) {
			if want := newest[r.Player]; r.Board == public.Rating && (r.Score != int64(want.Rating) || r.Version != want.Version) {
				t.Errorf("%+v; want %+v", r, want)
			}
		}
	})
}

// TestSeason ends a season whose players have ties, late comers and some who only have a rating, and settles it in two parts under two leaders.
func TestSeason(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *public.Leader, c *clock, next func() *public.Leader) {
		if err := errors.Join(l.BeginSeason(t.Context(), 1), l.BeginSeason(t.Context(), 1)); err != nil {
			t.Fatal(err)
		}
		began := c.now().UnixMilli()
		c.pass(time.Hour)
		other := standing(9, 3000, 1, began+9)
		other.Area = 2
		rank(t, l, other, standing(1, 1500, 1, began+30), standing(2, 1600, 1, began+20), standing(3, 1500, 1, began+10), standing(4, 1500, 1, began+30),
			standing(5, 2000, 1, began-1), standing(6, 1500, 1, 0))
		when := c.now()
		c.pass(time.Minute)
		for range 2 {
			if err := l.EndSeason(t.Context(), 1, when, 1500); err != nil {
				t.Fatal(err)
			}
		}
		rank(t, l, standing(1, 9999, 2, c.now().UnixMilli())) // too late for the season
		open, err := l.Unsettled(t.Context(), 1)
		if err != nil || len(open) != 1 || open[0].Number != 1 || !open[0].Ended.Equal(when) {
			t.Fatalf("%+v, %v", open, err)
		}
		places, err := l.UnsettledPlaces(t.Context(), 1, 1, 0, 10)
		var order []int64
		for i, p := range places {
			order = append(order, p.Player)
			if p.Place != int64(i+1) || p.Played != (p.Player != 5) {
				t.Errorf("%+v", p)
			}
		}
		if err != nil || !slices.Equal(order, []int64{2, 3, 1, 4, 5}) { // the same score: who reached it first, then the lower id
			t.Fatalf("places %v, %v", order, err)
		}
		if err := l.Settle(t.Context(), 1, 1, []int64{1, 2, 4}); err != nil {
			t.Fatal(err)
		}
		l = next()
		if all, err := l.SettleSeason(t.Context(), 1, 1); all || err != nil {
			t.Errorf("settled too early: %t, %v", all, err)
		}
		left, err := l.UnsettledPlaces(t.Context(), 1, 1, 0, 10)
		if err != nil || len(left) != 2 || left[0].Player != 1 || left[1].Player != 5 {
			t.Errorf("left are %+v, %v", left, err)
		}
		if err := l.Settle(t.Context(), 1, 1, []int64{3, 5}); err != nil {
			t.Fatal(err)
		}
		if all, err := l.SettleSeason(t.Context(), 1, 1); !all || err != nil {
			t.Errorf("not settled: %t, %v", all, err)
		}
		if open, err := l.Unsettled(t.Context(), 1); len(open) != 0 || err != nil {
			t.Errorf("unsettled: %+v, %v", open, err)
		}
		seasons, mine, err := l.Seasons(t.Context(), 1, 3, 10)
		if err != nil || len(seasons) != 2 || seasons[0].Number != 2 || !seasons[0].Starts.Equal(when) || !seasons[0].Ended.IsZero() || !seasons[1].Settled || mine[1].Place != 2 {
			t.Errorf("%+v, %+v, %v", seasons, mine, err)
		}
		if shown, err := l.Places(t.Context(), 1, 1, 2, 10); err != nil || len(shown) != 3 || shown[0].Player != 3 {
			t.Errorf("shown are %+v, %v", shown, err)
		}
	})
}

func TestChat(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *public.Leader, c *clock, _ func() *public.Leader) {
		for n := range int64(10) {
			for _, area := range []uint16{1, 2} {
				if err := l.Say(t.Context(), public.Line{Area: area, Number: n + 1, Player: 7, Name: "p7", Text: "hëllo", At: c.now()}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := l.Say(t.Context(), public.Line{Area: 1, Number: 10}); err == nil {
			t.Error("a number is given twice")
		}
		if n, err := l.TrimChat(t.Context(), 1, 4); n != 6 || err != nil {
			t.Errorf("trimmed %d, %v", n, err)
		}
		lines, err := l.Lines(t.Context(), 1, 3)
		if err != nil || len(lines) != 3 || lines[0].Number != 8 || lines[2].Text != "hëllo" || !lines[2].At.Equal(c.now()) {
			t.Errorf("%+v, %v", lines, err)
		}
		if all, err := l.Lines(t.Context(), 2, 100); len(all) != 10 || err != nil {
			t.Errorf("the other area has %d, %v", len(all), err)
		}
		if _, on, err := l.MuteOf(t.Context(), 7); on || err != nil {
			t.Errorf("muted: %t, %v", on, err)
		}
		for _, reason := range []string{"spam", "more spam"} {
			if err := l.Mute(t.Context(), public.Mute{Player: 7, Until: c.now().Add(time.Minute).UnixMilli(), Reason: reason, Author: "ann"}); err != nil {
				t.Fatal(err)
			}
		}
		if m, on, err := l.MuteOf(t.Context(), 7); !on || m.Reason != "more spam" || err != nil {
			t.Errorf("muted: %+v, %t, %v", m, on, err)
		}
		c.pass(time.Minute)
		if _, on, err := l.MuteOf(t.Context(), 7); on || err != nil {
			t.Errorf("muted for too long: %t, %v", on, err)
		}
	})
}

func TestRuns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *public.Leader, c *clock, next func() *public.Leader) {
		last, err := l.LastRun(t.Context(), "tidy", 1)
		if err != nil || last.Outcome != public.Begun || !last.Scheduled.Equal(c.now()) {
			t.Fatalf("%+v, %v", last, err)
		}
		at := c.now().Add(time.Hour)
		c.pass(time.Hour)
		// Many start it: one is the first.
		var firsts atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				first, err := l.StartRun(t.Context(), "tidy", 1, at)
				if err != nil {
					t.Error(err)
				}
				if first {
					firsts.Add(1)
				}
			})
		}
		wg.Wait()
		if firsts.Load() != 1 {
			t.Errorf("%d were the first", firsts.Load())
		}
		l = next()
		if open, err := l.LastRun(t.Context(), "tidy", 1); open.Outcome != public.Running || err != nil {
			t.Errorf("not ended: %+v, %v", open, err)
		}
		if err := l.EndRun(t.Context(), "tidy", 1, at, errors.New("no luck")); err != nil {
			t.Fatal(err)
		}
		if err := l.SkipRun(t.Context(), "tidy", 1, at); err != nil {
			t.Fatal(err)
		}
		if last, err := l.LastRun(t.Context(), "tidy", 1); err != nil || last.Outcome != public.Failed || last.Error != "no luck" || !last.Scheduled.Equal(at) || last.Ended.IsZero() {
			t.Errorf("%+v, %v", last, err)
		}
		for n := range 220 {
			when := at.Add(time.Duration(n+1) * time.Minute)
			if n == 0 {
				if _, err := l.StartRun(t.Context(), "tidy", 1, when); err != nil { // it never ends, and so stays
					t.Fatal(err)
				}
			} else if err := l.SkipRun(t.Context(), "tidy", 1, when); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.EndRun(t.Context(), "tidy", 1, at.Add(220*time.Minute), nil); err != nil {
			t.Fatal(err)
		}
		if runs, err := l.Runs(t.Context(), "tidy", 1, 1000); len(runs) != 201 || err != nil {
			t.Errorf("%d runs are kept, %v", len(runs), err)
		}
	})
}

// TestBroadcastOfALeaderWhoseClockIsBehind: who has seen the last one gets it too.
func TestBroadcastOfALeaderWhoseClockIsBehind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *public.Leader, c *clock, next func() *public.Leader) {
		send := func(l *public.Leader, id int64, key string) int64 {
			t.Helper()
			sent, err := l.Broadcast(t.Context(), public.Broadcast{ID: id, Key: key, Expires: c.now().Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			return sent.ID
		}
		seen := send(l, 100, "first")
		l = next()
		late := send(l, 50, "late")
		if list, err := l.Broadcasts(t.Context(), 1, seen, 9); err != nil || len(list) != 1 || list[0].ID != late {
			t.Errorf("after %d there are %+v, %v; want %d", seen, list, err, late)
		}
		if again := send(l, 60, "late"); again != late {
			t.Errorf("sent again it is %d; was %d", again, late)
		}
	})
}

func TestBroadcasts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *public.Leader, c *clock, _ func() *public.Leader) {
		b := public.Broadcast{
			ID: 100, Key: "command:1", Area: 1, MinLevel: 2, MaxLevel: 9, Sender: "system", Subject: "Hello", Body: "All",
			Wallet: map[string]int64{"gold": 5}, Author: "ann", Expires: c.now().Add(time.Hour),
		}
		all := b
		all.ID, all.Key, all.Area = 101, "command:2", 0
		for _, one := range []public.Broadcast{b, all} {
			if sent, err := l.Broadcast(t.Context(), one); err != nil || sent.ID != one.ID {
				t.Fatalf("%+v, %v", sent, err)
			}
		}
		again := b
		again.ID, again.Subject = 102, "Else"
		if sent, err := l.Broadcast(t.Context(), again); err != nil || sent.ID != 100 || sent.Subject != "Hello" {
			t.Errorf("again: %+v, %v", sent, err)
		}
		ids := func(area uint16, after int64, limit int) (ids []int64) {
			list, err := l.Broadcasts(t.Context(), area, after, limit)
			if err != nil {
				t.Error(err)
			}
			for _, one := range list {
				ids = append(ids, one.ID)
				if one.Wallet["gold"] != 5 || one.MaxLevel != 9 || !one.Expires.Equal(b.Expires) {
					t.Errorf("%+v", one)
				}
			}
			return ids
		}
		if got := []any{ids(1, 0, 9), ids(2, 0, 9), ids(1, 100, 9), ids(1, 0, 1)}; fmt.Sprint(got) != "[[100 101] [101] [101] [100]]" {
			t.Errorf("%v", got)
		}
		newest := func(want int64) {
			if id, err := l.NewestBroadcast(t.Context()); err != nil || id != want {
				t.Errorf("the newest is %d, %v; want %d", id, err, want)
			}
		}
		newest(101)
		c.pass(time.Hour)
		newest(0)
		if got := ids(1, 0, 9); got != nil {
			t.Errorf("expired ones reach players: %v", got)
		}
		if err := l.TidyBroadcasts(t.Context(), c.now().Add(time.Second)); err != nil {
			t.Error(err)
		}
		if sent, err := l.Broadcast(t.Context(), again); err != nil || sent.ID != 102 {
			t.Errorf("after it was deleted: %+v, %v", sent, err)
		}
	})
}

func TestCommands(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *public.Leader, c *clock, next func() *public.Leader) {
		do := public.Command{ID: "c1", Name: "mute", Args: `{"player":1}`, Author: "ann", Reason: "spam"}
		if c, first, err := l.StartCommand(t.Context(), do); !first || err != nil || c.Args != do.Args {
			t.Fatalf("%+v, %t, %v", c, first, err)
		}
		l = next()
		other := do
		other.Args = `{"player":2}`
		recorded, first, err := l.StartCommand(t.Context(), other)
		if first || err != nil || recorded.Args != do.Args || !recorded.Ended.IsZero() {
			t.Errorf("again: %+v, %t, %v", recorded, first, err)
		}
		c.pass(time.Second)
		recorded.Code, recorded.Error, recorded.Result = fault.NotFound, "nobody", `{"n":1}`
		if err := l.EndCommand(t.Context(), recorded); err != nil {
			t.Fatal(err)
		}
		twice := recorded
		twice.Code = fault.OK
		if err := l.EndCommand(t.Context(), twice); err != nil {
			t.Fatal(err)
		}
		list, err := l.Commands(t.Context(), time.Time{}, 10)
		if err != nil || len(list) != 1 || list[0].Code != fault.NotFound || list[0].Result != `{"n":1}` || list[0].Ended.Sub(list[0].Started) != time.Second {
			t.Errorf("%+v, %v", list, err)
		}
		if none, err := l.Commands(t.Context(), list[0].Started, 10); len(none) != 0 || err != nil {
			t.Errorf("%+v, %v", none, err)
		}
	})
}
