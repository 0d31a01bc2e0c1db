package signin_test

import (
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/signin"
	"loumiao/game/store/account"
)

// TestMaintenance lets testers in and nobody else, makes no account, says of a sanction first, and costs nobody his refresh token.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		var (
			on     bool
			tester account.ID
		)
		s, accounts := service(t, stores, func(d *signin.Deps) {
			d.Admits = func(_ uint16, acc account.ID) error {
				if on && acc != tester {
					return fault.New(fault.Unavailable, "back at noon")
				}
				return nil
			}
		})
		enter := func(way signin.Way) (*signin.Ticket, error) { return s.Enter(t.Context(), signin.Attempt{Way: way}) }
		var refresh string
		for _, name := range []string{"ann", "bob", "eve"} {
			ticket, err := enter(signin.Register{Name: name, Password: "correct horse"})
			if err != nil {
				t.Fatal(err)
			}
			switch name {
			case "ann":
				tester = account.ID(ticket.Account)
			case "bob":
				refresh = ticket.Refresh
			case "eve":
				if _, err := accounts.Impose(t.Context(), account.ID(ticket.Account), account.Sanction{Reason: "aimbot", Author: "test"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		on = true
		for name, tc := range map[string]struct {
			way  signin.Way
			want fault.Code
		}{
			"a tester":               {signin.Password{Name: "ann", Password: "correct horse"}, fault.OK},
			"anybody":                {signin.Password{Name: "bob", Password: "correct horse"}, fault.Unavailable},
			"a wrong password":       {signin.Password{Name: "ann", Password: "incorrect horse"}, fault.Unauthenticated},
			"somebody who is barred": {signin.Password{Name: "eve", Password: "correct horse"}, fault.Forbidden},
			"a guest":                {signin.Guest{Device: "0123456789abcdef"}, fault.Unavailable},
			"a new account":          {signin.Register{Name: "new", Password: "correct horse"}, fault.Unavailable},
			"a refresh token":        {signin.Refresh{Token: refresh}, fault.OK},
		} {
			if _, err := enter(tc.way); fault.CodeOf(err) != tc.want {
				t.Errorf("%s: %v, want %v", name, err, tc.want)
			}
		}
		on = false
		if _, err := enter(signin.Register{Name: "new", Password: "correct horse"}); err != nil {
			t.Errorf("the name was taken during maintenance: %v", err)
		}
	})
}
