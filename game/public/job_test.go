package public

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/area"
	"loumiao/game/store/public"
	"loumiao/migrations"
)

func TestNextRun(t *testing.T) {
	t.Parallel()
	days, err := area.NewCalendars([]area.Config{{ID: 1, TimeZone: "America/New_York", ResetHour: 5}, {ID: 2, TimeZone: "Europe/Berlin", ResetHour: 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		cron  string
		area  uint16
		after string
		want  string
	}{
		{"0 0 * * *", 1, "2026-01-10T09:59:59Z", "2026-01-10T10:00:00Z"}, // 5 o'clock in New York
		{"0 0 * * *", 1, "2026-01-10T10:00:00Z", "2026-01-11T10:00:00Z"},
		{"0 0 * * *", 1, "2026-07-10T08:00:00Z", "2026-07-10T09:00:00Z"}, // in summer
		{"0 0 1 * *", 1, "2026-01-10T10:00:00Z", "2026-02-01T10:00:00Z"},
		{"0 0 * * 1", 1, "2026-01-10T10:00:00Z", "2026-01-12T10:00:00Z"}, // a Monday
		{"0 0 * * *", 2, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"}, // 2 o'clock is left out: it becomes 3
		{"30 0 * * *", 2, "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
		{"30 0 * * *", 2, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}, // shown twice: once
		{"*/15 * * * * *", 0, "2026-01-10T10:00:01Z", "2026-01-10T10:00:15Z"},
		{"@daily", 0, "2026-01-10T10:00:01Z", "2026-01-11T00:00:00Z"},
	} {
		schedule, err := parseCron(test.cron)
		if err != nil {
			t.Fatal(err)
		}
		after, _ := time.Parse(time.RFC3339, test.after)
		if got := nextRun(schedule, days.Of(test.area), after).UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("%s in area %d after %s: %s; want %s", test.cron, test.area, test.after, got, test.want)
		}
	}
	for _, bad := range []string{"", "x", "* * * *", "61 * * * *", "0 0 31 2 *", "TZ=UTC 0 0 * * *", "CRON_TZ=UTC 0 0 * * *", strings.Repeat("1", 101)} {
		if _, err := parseCron(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// A setting is a job's leader after the other, on a clock of the test's.
type setting struct {
	t     *testing.T
	db    *gorm.DB
	ms    atomic.Int64
	store *public.Store
}

func newSetting(t *testing.T, stores *store.Stores) *setting {
	s := &setting{t: t, db: storetest.Migrated(t, stores, "public", migrations.FS("public"))}
	s.ms.Store(time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC).UnixMilli())
	s.store = public.New(s.db, s.now)
	return s
}

func (s *setting) now() time.Time { return time.UnixMilli(s.ms.Load()).UTC() }

func (s *setting) reign() *reign {
	s.t.Helper()
	epoch, err := lease.NextEpoch(s.t.Context(), s.db, public.Fence)
	if err != nil {
		s.t.Fatal(err)
	}
	return &reign{Service: &Service{now: s.now}, leader: s.store.Leading(epoch), log: storetest.Log(s.t)}
}

// TestJobsAgainstOracle lets time pass, leaders come, go and die in the middle of a run, at random. Every run that there should be is run to its end once, under
// one leader or after another, and no other.
func TestJobsAgainstOracle(t *testing.T) {
	t.Parallel()
	for _, catchUp := range []bool{false, true} {
		t.Run(fmt.Sprint("catch up ", catchUp), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, stores *store.Stores) {
				jobsAgainstOracle(t, newSetting(t, stores), catchUp)
			})
		})
	}
}

func jobsAgainstOracle(t *testing.T, s *setting, catchUp bool) {
	rng := rand.New(rand.NewPCG(3, 4))
	ended := map[int64]int{}
	ctx, die := context.WithCancel(t.Context())
	dies := false
	job := Job{Name: "j", Cron: "*/5 * * * *", CatchUp: catchUp, Run: func(_ context.Context, area uint16, at time.Time) error {
		if dies {
			die()
			return ctx.Err()
		}
		ended[at.UnixMilli()]++
		if rng.IntN(4) == 0 {
			return errors.New("no luck")
		}
		return nil
	}}
	schedule, err := parseCron(job.Cron)
	if err != nil {
		t.Fatal(err)
	}
	calendar := calendars(t).Of(1)
	want := map[int64]bool{}
	last, open := int64(0), int64(0) // the newest run that was begun or skipped; the one whose leader died
	r := s.reign()
	for step := range 150 {
		s.ms.Add(int64(rng.IntN(9*60)) * 1000)
		if rng.IntN(3) == 0 {
			r = s.reign()
		}
		dies = rng.IntN(5) == 0
		// What must happen, by arithmetic alone.
		now := s.ms.Load()
		due := now - now%(5*60*1000)
		if last == 0 {
			last, due = now, now // the first look
		}
		for looks := 0; looks < 4; looks++ {
			if _, err := r.lookAtJob(ctx, job, schedule, calendar, 1); err != nil && ctx.Err() == nil {
				t.Fatalf("step %d: %v", step, err)
			}
			if ctx.Err() != nil {
				break
			}
		}
		died := ctx.Err() != nil
		runs := func(at int64) {
			if died {
				open = at
			} else {
				want[at], open = true, 0
			}
		}
		if open != 0 {
			runs(open)
		}
		if !died || open == 0 {
			if due > last {
				last = due
				if catchUp || now-due <= missedAfter.Milliseconds() {
					runs(due)
				}
			}
		}
		if died {
			ctx, die = context.WithCancel(t.Context())
			r = s.reign()
		}
		if len(ended) != len(want) {
			t.Fatalf("step %d, at %v: ran %d, want %d", step, s.now(), len(ended), len(want))
		}
	}
	die()
	for at, n := range ended {
		if n != 1 || !want[at] {
			t.Errorf("%v was run %d times; it should be: %t", time.UnixMilli(at).UTC(), n, want[at])
		}
	}
	if len(want) < 20 {
		t.Errorf("only %d runs", len(want))
	}
}

// A leader that was deposed runs nothing.
func TestDeposedRunsNothing(t *testing.T) {
	t.Parallel()
	s := newSetting(t, storetest.Embedded(t))
	old := s.reign()
	schedule, err := parseCron("* * * * *")
	if err != nil {
		t.Fatal(err)
	}
	job := Job{Name: "j", Cron: "* * * * *", Run: func(context.Context, uint16, time.Time) error { t.Error("it runs"); return nil }}
	if _, err := old.lookAtJob(t.Context(), job, schedule, calendars(t).Of(1), 1); err != nil {
		t.Fatal(err)
	}
	s.reign()
	s.ms.Add(time.Hour.Milliseconds())
	if _, err := old.lookAtJob(t.Context(), job, schedule, calendars(t).Of(1), 1); !errors.Is(err, public.ErrFenced) {
		t.Errorf("%v", err)
	}
}

// FuzzCron: whatever an operator writes is refused, or has a next time that is later.
func FuzzCron(f *testing.F) {
	for _, seed := range []string{"0 0 1 * *", "*/5 * * * * *", "@every 1h", "0 0 29 2 *", "TZ=UTC * * * * *"} {
		f.Add(seed)
	}
	days, err := area.NewCalendars([]area.Config{{ID: 1, TimeZone: "Europe/Berlin", ResetHour: 5}})
	if err != nil {
		f.Fatal(err)
	}
	from := time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		schedule, err := parseCron(text)
		if err != nil {
			return
		}
		if next := nextRun(schedule, days.Of(1), from); !next.IsZero() && !next.After(from) {
			t.Errorf("%q: after %v comes %v", text, from, next)
		}
	})
}

// TestLimits holds the limits of players to a list of what each has said.
func TestLimits(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	const burst, every = 3, 10 * time.Second
	l := newLimits(every, burst)
	now := time.UnixMilli(0)
	debt := map[int64]time.Duration{}
	for range 20_000 {
		step := time.Duration(rng.IntN(500)) * time.Millisecond
		now = now.Add(step)
		for p := range debt {
			debt[p] = max(0, debt[p]-step)
		}
		p := int64(rng.IntN(40))
		want := debt[p]+every <= burst*every
		if want {
			debt[p] += every
		}
		if got := l.allow(p, now); got != want {
			t.Fatalf("player %d at %v: %t; want %t", p, now, got, want)
		}
	}
	for p := range int64(10_000) {
		l.allow(1000+p, now)
		now = now.Add(every)
	}
	if n := len(l.until); n > fewLimits {
		t.Errorf("%d players are remembered", n)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Config){
		"cron":     func(c *Config) { c.Seasons.Cron = "often" },
		"rewards":  func(c *Config) { c.Seasons.Rewards = []Reward{{To: 10}, {To: 5}} },
		"all":      func(c *Config) { c.Seasons.Rewards = []Reward{{To: 0}, {To: 5}} },
		"negative": func(c *Config) { c.Seasons.Rewards = []Reward{{To: 1, Gold: -1}} },
		"lease":    func(c *Config) { c.Lease.TTL = time.Millisecond },
	} {
		c := Defaults()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	c := Defaults().Seasons
	for rating, want := range map[int64]int32{1500: 0, 2000: -250, 1000: 250, 1501: 0} {
		if got := c.afterwards(rating); got != want {
			t.Errorf("a rating of %d changes by %d; want %d", rating, got, want)
		}
	}
	for place, want := range map[int64]int64{1: 1000, 2: 500, 10: 500, 11: 200, 5000: 50} {
		if got := c.reward(place); got != want {
			t.Errorf("place %d gives %d; want %d", place, got, want)
		}
	}
}
