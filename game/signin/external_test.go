package signin_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/channel"
	"loumiao/game/signin"
	"loumiao/game/store/account"
)

// TestAChannel has a player come in by an external channel, bind that to another account in vain and to his own, and be taken back by the channel.
func TestAChannel(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		fake := channel.NewFakeServer("loumiao", private)
		server := httptest.NewServer(fake)
		t.Cleanup(server.Close)
		arcade := &channel.Arcade{App: "loumiao", Keys: []ed25519.PublicKey{public}, Base: server.URL, HTTP: server.Client()}
		s, accounts := service(t, stores, func(d *signin.Deps) { d.Channels = []channel.Channel{arcade} })
		b := signin.NewBinder(accounts, s)
		enter := func(way signin.Way) (*signin.Ticket, error) {
			return s.Enter(context.WithoutCancel(t.Context()), signin.Attempt{Way: way, Address: netip.MustParseAddr("203.0.113.1")})
		}
		ticket := func(user string) string { return fake.Ticket(channel.User{ID: user, Name: user}, time.Hour) }

		ann, err := enter(signin.External{Channel: "arcade", Ticket: ticket("ann")})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := enter(signin.External{Channel: "arcade", Ticket: ticket("ann")}); err != nil || again.Player != ann.Player {
			t.Errorf("the channel's user comes back as %+v, %v; was %+v", again, err, ann)
		}
		guest, err := enter(signin.Guest{Device: "0123456789abcdef"})
		if err != nil {
			t.Fatal(err)
		}
		acc := account.ID(guest.Account)
		if _, err := b.Bind(t.Context(), acc, "arcade", signin.Proof{Secret: ticket("ann")}); !errors.Is(err, account.ErrTaken) {
			t.Errorf("another's channel user is bound: %v", err)
		}
		if list, err := b.Bind(t.Context(), acc, "arcade", signin.Proof{Secret: ticket("bea")}); err != nil || len(list) != 2 {
			t.Errorf("a guest binds a channel's user: %v, %v", list, err)
		}
		if back, err := enter(signin.External{Channel: "arcade", Ticket: ticket("bea")}); err != nil || back.Account != guest.Account {
			t.Errorf("the guest comes back as %+v, %v; was %+v", back, err, guest)
		}
		if _, err := b.Bind(t.Context(), acc, "arcade", signin.Proof{Secret: "forged"}); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("a forged ticket: %v", err)
		}
		if _, err := b.Bind(t.Context(), acc, "moon", signin.Proof{}); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("a kind that there is not: %v", err)
		}
		fake.Revoke("bea")
		if _, err := enter(signin.External{Channel: "arcade", Ticket: ticket("bea")}); !errors.Is(err, channel.ErrRevoked) {
			t.Errorf("a user whom the channel has revoked: %v", err)
		}
	})
}

// TestBindingPasswordsIsThrottled: who binds and unbinds a password again and again has few of them hashed. What costs nothing does not count, and other kinds do not.
func TestBindingPasswordsIsThrottled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		const most = 3
		s, accounts := service(t, stores, func(d *signin.Deps) {
			d.Throttle = account.NewThrottle(stores, account.ThrottleConfig{PerName: most, PerAddress: 100})
		})
		b := signin.NewBinder(accounts, s)
		acc, err := accounts.Guest(t.Context(), "0123456789abcdef")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := accounts.Register(t.Context(), "taken", "secret-of-taken"); err != nil {
			t.Fatal(err)
		}
		bind := func(name string) error {
			_, err := b.Bind(t.Context(), acc, "password", signin.Proof{Name: name, Secret: "secret-of-ann"})
			return err
		}
		for range 2 * most {
			if err := bind("taken"); !errors.Is(err, account.ErrNameTaken) {
				t.Errorf("a name that is taken: %v", err)
			}
		}
		for i := range most + 1 {
			err := bind("ann")
			var throttled *signin.Throttled
			if i == most && (!errors.As(err, &throttled) || throttled.After <= 0 || fault.CodeOf(err) != fault.RateLimited) {
				t.Errorf("one too many: %v", err)
			}
			if i == most {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Unbind(t.Context(), acc, "password"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Bind(t.Context(), acc, "device", signin.Proof{Secret: "fedcba9876543210"}); !errors.Is(err, account.ErrKind) {
			t.Errorf("another kind: %v", err)
		}
	})
}
