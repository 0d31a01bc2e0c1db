package player_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/game/store/player"
)

// TestVisits has players come, come again, be handed over, leave and be saved by holders who have lost them, in random order: the log is to be told of what an
// oracle says, and no time but that of the clock.
func TestVisits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *player.Store, db *gorm.DB) {
		now := time.UnixMilli(1_800_000_000_000)
		s := player.New(db, id.NewGenerator(2, nil), func() time.Time { return now })
		type visitor struct {
			epoch uint64
			came  time.Time // zero: he is not in
		}
		rnd := rand.New(rand.NewPCG(3, 4))
		visitors := map[player.ID]*visitor{1: {}, 2: {}, 3: {}}
		var want []string
		say := func(p player.ID, kind, format string, args ...any) {
			want = append(want, fmt.Sprintf("%d %s %d ", p, kind, now.UnixMilli())+fmt.Sprintf(format, args...))
		}
		next := int64(0)
		for range 150 {
			now = now.Add(time.Duration(rnd.IntN(5000)) * time.Millisecond)
			n := player.ID(1 + rnd.IntN(3))
			v := visitors[n]
			seconds := int64(now.Sub(v.came) / time.Second)
			switch op := rnd.IntN(6); {
			case op == 0 || v.epoch == 0:
				way := []string{"password", "guest", ""}[rnd.IntN(3)]
				p, err := s.Enter(t.Context(), n, int64(1000+n), 1, way)
				if err != nil {
					t.Fatal(err)
				}
				if !v.came.IsZero() {
					say(n, "logout", `{"how":"lost","seconds":%d}`, seconds)
				}
				v.epoch, v.came = p.Epoch, now
				if way == "" {
					say(n, "login", `{}`)
				} else {
					say(n, "login", `{"way":"%s"}`, way)
				}
			case op == 1: // handed over: he stays in
				p, err := s.LoadFrom(t.Context(), n, int64(1000+n), 1, v.epoch)
				if err != nil {
					t.Fatal(err)
				}
				v.epoch = p.Epoch
			case op == 2: // by one who has lost him
				save := player.Save{State: []byte("{}"), Schema: 1, Leaves: true, Arrivals: []player.Arrival{{ID: 1, At: now}}}
				if err := s.Save(t.Context(), n, v.epoch-1, save); fault.CodeOf(err) != fault.Fenced {
					t.Fatal(err)
				}
			default:
				save := player.Save{State: []byte("{}"), Schema: 1, Leaves: op == 5}
				for range rnd.IntN(3) {
					next++
					save.Arrivals = append(save.Arrivals, player.Arrival{ID: 1<<40 + next, At: now, Way: "device"})
					say(n, "login", `{"way":"device"}`)
				}
				for range 1 + rnd.IntN(2) { // the second time its answer was lost
					if err := s.Save(t.Context(), n, v.epoch, save); err != nil {
						t.Fatal(err)
					}
				}
				if save.Leaves && !v.came.IsZero() {
					say(n, "logout", `{"how":"left","seconds":%d}`, seconds)
					v.came = time.Time{}
				}
			}
		}
		unlogged, err := s.Unlogged(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		told := map[int64]bool{} // as the log does
		var got []string
		for _, u := range unlogged {
			if strings.HasPrefix(u.Kind, "log") && !told[u.ID] {
				told[u.ID] = true
				got = append(got, fmt.Sprintf("%d %s %d %s", u.Player, u.Kind, u.At, u.Details))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the log is to be told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}

		if err := s.ErasePlayer(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		if unlogged, err = s.Unlogged(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		for _, u := range unlogged {
			if erased := u.Details == "{}"; strings.HasPrefix(u.Kind, "log") && u.Player == 2 && !erased {
				t.Errorf("of the erased it has still to be told %s", u.Details)
			}
		}
	})
}

// TestBadVisits is what is no login.
func TestBadVisits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		p := load(t, s, 1)
		for name, arrivals := range map[string][]player.Arrival{
			"no number":  {{}},
			"a long way": {{ID: 1, Way: strings.Repeat("w", player.MaxWay+1)}},
			"no text":    {{ID: 1, Way: "\xff"}},
			"many":       make([]player.Arrival, player.MaxArrivals+1),
		} {
			err := s.Save(t.Context(), 1, p.Epoch, player.Save{State: []byte("{}"), Schema: 1, Arrivals: arrivals})
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.Enter(t.Context(), 1, 1001, 1, strings.Repeat("w", player.MaxWay+1)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a long way in: %v", err)
		}
	})
}
