package player_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/player"
	"loumiao/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// each runs test on the players' tables of each engine, and audits them at the end.
func each(t *testing.T, test func(t *testing.T, s *player.Store, db *gorm.DB)) {
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		db := storetest.Migrated(t, stores, "player", migrations.FS("player"))
		s := player.New(db, id.NewGenerator(1, nil), nil)
		test(t, s, db)
		audit(t, s)
	})
}

func audit(t *testing.T, s *player.Store) {
	t.Helper()
	if off, err := s.Audit(context.Background()); len(off) != 0 || err != nil {
		t.Errorf("wallets and ledger differ: %+v, %v", off, err)
	}
}

// load loads player n, who is account 1000+n's.
func load(t *testing.T, s *player.Store, n player.ID) *player.Player {
	t.Helper()
	p, err := s.Load(t.Context(), n, int64(1000+n), 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t *testing.T, s *player.Store, n player.ID) *player.Player {
	t.Helper()
	p, err := s.Read(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLoadFrom gives a player from one holder to the next, unless somebody else has taken him since.
func TestLoadFrom(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		if _, err := s.LoadFrom(t.Context(), 7, 1007, 1, 1); !errors.Is(err, player.ErrNotFound) {
			t.Errorf("a player who was never loaded: %v", err)
		}
		load(t, s, 7)
		load(t, s, 7)
		for epoch, want := range map[uint64]fault.Code{0: fault.Invalid, 1: fault.Fenced, 3: fault.Fenced} {
			if _, err := s.LoadFrom(t.Context(), 7, 1007, 1, epoch); fault.CodeOf(err) != want {
				t.Errorf("from epoch %d: %v, want %v", epoch, err, want)
			}
		}
		if _, err := s.LoadFrom(t.Context(), 7, 9, 1, 2); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("of another account: %v", err)
		}
		if p, err := s.LoadFrom(t.Context(), 7, 1007, 1, 2); err != nil || p.Epoch != 3 {
			t.Errorf("from the holder: %+v, %v", p, err)
		}
	})
}

func TestLoadCreatesOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		if _, err := s.Read(t.Context(), 7); !errors.Is(err, player.ErrNotFound) {
			t.Errorf("Read before the first Load: %v", err)
		}
		p := load(t, s, 7)
		if p.Epoch != 1 || p.Level != 1 || p.Rating != player.StartRating || p.Area != 1 || p.Origin != 1 || p.State != nil || p.Schema != 0 {
			t.Errorf("a new player: %+v", p)
		}
		if !strings.HasPrefix(p.Name, "Pilot-") || p.Wallet[player.Gold] != player.StartGold {
			t.Errorf("a new player: %+v", p)
		}
		again, err := s.Load(t.Context(), 7, 1007, 2)
		if err != nil || again.Epoch != 2 || again.Name != p.Name || again.Area != 1 || again.Wallet[player.Gold] != player.StartGold {
			t.Errorf("the second Load: %+v, %v", again, err)
		}
		if _, err := s.Load(t.Context(), 7, 9, 1); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("another account's Load: %v", err)
		}
		for _, bad := range [][2]int64{{0, 1}, {-1, 1}, {1, 0}} {
			if _, err := s.Load(t.Context(), player.ID(bad[0]), bad[1], 1); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("Load(%v): %v", bad, err)
			}
		}
		if entries, err := s.Ledger(t.Context(), 7, 0, 0); err != nil || len(entries) != 1 || entries[0].Key != "create:7" {
			t.Errorf("ledger = %+v, %v", entries, err)
		}
	})
}

// Any number may load one player, also for the first time: each gets an epoch of its own, and he begins with one wallet.
func TestConcurrentLoads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		const n = 16
		var mu sync.Mutex
		epochs := map[uint64]bool{}
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				p, err := s.Load(t.Context(), 7, 1007, 1)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				epochs[p.Epoch] = true
			})
		}
		wg.Wait()
		if len(epochs) != n || !epochs[n] {
			t.Errorf("epochs = %v, want 1 to %d", epochs, n)
		}
		if gold := read(t, s, 7).Wallet[player.Gold]; gold != player.StartGold {
			t.Errorf("gold = %d", gold)
		}
	})
}

// Many players who come for the first time at once do not stand in each other's way.
func TestConcurrentCreations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		const workers, players = 8, 20
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for n := range players {
					if _, err := s.Load(t.Context(), player.ID(1+n*workers+w), 1, 1); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestSaveIsFenced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		old := load(t, s, 7)
		state := []byte(`{"n": 9223372036854775807, "s": "é\u0000🚀"}`)
		if err := s.Save(t.Context(), 7, old.Epoch, player.Save{State: state, Schema: 2}); err != nil {
			t.Fatal(err)
		}
		// Saving the same again is no different.
		if err := s.Save(t.Context(), 7, old.Epoch, player.Save{State: state, Schema: 2}); err != nil {
			t.Fatal(err)
		}
		p := load(t, s, 7)
		if !bytes.Equal(p.State, state) || p.Schema != 2 || p.Version <= old.Version {
			t.Errorf("loaded %s, schema %d, version %d after %d", p.State, p.Schema, p.Version, old.Version)
		}
		for name, test := range map[string]struct {
			id    player.ID
			epoch uint64
			save  player.Save
			want  error
		}{
			"old epoch":      {7, old.Epoch, player.Save{State: []byte("{}"), Schema: 2}, player.ErrFenced},
			"epoch to come":  {7, p.Epoch + 1, player.Save{State: []byte("{}"), Schema: 2}, player.ErrFenced},
			"older schema":   {7, p.Epoch, player.Save{State: []byte("{}"), Schema: 1}, player.ErrNewerState},
			"unknown player": {8, 1, player.Save{State: []byte("{}"), Schema: 2}, player.ErrNotFound},
			"no schema":      {7, p.Epoch, player.Save{State: []byte("{}")}, fault.New(fault.Invalid, "")},
			"not JSON":       {7, p.Epoch, player.Save{State: []byte("{"), Schema: 2}, fault.New(fault.Invalid, "")},
			"empty":          {7, p.Epoch, player.Save{Schema: 2}, fault.New(fault.Invalid, "")},
			"huge":           {7, p.Epoch, player.Save{State: bytes.Repeat([]byte("1"), player.MaxState+1), Schema: 2}, fault.New(fault.TooLarge, "")},
		} {
			if err := s.Save(t.Context(), test.id, test.epoch, test.save); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
			if now := read(t, s, 7); !bytes.Equal(now.State, state) || now.Version != p.Version {
				t.Errorf("%s changed the player: %+v", name, now)
			}
		}
		if err := s.Save(t.Context(), 7, p.Epoch, player.Save{State: []byte("{}"), Schema: 3}); err != nil {
			t.Error(err)
		}
		// A build that does not read that takes the player from nobody.
		older := s.Reading(2)
		_, err := older.Load(t.Context(), 7, p.Account, p.Area)
		_, given := older.LoadFrom(t.Context(), 7, p.Account, p.Area, p.Epoch)
		if !errors.Is(err, player.ErrNewerState) || !errors.Is(given, player.ErrNewerState) {
			t.Errorf("an older build loads the player: %v, and %v", err, given)
		}
		if err := s.Save(t.Context(), 7, p.Epoch, player.Save{State: []byte("{}"), Schema: 3}); err != nil {
			t.Errorf("after an older build would have loaded the player: %v", err)
		}
		if _, err := s.Reading(3).Load(t.Context(), 7, p.Account, p.Area); err != nil {
			t.Error(err)
		}
	})
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for exp, want := range map[int64]int32{-1: 1, 0: 1, 99: 1, 100: 2, 299: 2, 300: 3, 494_999: 99, 495_000: 100, player.MaxBalance: 100} {
		if got := player.LevelAt(exp); got != want {
			t.Errorf("LevelAt(%d) = %d, want %d", exp, got, want)
		}
	}
}
