package area_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"loumiao/game/area"
)

func calendar(t *testing.T, zone string, hour int) *area.Calendar {
	t.Helper()
	c, err := area.NewCalendars([]area.Config{{ID: 1, TimeZone: zone, ResetHour: hour}})
	if err != nil {
		t.Fatal(err)
	}
	return c.Of(1)
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		zone      string
		hour      int
		at        string
		day, week int64
		next      string
	}{
		{"", 0, "2026-01-31T23:59:59Z", 20260131, 20260126, "2026-02-01T00:00:00Z"},
		{"", 0, "2026-02-01T00:00:00Z", 20260201, 20260126, "2026-02-02T00:00:00Z"},
		{"", 0, "2026-02-02T00:00:00Z", 20260202, 20260202, "2026-02-03T00:00:00Z"},
		{"Asia/Shanghai", 5, "2026-01-31T20:59:59Z", 20260131, 20260126, "2026-01-31T21:00:00Z"},
		{"Asia/Shanghai", 5, "2026-01-31T21:00:00Z", 20260201, 20260126, "2026-02-01T21:00:00Z"},
		{"America/New_York", 4, "2026-01-01T08:59:59Z", 20251231, 20251229, "2026-01-01T09:00:00Z"},
		{"Europe/Berlin", 2, "2026-03-28T12:00:00Z", 20260328, 20260323, "2026-03-29T01:00:00Z"}, // there is no 2 o'clock: the day begins at 3
		{"Europe/Berlin", 3, "2026-10-24T12:00:00Z", 20261024, 20261019, "2026-10-25T02:00:00Z"}, // 2 o'clock is there twice
		{"Asia/Kathmandu", 0, "2026-06-01T18:14:59Z", 20260601, 20260601, "2026-06-01T18:15:00Z"},
	} {
		c := calendar(t, test.zone, test.hour)
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if day, week := c.Day(at), c.Week(at); day != test.day || week != test.week {
			t.Errorf("%s %d: %s is day %d of week %d, want %d of %d", test.zone, test.hour, test.at, day, week, test.day, test.week)
		}
		if next := c.NextDay(at).UTC().Format(time.RFC3339); next != test.next {
			t.Errorf("%s %d: after %s the next day begins at %s, want %s", test.zone, test.hour, test.at, next, test.next)
		}
	}
}

// TestNextDay holds everywhere and at any time: the next day begins where its number changes, not earlier and not later.
func TestNextDay(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, zone := range []string{"UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu"} {
		for range 300 {
			c := calendar(t, zone, rng.IntN(24))
			at := time.Unix(1_600_000_000+rng.Int64N(400_000_000), 0)
			next := c.NextDay(at)
			if !next.After(at) || c.Day(next) <= c.Day(at) || c.Day(next.Add(-time.Millisecond)) != c.Day(at) || next.Sub(at) > 26*time.Hour {
				t.Errorf("%s: after %s (%d) the next day begins at %s (%d)", zone, at.UTC(), c.Day(at), next.UTC(), c.Day(next))
			}
			if week := c.Week(at); week > c.Day(at) || c.Week(next) < week {
				t.Errorf("%s: %s is in week %d", zone, at.UTC(), week)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	c, err := area.NewCalendars(nil)
	if err != nil {
		t.Fatal(err)
	}
	if day := c.Of(7).Day(time.Unix(0, 0)); day != 19700101 {
		t.Errorf("an area that is not named has day %d", day)
	}
	_, err = area.NewCalendars([]area.Config{{ID: 1, TimeZone: "Mars/Olympus"}, {ID: 2, ResetHour: 24}, {ID: 3}, {ID: 3}, {ID: 0}, {ID: 4, TimeZone: "Local"}})
	for _, want := range []string{"areas[0].time_zone", "areas[1].reset_hour", "areas[3].id", "areas[4].id", "areas[5].time_zone"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported: %v", want, err)
		}
	}
}
