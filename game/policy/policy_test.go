package policy

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"loumiao/framework/config"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/area"
	"loumiao/game/realname"
	"loumiao/game/store/account"
	"loumiao/migrations"
)

// A setup is the sample over an account store, on a clock that the test sets.
type setup struct {
	*Sample
	accounts *account.Store
	registry *realname.FakeServer
	at       time.Time
}

func (s *setup) clock() time.Time { return s.at }

func each(t *testing.T, cfg Config, test func(t *testing.T, s *setup)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		key := "0123456789abcdef"
		s := &setup{registry: realname.NewFakeServer("game", []byte(key)), at: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}
		server := httptest.NewServer(s.registry)
		t.Cleanup(server.Close)
		cfg := cfg
		cfg.Enabled, cfg.Registry = true, realname.Config{App: "game", URL: server.URL, Key: config.Secret(key)}
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		calendars, err := area.NewCalendars([]area.Config{{ID: 1, TimeZone: "Asia/Shanghai", ResetHour: 5}})
		if err != nil {
			t.Fatal(err)
		}
		s.accounts = account.New(storetest.Migrated(t, stores, "account", migrations.FS("account")), id.NewGenerator(1, nil), s.clock)
		s.Sample = NewSample(cfg, []byte("a key of the test"), s.accounts, calendars, s.clock)
		test(t, s)
	})
}

// person is an account of somebody of that age.
func (s *setup) person(t *testing.T, years int) account.ID {
	t.Helper()
	acc, err := s.accounts.Guest(t.Context(), rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	who := realname.Claim{Name: "Ann", Number: fmt.Sprint(acc)}
	s.registry.Add(who, s.at.AddDate(-years, 0, -1))
	if err := s.Identify(t.Context(), acc, who); err != nil {
		t.Fatal(err)
	}
	return acc
}

// shanghai is an hour of the area's clock on 10 March 2026 and the days after.
func shanghai(day, hour, minute int) time.Time {
	return time.Date(2026, 3, 10+day, hour-8, minute, 0, 0, time.UTC)
}

func TestHours(t *testing.T) {
	each(t, Defaults(), func(t *testing.T, s *setup) {
		minor, adult := s.person(t, 15), s.person(t, 18)
		unknown, err := s.accounts.Guest(t.Context(), rand.Text())
		if err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			at   time.Time
			want string // when the minor may come back; empty: he may play
		}{
			{shanghai(0, 7, 59), "2026-03-10T08:00:00+08:00"}, {shanghai(0, 8, 0), ""}, {shanghai(0, 21, 59), ""},
			{shanghai(0, 22, 0), "2026-03-11T08:00:00+08:00"}, {shanghai(1, 3, 0), "2026-03-11T08:00:00+08:00"},
		} {
			s.at = tc.at
			err := s.BeforeLogin(t.Context(), LoginRequest{Account: minor, Area: 1})
			if tc.want == "" && err != nil || tc.want != "" && (fault.CodeOf(err) != fault.Forbidden || !strings.HasSuffix(err.Error(), tc.want)) {
				t.Errorf("at %v: %v, want %q", tc.at, err, tc.want)
			}
			for _, acc := range []account.ID{adult, unknown} {
				if err := s.BeforeLogin(t.Context(), LoginRequest{Account: acc, Area: 1}); err != nil {
					t.Errorf("at %v: %v", tc.at, err)
				}
			}
		}
		s.at = shanghai(0, 7, 59) // which is a minute to midnight in an area that has UTC days
		if err := s.BeforeLogin(t.Context(), LoginRequest{Account: minor, Area: 2}); err == nil {
			t.Error("he may play at midnight")
		}
	})
}

// TestPlaytime has a minor play, be away, and be counted by several nodes at random; a plain sum says when his time is over.
func TestPlaytime(t *testing.T) {
	each(t, Defaults(), func(t *testing.T, s *setup) {
		ctx := t.Context()
		s.at = shanghai(0, 8, 0)
		minor := s.person(t, 15)
		var played time.Duration
		over := func(day int) bool { return played >= s.cfg.Playtime.Daily }
		if err := s.BeforeLogin(ctx, LoginRequest{Account: minor, Area: 1}); err != nil {
			t.Fatal(err)
		}
		r := mathrand.New(mathrand.NewPCG(1, 2))
		last, sent := s.at, false
		for step := 0; !sent; step++ {
			if step > 5000 {
				t.Fatal("his time is never over")
			}
			wait := LookEvery + time.Duration(r.IntN(60))*time.Second
			s.at = s.at.Add(wait)
			online := r.IntN(4) > 0
			if r.IntN(20) == 0 { // he logs in again, which changes nothing of what is counted
				err := s.BeforeLogin(ctx, LoginRequest{Account: minor, Area: 1})
				if (err != nil) != over(0) {
					t.Fatalf("after %v: %v", played, err)
				}
			}
			list, err := s.Watched(ctx, 10)
			if err != nil || len(list) != 1 {
				t.Fatalf("%v after %v: watched are %v, %v", s.at, played, list, err)
			}
			if online {
				played += min(s.at.Sub(last), mostAtOnce)
			}
			last = s.at
			for node := range 2 { // of whom one counts
				why, until, err := s.Look(ctx, list[0], online)
				if err != nil {
					t.Fatal(err)
				}
				if want := node == 0 && online && over(0); (why != nil) != want {
					t.Fatalf("node %d after %v: %v, want one: %v", node, played, why, want)
				} else if want {
					sent = true
					if !until.Equal(shanghai(1, 8, 0)) || fault.CodeOf(why) != fault.Forbidden || !strings.Contains(why.Error(), "1h30m0s a day") {
						t.Errorf("%v, %v", why, until)
					}
				}
			}
		}
		if err := s.BeforeLogin(ctx, LoginRequest{Account: minor, Area: 1}); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("he comes back: %v", err)
		}
		if err := s.BeforeLogin(ctx, LoginRequest{Account: minor, Area: 2}); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("he comes back in another area: %v", err)
		}
		s.at = shanghai(1, 8, 0)
		if err := s.BeforeLogin(ctx, LoginRequest{Account: minor, Area: 1}); err != nil {
			t.Errorf("on the next day: %v", err)
		}
		s.at = shanghai(1, 22, 0)
		list, err := s.Watched(ctx, 10)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if why, until, err := s.Look(ctx, list[0], true); err != nil || why == nil || !until.Equal(shanghai(2, 8, 0)) {
			t.Errorf("in the evening: %v, %v, %v", why, until, err)
		}
		s.at = shanghai(2, 1, 30)
		if list, err = s.Watched(ctx, 10); err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if why, _, err := s.Look(ctx, list[0], false); err != nil || why != nil {
			t.Errorf("one who is not there is sent away: %v, %v", why, err)
		}
		s.at = s.at.Add(time.Hour)
		if list, err = s.Watched(ctx, 10); err != nil || len(list) != 0 {
			t.Errorf("one who has been away for hours is watched: %v, %v", list, err)
		}
	})
}

func TestUnverified(t *testing.T) {
	for unverified, want := range map[string]fault.Code{unverifiedAllow: fault.OK, unverifiedMinor: fault.Forbidden, unverifiedRefuse: fault.FailedPrecondition} {
		t.Run(unverified, func(t *testing.T) {
			cfg := Defaults()
			cfg.Unverified = unverified
			each(t, cfg, func(t *testing.T, s *setup) {
				ctx := t.Context()
				s.at = shanghai(0, 23, 0)
				acc, err := s.accounts.Guest(ctx, rand.Text())
				if err != nil {
					t.Fatal(err)
				}
				if err := s.BeforeLogin(ctx, LoginRequest{Account: acc, Area: 1}); fault.CodeOf(err) != want {
					t.Errorf("%v", err)
				}
				if _, err := s.BeforeCharge(ctx, ChargeRequest{Account: int64(acc), Area: 1, Price: 100, Currency: "CNY"}); fault.CodeOf(err) != want {
					t.Errorf("%v", err)
				}
				who := realname.Claim{Name: "Bea", Number: "1"}
				if err := s.Identify(ctx, acc, who); fault.CodeOf(err) != fault.Invalid {
					t.Errorf("nobody of that name: %v", err)
				}
				s.registry.Add(who, time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC))
				if err := s.Identify(ctx, acc, who); err != nil {
					t.Fatal(err)
				}
				if err := s.BeforeLogin(ctx, LoginRequest{Account: acc, Area: 1}); err != nil {
					t.Errorf("an adult: %v", err)
				}
				if p, ok, err := s.accounts.Person(ctx, acc); err != nil || !ok || p.Registry != "remote" || p.Reference == "" {
					t.Errorf("%+v, %v, %v", p, ok, err)
				}
			})
		})
	}
}

func TestSpending(t *testing.T) {
	each(t, Defaults(), func(t *testing.T, s *setup) {
		s.at = shanghai(-9, 4, 59) // 1 March, and still the last of February until 5 o'clock
		for _, tc := range []struct {
			years    int
			price    int64
			currency string
			want     string // part of the refusal; empty: allowed
			most     int64  // of a cap; 0: none
		}{
			{7, 1, "CNY", "under 8 may not buy", 0}, {8, 5000, "CNY", "", 20_000}, {8, 5001, "CNY", "50.00 CNY at once", 0}, {15, 1, "USD", "in CNY only", 0},
			{16, 5001, "CNY", "", 40_000}, {17, 10_001, "CNY", "100.00 CNY at once", 0}, {18, 1 << 20, "USD", "", 0},
		} {
			acc := s.person(t, tc.years)
			caps, err := s.BeforeCharge(t.Context(), ChargeRequest{Account: int64(acc), Area: 1, Price: tc.price, Currency: tc.currency})
			if tc.want == "" && err != nil || tc.want != "" && (fault.CodeOf(err) != fault.Forbidden || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%d years, %d %s: %v, want %q", tc.years, tc.price, tc.currency, err, tc.want)
			}
			if tc.most == 0 {
				if len(caps) != 0 {
					t.Errorf("%d years: %+v", tc.years, caps)
				}
				continue
			}
			if len(caps) != 1 || caps[0].Most != tc.most || !caps[0].Since.Equal(time.Date(2026, 2, 1, 5-8, 0, 0, 0, time.UTC)) {
				t.Fatalf("%d years: %+v", tc.years, caps)
			}
			if err := caps[0].Exceeded(1234); !strings.Contains(err.Error(), "12.34 are spent") || !strings.Contains(err.Error(), "2026-03-01T05:00:00+08:00") {
				t.Error(err)
			}
		}
	})
}

func TestAge(t *testing.T) {
	t.Parallel()
	day := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tc := range []struct {
		born, on string
		want     int
	}{
		{"2008-03-10", "2026-03-09", 17}, {"2008-03-10", "2026-03-10", 18}, {"2008-02-29", "2026-02-28", 17}, {"2008-02-29", "2026-03-01", 18},
		{"2008-12-31", "2026-01-01", 17},
	} {
		if got := age(day(tc.born), day(tc.on)); got != tc.want {
			t.Errorf("born %s, on %s: %d, want %d", tc.born, tc.on, got, tc.want)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	cfg := Defaults()
	cfg.Enabled, cfg.Unverified = true, unverifiedRefuse
	cfg.Playtime.From = 22
	cfg.Spending.Currency = "yuan"
	cfg.Spending.Bands = []Band{{Under: 16, PerOrder: -1}, {Under: 16}, {Under: 19}}
	err := cfg.Validate()
	for _, key := range []string{"playtime.to", "spending.currency", "bands[0]: per_order", "bands[1].under", "bands[2].under", "unverified"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("nothing about %s in %v", key, err)
		}
	}
	if _, err := (Open)(nil).On(nil); err != nil {
		t.Error(err)
	}
}

// TestOnePerson has two accounts of one minor, one of another and one of nobody known: the caps of the first two are of both.
func TestOnePerson(t *testing.T) {
	cfg := Defaults()
	cfg.Unverified = unverifiedMinor
	cfg.Spending.Bands = cfg.Spending.Bands[1:] // the youngest may buy too
	each(t, cfg, func(t *testing.T, s *setup) {
		ctx := t.Context()
		var accs []account.ID
		for _, number := range []string{"1x", "1X", "2", ""} {
			acc, err := s.accounts.Guest(ctx, rand.Text())
			if err != nil {
				t.Fatal(err)
			}
			accs = append(accs, acc)
			if number == "" {
				continue
			}
			who := realname.Claim{Name: "Ann", Number: number}
			s.registry.Add(who, s.at.AddDate(-12, 0, 0))
			if err := s.Identify(ctx, acc, who); err != nil {
				t.Fatal(err)
			}
		}
		counts := func(acc account.ID) []int64 {
			caps, err := s.BeforeCharge(ctx, ChargeRequest{Account: int64(acc), Area: 1, Price: 100, Currency: "CNY"})
			if err != nil || len(caps) != 1 {
				t.Fatal(caps, err)
			}
			return caps[0].Accounts
		}
		for i, with := range [][]int64{{int64(accs[0]), int64(accs[1])}, {int64(accs[0]), int64(accs[1])}, {int64(accs[2])}, {int64(accs[3])}} {
			if got := counts(accs[i]); !slices.Equal(got, with) {
				t.Errorf("account %d counts with %v, want %v", accs[i], got, with)
			}
		}
		player, err := s.accounts.Character(ctx, accs[1], 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.accounts.ErasePlayer(ctx, player); err != nil {
			t.Fatal(err)
		}
		if got := counts(accs[0]); !slices.Equal(got, []int64{int64(accs[0])}) {
			t.Errorf("with an erased account: %v", got)
		}
	})
}
