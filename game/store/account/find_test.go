package account_test

import (
	"errors"
	"testing"

	"loumiao/game/store/account"
)

// TestFind finds an account by the player that it plays and by the name that its owner logs in with, also when it was erased.
func TestFind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		acc, err := s.Register(t.Context(), "Bob", "secret-of-bob")
		if err != nil {
			t.Fatal(err)
		}
		player, err := s.Character(t.Context(), acc, 1)
		if err != nil {
			t.Fatal(err)
		}
		there := func(want bool) {
			t.Helper()
			if got, err := s.OfPlayer(t.Context(), player); err != nil || got != acc {
				t.Errorf("of the player: %d, %v", got, err)
			}
			if got, err := s.Exists(t.Context(), acc); err != nil || got != want {
				t.Errorf("it exists: %v, %v", got, err)
			}
			if got, err := s.Named(t.Context(), "bOB"); want && (err != nil || got != acc) || !want && !errors.Is(err, account.ErrNoAccount) {
				t.Errorf("named: %d, %v", got, err)
			}
		}
		there(true)
		for _, name := range []string{"bob ", "", "rob"} {
			if _, err := s.Named(t.Context(), name); !errors.Is(err, account.ErrNoAccount) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := s.OfPlayer(t.Context(), player+1); !errors.Is(err, account.ErrNoAccount) {
			t.Errorf("another player: %v", err)
		}
		if _, _, err := s.ErasePlayer(t.Context(), player); err != nil {
			t.Fatal(err)
		}
		there(false)
	})
}
