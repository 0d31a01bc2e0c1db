package area

import "time"

// Wall is what a clock shows at t that is set to midnight when a day begins, as a time in UTC, where all days are alike: 00:00 is the reset hour in the
// area's time zone. It is for schedules, which say "at the beginning of each day" and mean that hour.
func (c *Calendar) Wall(t time.Time) time.Time {
	there := t.In(c.zone)
	return time.Date(there.Year(), there.Month(), there.Day(), there.Hour()-c.reset, there.Minute(), there.Second(), there.Nanosecond(), time.UTC)
}

// At is when a clock shows wall that Wall reads. Where the clocks are changed, what they show twice is the first time, and what they leave
// out is as much later as they are changed.
func (c *Calendar) At(wall time.Time) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour()+c.reset, wall.Minute(), wall.Second(), wall.Nanosecond(), c.zone)
	for n := maxSteps; n > 0; n-- { // Date may give the second of two
		if earlier := at.Add(-time.Duration(n) * step); c.Wall(earlier).Equal(wall) {
			return earlier
		}
	}
	for range maxSteps { // or one before what was left out
		if !c.Wall(at).Before(wall) {
			break
		}
		at = at.Add(step)
	}
	return at
}
