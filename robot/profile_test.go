package robot

import (
	"testing"
	"time"
)

// TestPresence counts who is there at moments of each profile.
func TestPresence(t *testing.T) {
	t.Parallel()
	const whole = 100 * time.Second
	for name, test := range map[string]struct {
		profile string
		robots  int
		want    map[time.Duration]int // robots that play at a moment
	}{
		"default":           {"", 100, map[time.Duration]int{0: 1, 5 * time.Second: 51, 10 * time.Second: 100, whole - 1: 100, whole: 0}},
		"soak":              {ProfileSoak, 100, map[time.Duration]int{0: 1, 5 * time.Second: 51, 10 * time.Second: 100, whole - 1: 100, whole: 0}},
		"ramp":              {ProfileRamp, 100, map[time.Duration]int{0: 1, 49500 * time.Millisecond: 50, whole - 1: 100, whole: 0}},
		"step":              {ProfileStep, 100, map[time.Duration]int{0: 25, 25*time.Second - 1: 25, 25 * time.Second: 50, 50 * time.Second: 75, 75 * time.Second: 100, whole: 0}},
		"step of few":       {ProfileStep, 2, map[time.Duration]int{0: 1, 50*time.Second - 1: 1, 50 * time.Second: 2, whole - 1: 2}},
		"step, not by four": {ProfileStep, 10, map[time.Duration]int{0: 3, 25 * time.Second: 5, 50 * time.Second: 8, 75 * time.Second: 10}},
		"spike":             {ProfileSpike, 100, map[time.Duration]int{0: 10, 40*time.Second - 1: 10, 40 * time.Second: 100, 60*time.Second - 1: 100, 60 * time.Second: 10, whole - 1: 10, whole: 0}},
		"spike of one":      {ProfileSpike, 1, map[time.Duration]int{0: 1, 50 * time.Second: 1, whole - 1: 1}},
		"spike of few":      {ProfileSpike, 5, map[time.Duration]int{0: 1, 50 * time.Second: 5, 60 * time.Second: 1}},
	} {
		cfg := Config{Profile: test.profile, Robots: test.robots, For: whole, Ramp: 10 * time.Second}
		for at, want := range test.want {
			got := 0
			for i := range test.robots {
				from, until := cfg.presence(i)
				if from < 0 || from >= until || until > whole {
					t.Errorf("%s: robot %d is there from %s until %s", name, i, from, until)
				}
				if from <= at && at < until {
					got++
				}
			}
			if got != want {
				t.Errorf("%s: after %s there are %d robots; want %d", name, at, got, want)
			}
		}
	}
}
