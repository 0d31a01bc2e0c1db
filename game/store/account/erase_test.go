package account_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"loumiao/game/store/account"
)

func TestErasePlayer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		ctx := t.Context()
		ada := must(s.Register(ctx, "ada", password))
		arcade := account.Identity{Kind: "arcade", Subject: "ada-of-the-arcade", Display: "Ada"}
		if err := s.Bind(ctx, ada, arcade); err != nil {
			t.Fatal(err)
		}
		first, second := must(s.Character(ctx, ada, 1)), must(s.Character(ctx, ada, 2))
		must(s.Impose(ctx, ada, account.Sanction{Reason: "Ada Lovelace insulted Charles", Author: "operator-1"}))
		refresh := must(s.IssueRefresh(ctx, ada, account.Origin{}, time.Hour))
		bea := must(s.Register(ctx, "bea", password))
		beas := must(s.IssueRefresh(ctx, bea, account.Origin{}, time.Hour))

		for range 2 {
			if acc, got, err := s.ErasePlayer(ctx, second); err != nil || acc != ada || !slices.Equal(got, []int64{first, second}) {
				t.Fatalf("erased %v, %v; the account had %d and %d", got, err, first, second)
			}
		}
		if _, err := s.Login(ctx, "ada", password); !errors.Is(err, account.ErrCredentials) {
			t.Errorf("who was erased logs in: %v", err)
		}
		if _, _, err := s.UseRefresh(ctx, refresh); !errors.Is(err, account.ErrRefresh) {
			t.Errorf("who was erased goes on: %v", err)
		}
		if _, err := s.IssueRefresh(ctx, ada, account.Origin{}, time.Hour); !errors.Is(err, account.ErrNoAccount) {
			t.Errorf("who was erased gets a login that had begun before: %v", err)
		}
		if list := must(s.Identities(ctx, ada)); len(list) != 0 {
			t.Errorf("identities are left: %v", list)
		}
		if err := s.Bind(ctx, ada, arcade); !errors.Is(err, account.ErrNoAccount) {
			t.Errorf("something is bound to who was erased: %v", err)
		}
		if got := must(s.Enter(ctx, arcade)); got == ada {
			t.Error("the channel's user comes back to what was erased")
		}
		if _, err := s.Impose(ctx, ada, account.Sanction{Reason: "Ada Lovelace, late", Author: "operator-1"}); !errors.Is(err, account.ErrNoAccount) {
			t.Errorf("something is written about who was erased: %v", err)
		}
		if list := must(s.Sanctions(ctx, ada)); len(list) != 1 || list[0].Reason != "erased" || list[0].Author != "operator-1" {
			t.Errorf("sanctions: %+v", list)
		}
		if got, _, err := s.UseRefresh(ctx, beas); got != bea || err != nil {
			t.Errorf("somebody else's login: %v, %v", got, err)
		}
		if acc, got, err := s.ErasePlayer(ctx, 12345); acc != 0 || len(got) != 0 || err != nil {
			t.Errorf("nobody is erased: %v, %v", got, err)
		}
	})
}

// TestEraseWhileRefreshing erases somebody who refreshes his login in this moment, into an area that he has not been in: whatever comes first, no login of his is left, and
// no player that the erasure has not named.
func TestEraseWhileRefreshing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		ctx := t.Context()
		left := func(acc account.ID, erased []int64) {
			t.Helper()
			if players := must(s.Players(ctx, acc)); !slices.Equal(players, erased) {
				t.Errorf("the account has the players %v, of which %v were erased", players, erased)
			}
			if logins := must(s.Logins(ctx, acc)); len(logins) != 0 {
				t.Errorf("logins are left: %+v", logins)
			}
		}
		const rounds = 20
		for round := range rounds {
			acc := must(s.Enter(ctx, account.Identity{Kind: "arcade", Subject: fmt.Sprint("user ", round)}))
			player := must(s.Character(ctx, acc, 1))
			token := must(s.IssueRefresh(ctx, acc, account.Origin{}, time.Hour))
			refresh := func() {
				who, _, err := s.UseRefresh(ctx, token)
				if errors.Is(err, account.ErrRefresh) {
					return
				}
				if err == nil {
					_, err = s.Character(ctx, who, 2)
				}
				if err != nil && !errors.Is(err, account.ErrNoAccount) {
					t.Error(err)
				}
			}
			var wg sync.WaitGroup
			wg.Go(refresh)
			_, erased, err := s.ErasePlayer(ctx, player)
			if err != nil {
				t.Error(err)
			}
			wg.Wait()
			left(acc, erased)
		}

		acc := must(s.Enter(ctx, account.Identity{Kind: "arcade", Subject: "slow"}))
		player := must(s.Character(ctx, acc, 1))
		token := must(s.IssueRefresh(ctx, acc, account.Origin{}, time.Hour))
		if _, _, err := s.UseRefresh(ctx, token); err != nil {
			t.Fatal(err)
		}
		_, erased, err := s.ErasePlayer(ctx, player)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Character(ctx, acc, 2); !errors.Is(err, account.ErrNoAccount) {
			t.Errorf("who was erased plays elsewhere: %v", err)
		}
		if again, err := s.Character(ctx, acc, 1); again != player || err != nil {
			t.Errorf("the player that was erased: %v, %v", again, err)
		}
		left(acc, erased)
	})
}

// TestUnregister takes back a registration, with who is behind it, and nothing that somebody has logged in to.
func TestUnregister(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, c *clock) {
		ctx := t.Context()
		for name, use := range map[string]func(account.ID) error{
			"login": func(acc account.ID) error {
				_, err := s.IssueRefresh(ctx, acc, account.Origin{}, time.Hour)
				return err
			},
			"player": func(acc account.ID) error { _, err := s.Character(ctx, acc, 1); return err },
			"ban": func(acc account.ID) error {
				_, err := s.Impose(ctx, acc, account.Sanction{Reason: "r", Author: "a"})
				return err
			},
		} {
			acc := must(s.Register(ctx, name, password))
			if err := use(acc); err != nil {
				t.Fatal(err)
			}
			if err := s.Unregister(ctx, acc); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Login(ctx, name, password); got != acc || err != nil {
				t.Errorf("with a %s: %v, %v", name, got, err)
			}
		}
		first := must(s.Register(ctx, "ada", password))
		if err := s.SetPerson(ctx, first, account.Person{Born: c.Now().AddDate(-20, 0, 0), Registry: "r"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Watch(ctx, first, 1); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Unregister(ctx, first); err != nil {
				t.Fatal(err)
			}
		}
		_, known, err := s.Person(ctx, first)
		played, perr := s.PlaytimeOf(ctx, first)
		if known || err != nil || perr != nil || !played.Login.IsZero() {
			t.Errorf("left: %v, %v, %+v, %v", known, err, played, perr)
		}
		if there := must(s.Exists(ctx, first)); there {
			t.Error("the account is there")
		}
		if again := must(s.Register(ctx, "ada", password)); again == first {
			t.Error("it is the same account again")
		}
	})
}
