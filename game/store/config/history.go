package config

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"loumiao/framework/live"
)

// MaxHistory is the most versions that [Store.History] returns.
const MaxHistory = 100

// A Version is one publication that there was.
type Version struct {
	Version uint64
	Author  string
	Reason  string
	At      time.Time
	Changes []live.Change // by name and area
}

// History is the publications before a version, the newest first; before 0 is from the newest on. At most limit, which is 1 to MaxHistory.
func (s *Store) History(ctx context.Context, before uint64, limit int) ([]Version, error) {
	limit = max(1, min(limit, MaxHistory))
	db := s.db.WithContext(ctx)
	query := db.Model(&changeRow{}).Distinct("version").Order("version DESC").Limit(limit)
	if before > 0 {
		query = query.Where("version < ?", before)
	}
	var numbers []uint64
	if err := query.Pluck("version", &numbers).Error; err != nil {
		return nil, fmt.Errorf("history of the configuration: %w", err)
	}
	var rows []changeRow
	if len(numbers) > 0 {
		if err := db.Order("version DESC, name, area").Find(&rows, "version IN ?", numbers).Error; err != nil {
			return nil, fmt.Errorf("history of the configuration: %w", err)
		}
	}
	var versions []Version
	for _, r := range rows {
		if n := len(versions); n == 0 || versions[n-1].Version != r.Version {
			versions = append(versions, Version{Version: r.Version, Author: r.Author, Reason: r.Reason, At: time.UnixMilli(r.At)})
		}
		if r.Name == "" {
			continue
		}
		v := &versions[len(versions)-1]
		v.Changes = append(v.Changes, live.Change{Name: r.Name, Area: r.Area, Text: r.Value, Remove: r.Removed != 0})
	}
	return versions, nil
}

// ChangesTo is what has to change for everything to be as it was in a version, by name and area, from now, which [Store.Load] returned. None means that it is so
// already. [ErrNoVersion] when that version was never there.
func (s *Store) ChangesTo(ctx context.Context, now live.Snapshot, version uint64) ([]live.Change, error) {
	if version > now.Version {
		return nil, ErrNoVersion
	}
	var there int64
	db := s.db.WithContext(ctx)
	if err := db.Model(&changeRow{}).Where("version = ?", version).Count(&there).Error; err != nil {
		return nil, fmt.Errorf("version %d of the configuration: %w", version, err)
	}
	if there == 0 && version != 0 {
		return nil, ErrNoVersion
	}
	var rows []changeRow
	err := db.Raw(`SELECT h.* FROM config_history h
		JOIN (SELECT name, area, MAX(version) AS version FROM config_history WHERE version <= ? AND name <> '' GROUP BY name, area) newest
		ON h.name = newest.name AND h.area = newest.area AND h.version = newest.version
		WHERE h.removed = 0`, version).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("version %d of the configuration: %w", version, err)
	}
	type place struct {
		name string
		area uint16
	}
	then := map[place]string{}
	for _, r := range rows {
		then[place{r.Name, r.Area}] = r.Value
	}
	var changes []live.Change
	for _, e := range now.Entries {
		text, had := then[place{e.Name, e.Area}]
		delete(then, place{e.Name, e.Area})
		if !had {
			changes = append(changes, live.Change{Name: e.Name, Area: e.Area, Remove: true})
		} else if text != e.Text {
			changes = append(changes, live.Change{Name: e.Name, Area: e.Area, Text: text})
		}
	}
	for at, text := range then {
		changes = append(changes, live.Change{Name: at.name, Area: at.area, Text: text})
	}
	slices.SortFunc(changes, func(a, b live.Change) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Area, b.Area))
	})
	return changes, nil
}
