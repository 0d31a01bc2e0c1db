package player_test

import (
	"errors"
	"sync"
	"testing"

	"gorm.io/gorm"

	"loumiao/game/store/player"
)

// TestErasedBeforeHeCame: who was never loaded, and may wait in line, is not made a player after he was erased.
func TestErasedBeforeHeCame(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		for range 2 {
			if err := s.ErasePlayer(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if p, err := s.Load(t.Context(), 1, 1001, 1); !errors.Is(err, player.ErrErased) {
			t.Errorf("he is loaded: %+v, %v", p, err)
		}
		for id := player.ID(2); id < 12; id++ { // or comes in this moment
			var work sync.WaitGroup
			work.Go(func() { _, _ = s.Load(t.Context(), id, 1001, 1) })
			if err := s.ErasePlayer(t.Context(), id); err != nil {
				t.Error(err)
			}
			work.Wait()
			if p, err := s.Load(t.Context(), id, 1001, 1); !errors.Is(err, player.ErrErased) {
				t.Errorf("he is loaded: %+v, %v", p, err)
			}
		}
		if standings, err := s.Standings(t.Context(), 0, 100); err != nil || len(standings) != 0 {
			t.Errorf("%+v, %v", standings, err)
		}
	})
}

// TestNothingComesToTheErased: what was on its way to a player, or is done to him later, leaves nothing that nobody could take away again.
func TestNothingComesToTheErased(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 1)
		friend, eve := load(t, s, 2), load(t, s, 3)
		if _, _, err := relate(t, s, 2, friend.Epoch, 1, player.Ask); err != nil {
			t.Fatal(err)
		}
		if err := s.ErasePlayer(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.SendMail(t.Context(), player.Letter{Key: "late", Player: 1, Sender: "support", Subject: "To Zanzibar"}); !errors.Is(err, player.ErrErased) {
			t.Errorf("a mail: %v", err)
		}
		for _, act := range []player.Act{player.Ask, player.Block} {
			if _, _, err := relate(t, s, 3, eve.Epoch, 1, act); !errors.Is(err, player.ErrErased) {
				t.Errorf("act %d: %v", act, err)
			}
		}
		if _, _, err := relate(t, s, 3, eve.Epoch, 1, player.Part); err != nil {
			t.Errorf("parting: %v", err)
		}
		for n := player.ID(1); n <= 3; n++ {
			if have := bonds(t, s, n); len(have) != 0 {
				t.Errorf("to %d they are %v", n, have)
			}
		}
	})
}
