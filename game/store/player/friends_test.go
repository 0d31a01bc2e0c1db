package player_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/game/store/player"
)

// bonds is what others are to a player.
func bonds(t *testing.T, s *player.Store, id player.ID) map[player.ID]player.Bond {
	t.Helper()
	all, err := s.Friends(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	have := map[player.ID]player.Bond{}
	for _, r := range all {
		if r.Name == "" || r.Level != 1 || r.Since.IsZero() {
			t.Errorf("%+v is incomplete", r)
		}
		have[r.Player] = r.Bond
	}
	return have
}

// relate is what the other is to a player after an act, and whether the act has changed what the player is to him.
func relate(t *testing.T, s *player.Store, id player.ID, epoch uint64, other player.ID, act player.Act) (player.Bond, bool, error) {
	t.Helper()
	r, err := s.Relate(t.Context(), id, epoch, other, act)
	if err == nil && (r.Mine.Player != other || r.Theirs.Player != id || r.Mine.Name == "" || r.Theirs.Name == "") {
		t.Errorf("%d and %d are %+v", id, other, r)
	}
	return r.Mine.Bond, r.Told, err
}

func TestFriends(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		for n := player.ID(1); n <= 3; n++ {
			load(t, s, n)
		}
		epoch := load(t, s, 1).Epoch
		want := func(what string, first, second map[player.ID]player.Bond) {
			t.Helper()
			if a, b := bonds(t, s, 1), bonds(t, s, 2); !maps.Equal(a, first) || !maps.Equal(b, second) {
				t.Errorf("%s: they are %v and %v, want %v and %v", what, a, b, first, second)
			}
		}
		type is = map[player.ID]player.Bond
		for range 2 {
			if b, _, err := relate(t, s, 1, epoch, 2, player.Ask); b != player.Asked || err != nil {
				t.Errorf("asking: %d, %v", b, err)
			}
		}
		want("asked", is{2: player.Asked}, is{1: player.AskedBy})
		for range 2 {
			if b, _, err := relate(t, s, 2, 0, 1, player.Ask); b != player.Friend || err != nil {
				t.Errorf("accepting: %d, %v", b, err)
			}
		}
		want("friends", is{2: player.Friend}, is{1: player.Friend})
		for _, told := range []bool{true, false} {
			if _, is, err := relate(t, s, 1, epoch, 2, player.Part); is != told || err != nil {
				t.Errorf("parting: %t, %v", is, err)
			}
		}
		want("parted", is{}, is{})
		if _, _, err := relate(t, s, 1, epoch, 2, player.Ask); err != nil {
			t.Fatal(err)
		}
		if _, told, err := relate(t, s, 2, 0, 1, player.Block); !told || err != nil {
			t.Errorf("blocking: %t, %v", told, err)
		}
		want("blocked", is{}, is{1: player.Blocked})
		for a, b := range map[player.ID]player.ID{1: 2, 2: 1} {
			if _, _, err := relate(t, s, a, 0, b, player.Ask); !errors.Is(err, player.ErrBlocked) {
				t.Errorf("%d asks %d: %v", a, b, err)
			}
		}
		if _, told, err := relate(t, s, 1, epoch, 2, player.Part); told || err != nil { // which does not unblock him
			t.Errorf("parting from who has blocked: %t, %v", told, err)
		}
		if _, told, err := relate(t, s, 1, epoch, 2, player.Block); told || err != nil {
			t.Errorf("blocking back: %t, %v", told, err)
		}
		want("blocked back", is{2: player.Blocked}, is{1: player.Blocked})
		if _, told, err := relate(t, s, 2, 0, 1, player.Part); told || err != nil {
			t.Errorf("unblocking: %t, %v", told, err)
		}
		want("unblocked", is{2: player.Blocked}, is{})

		if _, _, err := relate(t, s, 1, epoch, 1, player.Ask); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("asking himself: %v", err)
		}
		if _, _, err := relate(t, s, 1, epoch, 9, player.Ask); !errors.Is(err, player.ErrNotFound) {
			t.Errorf("asking nobody: %v", err)
		}
		if _, _, err := relate(t, s, 1, epoch-1, 3, player.Ask); !errors.Is(err, player.ErrFenced) {
			t.Errorf("an old holder asks: %v", err)
		}
		if _, _, err := relate(t, s, 1, epoch, 3, 4); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("no such act: %v", err)
		}
		if _, err := s.Load(t.Context(), 4, 1004, 2); err != nil {
			t.Fatal(err)
		}
		if _, _, err := relate(t, s, 1, epoch, 4, player.Ask); !errors.Is(err, player.ErrNotFound) {
			t.Errorf("asking a player of another area: %v", err)
		}
		name := read(t, s, 3).Name
		if found, err := s.Find(t.Context(), 1, name); err != nil || found.Player != 3 || found.Name != name {
			t.Errorf("found %+v, %v", found, err)
		}
		for area, name := range map[uint16]string{2: name, 1: "Nobody"} {
			if _, err := s.Find(t.Context(), area, name); !errors.Is(err, player.ErrNotFound) {
				t.Errorf("found in area %d: %v", area, err)
			}
		}
	})
}

// TestFriendLimits holds the numbers on both sides.
func TestFriendLimits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, db *gorm.DB) {
		load(t, s, 1)
		for n := player.ID(2); n <= player.MaxAsked+2; n++ {
			load(t, s, n)
			_, _, err := relate(t, s, 1, 0, n, player.Ask)
			if full := n == player.MaxAsked+2; full != errors.Is(err, player.ErrTooMany) || !full && err != nil {
				t.Errorf("asking the player %d: %v", n, err)
			}
		}
		// Accepting counts friends, and those who were asked make room.
		if b, _, err := relate(t, s, 2, 0, 1, player.Ask); b != player.Friend || err != nil {
			t.Errorf("accepting: %d, %v", b, err)
		}
		if _, _, err := relate(t, s, 1, 0, player.MaxAsked+2, player.Ask); err != nil {
			t.Errorf("asking with room again: %v", err)
		}
		if n := len(bonds(t, s, 1)); n != player.MaxAsked+1 {
			t.Errorf("he has %d", n)
		}
	})
}

// TestFriendsAgainstOracle has a few players do everything to each other, at the same time and against a plain map: however they meet, both sides agree.
func TestFriendsAgainstOracle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		const players = 4
		for n := player.ID(1); n <= players; n++ {
			load(t, s, n)
		}
		act := func(rng *rand.Rand, a, b player.ID) (what int, err error) {
			switch what = rng.IntN(4); what {
			case 0, 1:
				_, _, err = relate(t, s, a, 0, b, player.Ask)
			case 2:
				_, _, err = relate(t, s, a, 0, b, player.Part)
			case 3:
				_, _, err = relate(t, s, a, 0, b, player.Block)
			}
			return what, err
		}
		type pair [2]player.ID
		have := map[pair]player.Bond{}
		rng := rand.New(rand.NewPCG(9, 9))
		for step := range 80 {
			a, b := player.ID(1+rng.IntN(players)), player.ID(1+rng.IntN(players))
			what, err := act(rng, a, b)
			mine, theirs := have[pair{a, b}], have[pair{b, a}]
			var want error
			switch {
			case a == b:
				want = fault.New(fault.Invalid, "")
			case what <= 1 && (mine == player.Blocked || theirs == player.Blocked):
				want = player.ErrBlocked
			case what <= 1 && mine == player.AskedBy:
				have[pair{a, b}], have[pair{b, a}] = player.Friend, player.Friend
			case what <= 1 && mine == player.NoBond:
				have[pair{a, b}], have[pair{b, a}] = player.Asked, player.AskedBy
			case what == 2 || what == 3 && mine != player.Blocked:
				delete(have, pair{a, b})
				if theirs != player.Blocked {
					delete(have, pair{b, a})
				}
				if what == 3 {
					have[pair{a, b}] = player.Blocked
				}
			}
			if !errors.Is(err, want) {
				t.Fatalf("step %d: %d does %d to %d: %v, want %v", step, a, what, b, err, want)
			}
		}
		stored := map[pair]player.Bond{}
		for n := player.ID(1); n <= players; n++ {
			for other, bond := range bonds(t, s, n) {
				stored[pair{n, other}] = bond
			}
		}
		if !maps.Equal(stored, have) {
			t.Fatalf("stored is %v, want %v", stored, have)
		}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(w), 1))
				for range 12 {
					a := player.ID(1 + rng.IntN(players))
					if _, err := act(rng, a, a%players+1); err != nil && !errors.Is(err, player.ErrBlocked) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for n := player.ID(1); n <= players; n++ {
			for other, bond := range bonds(t, s, n) {
				back := bonds(t, s, other)[n]
				switch bond {
				case player.Friend:
					back -= player.Friend
				case player.Asked:
					back -= player.AskedBy
				case player.AskedBy:
					back -= player.Asked
				default:
					continue
				}
				if back != 0 {
					t.Errorf("%s", fmt.Sprint(n, " and ", other, " do not agree: ", bond, " and ", bonds(t, s, other)[n]))
				}
			}
		}
	})
}
