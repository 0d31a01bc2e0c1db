package area_test

import (
	"testing"
	"time"

	"loumiao/game/area"
)

// What is scheduled for midnight of the wall clock is when the day begins, through every change of the clocks.
func TestWall(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"", "Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"} {
		for _, reset := range []int{0, 1, 2, 5} {
			calendars, err := area.NewCalendars([]area.Config{{ID: 1, TimeZone: zone, ResetHour: reset}})
			if err != nil {
				t.Fatal(err)
			}
			c := calendars.Of(1)
			for at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(3*time.Hour + 30*time.Minute) {
				wall := c.Wall(at)
				if back := c.At(wall); !c.Wall(back).Equal(wall) || back.After(at) {
					t.Errorf("%s, %d: %v is shown as %v, which is %v", zone, reset, at, wall, back)
				}
				midnight := time.Date(wall.Year(), wall.Month(), wall.Day()+1, 0, 0, 0, 0, time.UTC)
				if got, want := c.At(midnight), c.NextDay(at); !got.Equal(want) {
					t.Errorf("%s, %d: the day after %v begins at %v; want %v", zone, reset, at, got, want)
				}
			}
		}
	}
}
