package policy

import (
	"time"

	"loumiao/framework/fault"
	"loumiao/game/area"
	"loumiao/game/store/account"
	"loumiao/game/store/order"
)

// errUnknown is for accounts of which nobody is known and that are refused for it.
var errUnknown = fault.New(fault.FailedPrecondition, "this game needs to know who you are: log in with your name and number")

// age is how old somebody is on a date, in years. Who was born on 29 February is a year older on 1 March in other years.
func age(born, on time.Time) int {
	years := on.Year() - born.Year()
	if on.Month() < born.Month() || on.Month() == born.Month() && on.Day() < born.Day() {
		years--
	}
	return years
}

// ageOf is how old the person of an account is taken to be; refused is why it may not even be asked.
func (c Config) ageOf(p account.Person, known bool, there time.Time) (years int, refused error) {
	switch {
	case known:
		return age(p.Born, there), nil
	case c.Unverified == unverifiedMinor:
		return 0, nil
	case c.Unverified == unverifiedRefuse:
		return 0, errUnknown
	}
	return c.AdultAge, nil
}

// mayPlay is why a minor may not play now, and until when; nil: he may.
func (c PlaytimeConfig) mayPlay(calendar *area.Calendar, now time.Time, played time.Duration) (until time.Time, refused error) {
	there := calendar.Local(now)
	// Clocks that are changed meanwhile make this early or late by as much, at night, and whoever comes too early is told again.
	hour := func(days, h int) time.Time {
		return time.Date(there.Year(), there.Month(), there.Day()+days, h, 0, 0, 0, there.Location())
	}
	switch {
	case there.Before(hour(0, c.From)):
		until = hour(0, c.From)
	case !there.Before(hour(0, c.To)):
		until = hour(1, c.From)
	case c.Daily > 0 && played >= c.Daily:
		until = calendar.NextDay(now)
		if there := calendar.Local(until); there.Hour() < c.From { // the day begins at night
			until = time.Date(there.Year(), there.Month(), there.Day(), c.From, 0, 0, 0, there.Location())
		} else if there.Hour() >= c.To {
			until = time.Date(there.Year(), there.Month(), there.Day()+1, c.From, 0, 0, 0, there.Location())
		}
		return until, fault.Errorf(fault.Forbidden, "minors may play for %v a day, which are over: come back at %s", c.Daily, until.Format(time.RFC3339))
	default:
		return time.Time{}, nil
	}
	return until, fault.Errorf(fault.Forbidden, "minors may play from %02d:00 to %02d:00: come back at %s", c.From, c.To, until.Format(time.RFC3339))
}

// mayBuy is the caps that hold for somebody of that age, or why he may not buy at all.
func (c SpendingConfig) mayBuy(calendar *area.Calendar, now time.Time, years int, r ChargeRequest) ([]order.Cap, error) {
	if c.Currency == "" {
		return nil, nil
	}
	for _, b := range c.Bands {
		switch {
		case years >= b.Under:
			continue
		case b.PerOrder == 0:
			return nil, fault.Errorf(fault.Forbidden, "players under %d may not buy", b.Under)
		case r.Currency != c.Currency:
			return nil, fault.Errorf(fault.Forbidden, "players under %d may buy in %s only", b.Under, c.Currency)
		case r.Price > b.PerOrder:
			return nil, fault.Errorf(fault.Forbidden, "players under %d may spend %s %s at once", b.Under, money(b.PerOrder), c.Currency)
		case b.PerMonth == 0:
			return nil, nil
		}
		begins, ends := calendar.Month(now)
		return []order.Cap{{Since: begins, Most: b.PerMonth, Exceeded: func(spent int64) error {
			return fault.Errorf(fault.Forbidden, "players under %d may spend %s %s a month, of which %s are spent or ordered; the next month begins at %s",
				b.Under, money(b.PerMonth), c.Currency, money(spent), calendar.Local(ends).Format(time.RFC3339))
		}}}, nil
	}
	return nil, nil
}
