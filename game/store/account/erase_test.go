package account_test

import (
	"errors"
	"slices"
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
