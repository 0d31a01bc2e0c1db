package account_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/account"
	"loumiao/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func each(t *testing.T, test func(t *testing.T, s *account.Store, c *clock)) {
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		c := &clock{now: time.UnixMilli(1_800_000_000_000)}
		db := storetest.Migrated(t, stores, "account", migrations.FS("account"))
		test(t, account.New(db, id.NewGenerator(1, nil), c.Now), c)
	})
}

const password = "correct horse"

func TestRegisterAndLogin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		ada, err := s.Register(t.Context(), "Ada.L-1_x", password)
		if err != nil || ada == 0 {
			t.Fatal(ada, err)
		}
		if _, err := s.Register(t.Context(), "aDA.l-1_X", "another password"); !errors.Is(err, account.ErrNameTaken) {
			t.Errorf("the name in another case: %v", err)
		}
		for _, name := range []string{"Ada.L-1_x", "ADA.L-1_X"} {
			if got, err := s.Login(t.Context(), name, password); got != ada || err != nil {
				t.Errorf("login as %s: %v, %v, want %v", name, got, err, ada)
			}
		}
		for name, pair := range map[string][2]string{
			"wrong password": {"Ada.L-1_x", password + " "},
			"no password":    {"Ada.L-1_x", ""},
			"unknown name":   {"bob", password},
			"no name":        {"", password},
			"huge name":      {strings.Repeat("a", 1<<20), password},
			"huge password":  {"Ada.L-1_x", strings.Repeat("a", 1<<20)},
			"space after":    {"Ada.L-1_x ", password},
			"injection":      {"' OR '1'='1", password},
		} {
			if got, err := s.Login(t.Context(), pair[0], pair[1]); !errors.Is(err, account.ErrCredentials) || got != 0 {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	})
}

func TestRegisterRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		for name, pair := range map[string][2]string{
			"short name":     {"ab", password},
			"long name":      {strings.Repeat("a", 33), password},
			"accent":         {"ádám", password},
			"space":          {"a b c", password},
			"line":           {"abc\n", password},
			"short password": {"abc", "1234567"},
			"long password":  {"abc", strings.Repeat("a", 129)},
			"nothing":        {"", ""},
		} {
			if _, err := s.Register(t.Context(), pair[0], pair[1]); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// One name, registered by many at once, belongs to one of them.
func TestConcurrentRegistrations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		var mu sync.Mutex
		var won []account.ID
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				got, err := s.Register(t.Context(), "ada", password)
				if err != nil {
					if !errors.Is(err, account.ErrNameTaken) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				defer mu.Unlock()
				won = append(won, got)
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%v have the name", won)
		}
		if got, err := s.Login(t.Context(), "ada", password); got != won[0] || err != nil {
			t.Errorf("login: %v, %v, want %v", got, err, won[0])
		}
	})
}

func TestGuest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		device := strings.Repeat("d", account.MinDevice)
		var mu sync.Mutex
		got := map[account.ID]bool{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				guest, err := s.Guest(t.Context(), device)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[guest] = true
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("one device has the accounts %v", got)
		}
		other, err := s.Guest(t.Context(), strings.ToUpper(device))
		if err != nil || got[other] {
			t.Errorf("another device: %v, %v", other, err)
		}
		for _, bad := range []string{"", device[1:], strings.Repeat("d", account.MaxDevice+1)} {
			if _, err := s.Guest(t.Context(), bad); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("a device of %d bytes: %v", len(bad), err)
			}
		}
	})
}

func TestCharacter(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, _ *clock) {
		ada, bea := must(s.Guest(t.Context(), "0123456789abcdef")), must(s.Guest(t.Context(), "fedcba9876543210"))
		var mu sync.Mutex
		players := map[int64]bool{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				p, err := s.Character(t.Context(), ada, 7)
				if err != nil || p <= 0 {
					t.Error(p, err)
				}
				mu.Lock()
				defer mu.Unlock()
				players[p] = true
			})
		}
		wg.Wait()
		if len(players) != 1 {
			t.Errorf("one account plays %v in one area", players)
		}
		for name, of := range map[string]struct {
			acc  account.ID
			area uint16
		}{"another area": {ada, 8}, "another account": {bea, 7}, "the last area": {ada, 65535}} {
			p, err := s.Character(t.Context(), of.acc, of.area)
			if err != nil || players[p] {
				t.Errorf("%s: %v, %v", name, p, err)
			}
			players[p] = true
		}
	})
}

func TestSanctions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, c *clock) {
		acc := must(s.Guest(t.Context(), "0123456789abcdef"))
		expect := func(reason string) *account.Sanction {
			t.Helper()
			got, err := s.Sanctioned(t.Context(), acc)
			if err != nil {
				t.Fatal(err)
			}
			if (got == nil) != (reason == "") || (got != nil && got.Reason != reason) {
				t.Errorf("sanctioned: %+v, want %q", got, reason)
			}
			return got
		}
		impose := func(sanction account.Sanction) int64 {
			t.Helper()
			n, err := s.Impose(t.Context(), acc, sanction)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		expect("")
		token, err := s.IssueRefresh(t.Context(), acc, account.Origin{}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		impose(account.Sanction{Reason: "an hour", Author: "op", Ends: c.Now().Add(time.Hour)})
		if _, _, err := s.UseRefresh(t.Context(), token); !errors.Is(err, account.ErrRefresh) {
			t.Errorf("a sanctioned account's refresh: %v", err)
		}
		impose(account.Sanction{Reason: "tomorrow", Author: "op", Starts: c.Now().Add(24 * time.Hour)})
		if got := expect("an hour"); !got.Ends.Equal(c.Now().Add(time.Hour)) {
			t.Errorf("ends %v", got.Ends)
		}
		forever := impose(account.Sanction{Reason: "for ever", Author: "op"})
		if got := expect("for ever"); !got.Ends.IsZero() {
			t.Errorf("ends %v", got.Ends)
		}
		if err := s.Lift(t.Context(), 2, forever); err != nil { // another account's
			t.Error(err)
		}
		expect("for ever")
		if err := s.Lift(t.Context(), acc, forever); err != nil {
			t.Error(err)
		}
		expect("an hour")
		c.add(time.Hour)
		expect("")
		c.add(23 * time.Hour)
		expect("tomorrow")
		if other, err := s.Sanctioned(t.Context(), 2); other != nil || err != nil {
			t.Errorf("another account: %+v, %v", other, err)
		}
		for name, bad := range map[string]account.Sanction{
			"no reason":    {Author: "op"},
			"no author":    {Reason: "r"},
			"ends at once": {Reason: "r", Author: "op", Starts: c.Now(), Ends: c.Now()},
		} {
			if _, err := s.Impose(t.Context(), acc, bad); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
