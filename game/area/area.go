package area

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // the time zones of the world, for machines that have none
)

// Config is when one area's day begins.
type Config struct {
	ID        uint16 `yaml:"id" min:"1" doc:"number of the area"`
	TimeZone  string `yaml:"time_zone" doc:"name of its time zone, as Asia/Shanghai; empty: UTC"`
	ResetHour int    `yaml:"reset_hour" min:"0" max:"23" doc:"hour of the clock there at which a day begins"`
}

// Calendars is the calendar of each area. It is safe for concurrent use.
type Calendars struct {
	areas map[uint16]*Calendar
	rest  *Calendar
}

// NewCalendars reports everything that is wrong, joined. Areas that are not named have UTC days that begin at midnight.
func NewCalendars(areas []Config) (*Calendars, error) {
	c := &Calendars{areas: map[uint16]*Calendar{}, rest: &Calendar{zone: time.UTC}}
	var errs []error
	for i, a := range areas {
		zone, err := time.LoadLocation(a.TimeZone)
		switch {
		case err != nil || a.TimeZone == "Local":
			errs = append(errs, fmt.Errorf("areas[%d].time_zone: there is no time zone %q", i, a.TimeZone))
		case a.ResetHour < 0 || a.ResetHour > 23:
			errs = append(errs, fmt.Errorf("areas[%d].reset_hour: is %d; must be 0 to 23", i, a.ResetHour))
		case a.ID == 0 || c.areas[a.ID] != nil:
			errs = append(errs, fmt.Errorf("areas[%d].id: is %d; must be 1 to 65535, each once", i, a.ID))
		default:
			c.areas[a.ID] = &Calendar{zone: zone, reset: a.ResetHour}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// Of is an area's calendar.
func (c *Calendars) Of(area uint16) *Calendar {
	if calendar := c.areas[area]; calendar != nil {
		return calendar
	}
	return c.rest
}

// A Calendar is when days and weeks begin. It is safe for concurrent use.
type Calendar struct {
	zone  *time.Location
	reset int
}

// Day is the day of t, as 20260131: the date there, or the one before until the reset hour.
func (c *Calendar) Day(t time.Time) int64 { return number(c.date(t)) }

// Week is the week of t, as the number of its Monday.
func (c *Calendar) Week(t time.Time) int64 {
	day := c.date(t)
	return number(day.AddDate(0, 0, -(int(day.Weekday())+6)%7))
}

// NextDay is when the day after that of t begins.
func (c *Calendar) NextDay(t time.Time) time.Time { return c.At(c.date(t).AddDate(0, 0, 1)) }

// Month is when the month of t begins and ends: those of its days.
func (c *Calendar) Month(t time.Time) (begins, ends time.Time) {
	day := c.date(t)
	first := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
	return c.At(first), c.At(first.AddDate(0, 1, 0))
}

// Local is t on the clock that people have there; its hour 0 is midnight, whenever days begin.
func (c *Calendar) Local(t time.Time) time.Time { return t.In(c.zone) }

// Clocks are changed by a multiple of step, and by less than maxSteps of them; but for dates that were left out, in which case NextDay is some hours early.
const step, maxSteps = 30 * time.Minute, 8

// date is the day of t as midnight in UTC, where all days are alike.
func (c *Calendar) date(t time.Time) time.Time {
	there := t.In(c.zone)
	day := there.Day()
	if there.Hour() < c.reset {
		day--
	}
	return time.Date(there.Year(), there.Month(), day, 0, 0, 0, 0, time.UTC)
}

func number(day time.Time) int64 {
	return int64(day.Year())*10_000 + int64(day.Month())*100 + int64(day.Day())
}
