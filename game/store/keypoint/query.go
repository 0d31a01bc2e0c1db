package keypoint

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// A Count is how many players on a day.
type Count struct {
	Day     Day   `json:"day"`
	Players int64 `json:"players"`
}

// Active is how many players were active on each of the days from and to, and between. Days without any are left out.
func (s *Store) Active(ctx context.Context, app string, from, to Day) ([]Count, error) {
	counts := []Count{}
	err := s.db.WithContext(ctx).Model(&activityRow{}).Select("day, COUNT(*) AS players").
		Where("app = ? AND day BETWEEN ? AND ?", app, from, to).Group("day").Order("day").Scan(&counts).Error
	return counts, asked("active", err)
}

// A Cohort is the players whose first day was Day, and how many of them came back so many days later, in the order that was asked for.
type Cohort struct {
	Day      Day     `json:"day"`
	Players  int64   `json:"players"`
	Returned []int64 `json:"returned"`
}

// Retention is the cohorts of the days from and to, and between; after is the days later at which is looked, such as 1, 7 and 30.
func (s *Store) Retention(ctx context.Context, app string, from, to Day, after []int) ([]Cohort, error) {
	first := func() *gorm.DB {
		return s.db.WithContext(ctx).Table("activity AS a").Select("a.day, COUNT(*) AS players").
			Where("a.app = ? AND a.day BETWEEN ? AND ?", app, from, to).
			Where("NOT EXISTS (SELECT 1 FROM activity b WHERE b.app = a.app AND b.player = a.player AND b.day < a.day)").
			Group("a.day").Order("a.day")
	}
	var counts []Count
	if err := first().Scan(&counts).Error; err != nil {
		return nil, asked("retention", err)
	}
	cohorts, at := make([]Cohort, len(counts)), map[Day]int{}
	for i, c := range counts {
		cohorts[i], at[c.Day] = Cohort{Day: c.Day, Players: c.Players, Returned: make([]int64, len(after))}, i
	}
	for k, later := range after {
		counts = nil
		err := first().Where("EXISTS (SELECT 1 FROM activity c WHERE c.app = a.app AND c.player = a.player AND c.day = a.day + ?)", later).Scan(&counts).Error
		if err != nil {
			return nil, asked("retention", err)
		}
		for _, c := range counts {
			if i, ok := at[c.Day]; ok {
				cohorts[i].Returned[k] = c.Players
			}
		}
	}
	return cohorts, nil
}

// A Share is how many of a day's players did something on it.
type Share struct {
	Day    Day   `json:"day"`
	Active int64 `json:"active"`
	Did    int64 `json:"did"`
}

// Conversion is how many of each day's active players did the event on that day.
func (s *Store) Conversion(ctx context.Context, app, event string, from, to Day) ([]Share, error) {
	active, err := s.Active(ctx, app, from, to)
	if err != nil {
		return nil, err
	}
	var did []Count
	err = s.db.WithContext(ctx).Model(&eventRow{}).Select("day, COUNT(DISTINCT player) AS players").
		Where("app = ? AND name = ? AND day BETWEEN ? AND ?", app, event, from, to).Group("day").Scan(&did).Error
	if err != nil {
		return nil, asked("conversion", err)
	}
	on := map[Day]int64{}
	for _, d := range did {
		on[d.Day] = d.Players
	}
	shares := make([]Share, len(active))
	for i, a := range active {
		shares[i] = Share{a.Day, a.Players, on[a.Day]}
	}
	return shares, nil
}

// Funnel is how many players came how far: those who did the first of steps on the days from to to, those of them who did the second not before that and
// within the window after the first, and so on. A player begins once, at his earliest.
func (s *Store) Funnel(ctx context.Context, app string, steps []string, from, to Day, window time.Duration) ([]int64, error) {
	counts := make([]int64, len(steps))
	reached, args := "", []any(nil)
	for i, step := range steps {
		if i == 0 {
			reached = "SELECT player, MIN(at) AS begun, MIN(at) AS at FROM events WHERE app = ? AND name = ? AND day BETWEEN ? AND ? GROUP BY player"
			args = []any{app, step, from, to}
		} else {
			last := to + Day(window/(24*time.Hour)) + 1 // no player's window ends later: this bounds what the index is read for
			reached = "SELECT p.player, p.begun, MIN(e.at) AS at FROM (" + reached + ") p JOIN events e ON e.player = p.player AND e.app = ? AND e.name = ? " +
				"AND e.day BETWEEN ? AND ? AND e.at >= p.at AND e.at <= p.begun + ? GROUP BY p.player, p.begun"
			args = append(args, app, step, from, last, window.Milliseconds())
		}
		if err := s.db.WithContext(ctx).Raw("SELECT COUNT(*) FROM ("+reached+") r", args...).Scan(&counts[i]).Error; err != nil {
			return nil, asked("funnel "+strings.Join(steps, ", "), err)
		}
		if counts[i] == 0 {
			break
		}
	}
	return counts, nil
}

// Quarantined is the newest of what was malformed, at most limit.
func (s *Store) Quarantined(ctx context.Context, limit int) ([]Reject, error) {
	var rows []rejectRow
	if err := s.db.WithContext(ctx).Order("received DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, asked("quarantine", err)
	}
	rejects := make([]Reject, len(rows))
	for i, r := range rows {
		rejects[i] = Reject{r.Entry, r.Number, r.App, r.Reason, r.Detail, r.Body, time.UnixMilli(r.Received).UTC()}
	}
	return rejects, nil
}

func asked(what string, err error) error {
	if err != nil {
		return fmt.Errorf("query %s: %w", what, err)
	}
	return nil
}

// Apps is the apps that have events, by name.
func (s *Store) Apps(ctx context.Context) ([]string, error) {
	apps := []string{}
	err := s.db.WithContext(ctx).Model(&activityRow{}).Distinct("app").Order("app").Limit(maxNames).Pluck("app", &apps).Error
	return apps, asked("apps", err)
}

// Names is the events of an app that happened on the days from and to, and between, by name.
func (s *Store) Names(ctx context.Context, app string, from, to Day) ([]string, error) {
	names := []string{}
	err := s.db.WithContext(ctx).Model(&eventRow{}).Distinct("name").Where("app = ? AND day BETWEEN ? AND ?", app, from, to).
		Order("name").Limit(maxNames).Pluck("name", &names).Error
	return names, asked("names", err)
}

// maxNames is how many apps and events are listed.
const maxNames = 500
