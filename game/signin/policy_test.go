package signin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/policy"
	"loumiao/game/realname"
	"loumiao/game/signin"
	"loumiao/game/store/account"
)

// strict lets nobody in but those who are named, and learns it from whoever says so.
type strict map[account.ID]bool

var errStrict = fault.New(fault.FailedPrecondition, "who are you?")

func (s strict) BeforeLogin(_ context.Context, r policy.LoginRequest) error {
	if s[r.Account] && r.Area == 1 {
		return nil
	}
	return errStrict
}

func (s strict) Identify(_ context.Context, acc account.ID, claim realname.Claim) error {
	if claim.Name == "Pat" {
		return realname.ErrPending
	}
	if claim.Name != "Ann" {
		return realname.ErrMismatch
	}
	s[acc] = true
	return nil
}

// TestPolicy asks a policy at each login, before a refresh token is used up, and lets in whoever says who he is; what is guessed wrong too often is throttled.
func TestPolicy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		asked, welcomed := strict{}, 0
		s, accounts := service(t, stores, func(d *signin.Deps) {
			d.Policy, d.People = asked, asked
			d.Throttle = account.NewThrottle(stores, account.ThrottleConfig{PerName: 2, PerAddress: 100})
			d.Welcomed = func(context.Context, account.ID) error { welcomed++; return nil }
		})
		enter := func(way signin.Way, person *realname.Claim) (*signin.Ticket, error) {
			return s.Enter(t.Context(), signin.Attempt{Way: way, Person: person})
		}
		guest := signin.Guest{Device: "0123456789abcdef"}
		if _, err := enter(guest, nil); !errors.Is(err, errStrict) {
			t.Errorf("somebody unknown: %v", err)
		}
		ticket, err := enter(guest, &realname.Claim{Name: "Ann", Number: "1"})
		if err != nil || welcomed != 1 {
			t.Fatal(err, welcomed)
		}
		clear(asked)
		if _, err := enter(signin.Refresh{Token: ticket.Refresh}, nil); !errors.Is(err, errStrict) || welcomed != 1 {
			t.Errorf("somebody unknown goes on: %v", err)
		}
		asked[account.ID(ticket.Account)] = true
		if _, err := enter(signin.Refresh{Token: ticket.Refresh}, nil); err != nil {
			t.Errorf("the refresh token was used up by a refusal: %v", err)
		}
		if _, err := enter(signin.Refresh{Token: ticket.Refresh}, nil); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("a refresh token that was used: %v", err)
		}
		other := signin.Guest{Device: "fedcba9876543210"}
		for _, want := range []fault.Code{fault.Invalid, fault.Invalid, fault.RateLimited} {
			if _, err := enter(other, &realname.Claim{Name: "Bob", Number: "1"}); fault.CodeOf(err) != want {
				t.Errorf("a wrong name: %v, want %v", err, want)
			}
		}
		for range 5 { // what is right does not count
			if _, err := enter(guest, &realname.Claim{Name: "Ann", Number: "1"}); err != nil {
				t.Error(err)
			}
		}
		third := signin.Guest{Device: "0011223344556677"}
		acc, err := accounts.Guest(t.Context(), third.Device)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // guesses at a name that nobody can have
			_, _ = enter(signin.Password{Name: fmt.Sprint("person:", acc), Password: "wrong password"}, nil)
		}
		if _, err := enter(third, &realname.Claim{Name: "Ann", Number: "1"}); err != nil {
			t.Errorf("others keep somebody from saying who he is: %v", err)
		}
		plain, _ := service(t, stores, func(*signin.Deps) {})
		if _, err := plain.Enter(t.Context(), signin.Attempt{Way: guest, Person: &realname.Claim{Name: "Ann", Number: "1"}}); fault.CodeOf(err) != fault.Unimplemented {
			t.Errorf("a name where names are not checked: %v", err)
		}
	})
}

// TestRefusedRegistration: what is refused leaves nothing, and the name can be registered by whoever says who he is. While that is still being checked, the account stays.
func TestRefusedRegistration(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		asked := strict{}
		s, accounts := service(t, stores, func(d *signin.Deps) { d.Policy, d.People = asked, asked })
		enter := func(way signin.Way, person string) error {
			a := signin.Attempt{Way: way}
			if person != "" {
				a.Person = &realname.Claim{Name: person, Number: "1"}
			}
			_, err := s.Enter(t.Context(), a)
			return err
		}
		ann := signin.Register{Name: "ann", Password: "secret-of-ann"}
		for person, want := range map[string]error{"": errStrict, "Bob": realname.ErrMismatch} {
			if err := enter(ann, person); !errors.Is(err, want) {
				t.Errorf("as %q: %v", person, err)
			}
			if acc, err := accounts.Named(t.Context(), "ann"); !errors.Is(err, account.ErrNoAccount) {
				t.Errorf("as %q the name is left to account %d, %v", person, acc, err)
			}
		}
		if err := enter(ann, "Ann"); err != nil {
			t.Errorf("who says who he is: %v", err)
		}
		if err := enter(ann, "Bob"); !errors.Is(err, account.ErrNameTaken) {
			t.Errorf("a name that is somebody's: %v", err)
		}
		if err := enter(signin.Password{Name: "ann", Password: "secret-of-ann"}, ""); err != nil {
			t.Errorf("he does not come in any more: %v", err)
		}
		if err := enter(signin.Register{Name: "pat", Password: "secret-of-pat"}, "Pat"); !errors.Is(err, realname.ErrPending) {
			t.Errorf("who is still being checked: %v", err)
		}
		if err := enter(signin.Password{Name: "pat", Password: "secret-of-pat"}, "Ann"); err != nil {
			t.Errorf("and comes back: %v", err)
		}
	})
}
