package account_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"loumiao/framework/fault"
	"loumiao/game/store/account"
)

func TestBind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		ctx := t.Context()
		guest := must(s.Guest(ctx, "0123456789abcdef"))
		other := must(s.Guest(ctx, "fedcba9876543210"))
		name := must(s.NewPassword(ctx, "Ada", password))
		if err := s.Bind(ctx, guest, name); err != nil {
			t.Fatal(err)
		}
		if back, err := s.Login(ctx, "ada", password); back != guest || err != nil {
			t.Errorf("the guest's new name leads to %v, %v", back, err)
		}
		channel := account.Identity{Kind: "arcade", Subject: "user-7", Display: "Ada of the arcade"}
		for range 2 { // a second time changes nothing
			if err := s.Bind(ctx, guest, channel); err != nil {
				t.Fatal(err)
			}
		}
		bea := must(s.NewPassword(ctx, "bea", password))
		for what, test := range map[string]struct {
			to       account.ID
			identity account.Identity
			want     error
		}{
			"a second name":       {guest, bea, account.ErrKind},
			"somebody else's":     {other, channel, account.ErrTaken},
			"another of the kind": {guest, account.Identity{Kind: "arcade", Subject: "USER-7"}, account.ErrKind},
			"to nobody":           {12345, account.Identity{Kind: "arcade", Subject: "user-8"}, account.ErrNoAccount},
		} {
			if err := s.Bind(ctx, test.to, test.identity); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", what, err, test.want)
			}
		}
		for _, bad := range []account.Identity{{}, {Kind: "x"}, {Kind: "X", Subject: "x"}, {Kind: "x", Subject: strings.Repeat("x", 129)}} {
			if err := s.Bind(ctx, guest, bad); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%+v is bound: %v", bad, err)
			}
		}
		if got := kinds(t, s, guest); got != "arcade device password" {
			t.Errorf("the guest has %s", got)
		}
		for _, step := range []struct {
			kind string
			want error
		}{{"device", nil}, {"device", account.ErrNoIdentity}, {"password", nil}, {"arcade", account.ErrLast}} {
			if err := s.Unbind(ctx, guest, step.kind); !errors.Is(err, step.want) {
				t.Errorf("unbind %s: %v, want %v", step.kind, err, step.want)
			}
		}
		if back := must(s.Enter(ctx, channel)); back != guest {
			t.Errorf("the channel's user is account %v, want %v", back, guest)
		}
		if fresh := must(s.Guest(ctx, "0123456789abcdef")); fresh == guest {
			t.Error("a device that was unbound leads to the account still")
		}
	})
}

// TestIdentitiesUnderRaces has many bind and unbind the same identities to and from the same accounts at once, and wants every account to have at least one
// identity and every identity one account.
func TestIdentitiesUnderRaces(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		ctx := t.Context()
		const accounts, workers, steps = 3, 6, 25
		var ids []account.ID
		for i := range accounts {
			ids = append(ids, must(s.Guest(ctx, fmt.Sprintf("device-of-account-%d", i))))
		}
		identity := func(r *rand.Rand) account.Identity {
			return account.Identity{Kind: fmt.Sprintf("channel%d", r.IntN(2)), Subject: fmt.Sprint("user", r.IntN(2))}
		}
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(1, uint64(w)))
				for range steps {
					acc := ids[r.IntN(accounts)]
					var err error
					switch r.IntN(4) {
					case 0:
						err = s.Unbind(ctx, acc, "device")
					case 1:
						err = s.Unbind(ctx, acc, identity(r).Kind)
					default:
						err = s.Bind(ctx, acc, identity(r))
					}
					if err != nil && fault.CodeOf(err) == fault.Internal {
						t.Errorf("worker %d: %v", w, err)
					}
				}
			})
		}
		wg.Wait()
		owner := map[string]account.ID{}
		for _, acc := range ids {
			list := must(s.Identities(ctx, acc))
			if len(list) == 0 {
				t.Errorf("account %v has no identity left", acc)
			}
			for _, i := range list {
				key := i.Kind + " " + i.Subject
				if owner[key] != 0 {
					t.Errorf("%s belongs to %v and %v", key, owner[key], acc)
				}
				owner[key] = acc
				if got := must(s.Enter(ctx, account.Identity{Kind: i.Kind, Subject: i.Subject})); got != acc {
					t.Errorf("%s leads to %v, and is listed at %v", key, got, acc)
				}
			}
		}
	})
}

func TestTheLastIdentityStaysUnderRaces(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		ctx := t.Context()
		for round := range 8 {
			acc := must(s.Guest(ctx, fmt.Sprintf("device-of-round-%05d", round)))
			if err := s.Bind(ctx, acc, account.Identity{Kind: "arcade", Subject: fmt.Sprint(round)}); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			errs := make([]error, 2)
			for i, kind := range []string{"device", "arcade"} {
				wg.Go(func() { errs[i] = s.Unbind(ctx, acc, kind) })
			}
			wg.Wait()
			if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), account.ErrLast) {
				t.Fatalf("round %d: both of two identities at once: %v", round, errs)
			}
		}
	})
}

func kinds(t *testing.T, s *account.Store, acc account.ID) string {
	t.Helper()
	var list []string
	for _, i := range must(s.Identities(context.WithoutCancel(t.Context()), acc)) {
		list = append(list, i.Kind)
	}
	return strings.Join(list, " ")
}

// must is v, in tests that cannot go on without.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
