package player_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"loumiao/game/store/player"
)

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
