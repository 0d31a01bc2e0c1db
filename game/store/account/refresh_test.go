package account_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/account"
)

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, c *clock) {
		acc := must(s.Guest(t.Context(), "0123456789abcdef"))
		issue := func() string {
			t.Helper()
			token, err := s.IssueRefresh(t.Context(), acc, account.Origin{}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		use := func(token string) string {
			t.Helper()
			got, next, err := s.UseRefresh(t.Context(), token)
			if err != nil || got != acc || next == token {
				t.Fatalf("use: %v, %q, %v", got, next, err)
			}
			return next
		}
		refused := func(what, token string) {
			t.Helper()
			if got, next, err := s.UseRefresh(t.Context(), token); !errors.Is(err, account.ErrRefresh) || got != 0 || next != "" {
				t.Errorf("%s: %v, %q, %v", what, got, next, err)
			}
		}
		first, other := issue(), issue()
		second := use(first)
		third := use(second)
		refused("a token that was used", second)
		refused("the newest of a login whose old token came back", third)
		other = use(other) // another login of the same account goes on

		family, _, _ := strings.Cut(other, ".")
		for what, token := range map[string]string{
			"nothing": "", "no dot": "abc", "dot": ".", "unknown": "abc.def", "huge": strings.Repeat("a", 1<<20) + ".b", "quote": "' OR 1=1 --.x",
		} {
			refused(what, token)
		}
		other = use(other)
		refused("a made-up secret of a known login", family+".x")
		refused("its newest after that", other)

		last := issue()
		c.add(time.Hour)
		refused("an expired token", last)
		if n, err := s.PurgeRefresh(t.Context()); n != 3 || err != nil {
			t.Errorf("purged %d, %v", n, err)
		}
		last = issue()
		if err := s.RevokeRefresh(t.Context(), acc); err != nil {
			t.Fatal(err)
		}
		refused("a revoked token", last)
	})
}

// One token, used by many at once, gives one successor at most, and then the login is over: one of them was not its owner.
func TestRefreshUsedAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		acc := must(s.Guest(t.Context(), "0123456789abcdef"))
		token, err := s.IssueRefresh(t.Context(), acc, account.Origin{}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		next := make(chan string, 8)
		var wg sync.WaitGroup
		for range cap(next) {
			wg.Go(func() {
				if _, n, err := s.UseRefresh(t.Context(), token); err == nil {
					next <- n
				} else if !errors.Is(err, account.ErrRefresh) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(next) != 1 {
			t.Fatalf("one token was used %d times", len(next))
		}
		if _, _, err := s.UseRefresh(t.Context(), <-next); !errors.Is(err, account.ErrRefresh) {
			t.Errorf("the successor of a token that was used twice: %v", err)
		}
	})
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		throttle := account.NewThrottle(s, account.ThrottleConfig{Window: 2 * time.Second, PerName: 3, PerAddress: 5})
		take := func(name, address string, ok bool) {
			t.Helper()
			wait, err := throttle.Take(t.Context(), name, address)
			if ok != (err == nil) || (!ok && (fault.CodeOf(err) != fault.RateLimited || wait <= 0 || wait > 2*time.Second)) {
				t.Errorf("%s from %s: wait %v, %v, want ok %v", name, address, wait, err, ok)
			}
		}
		for range 3 {
			take("Ada", "10.0.0.1", true)
		}
		take("ada", "10.0.0.2", false) // the name, in whatever case, from wherever
		take("bea", "10.0.0.1", true)
		take("", "10.0.0.1", true)
		take("cleo", "10.0.0.1", false) // the address, whatever the name
		for range 5 {
			take("dora", "10.0.0.3", true)
			if err := throttle.Succeeded(t.Context(), "dora", "10.0.0.3"); err != nil {
				t.Error(err)
			}
		}
		// What was refused cost the address of others nothing.
		for range 5 {
			take("", "10.0.0.2", true)
		}
		for until := time.Now().Add(20 * time.Second); ; {
			if _, err := throttle.Take(t.Context(), "cleo", "10.0.0.1"); err == nil {
				break
			}
			if time.Now().After(until) {
				t.Fatal("the window does not end")
			}
		}
	})
}

// Attempts count before they are made, so that many at once do not slip through.
func TestThrottleAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		throttle := account.NewThrottle(s, account.ThrottleConfig{PerName: 3})
		passed := make(chan struct{}, 50)
		var wg sync.WaitGroup
		for range cap(passed) {
			wg.Go(func() {
				if _, err := throttle.Take(t.Context(), "ada", "10.0.0.1"); err == nil {
					passed <- struct{}{}
				} else if fault.CodeOf(err) != fault.RateLimited {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(passed) != 3 {
			t.Errorf("%d attempts of 3 passed", len(passed))
		}
	})
}

func TestThrottleConfigIsValidated(t *testing.T) {
	t.Parallel()
	if err := (account.ThrottleConfig{}).Validate(); err != nil {
		t.Error(err)
	}
	err := account.ThrottleConfig{Window: time.Millisecond, PerName: -1, PerAddress: -1}.Validate()
	for _, want := range []string{"window", "per_name", "per_address"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
}
