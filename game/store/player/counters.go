package player

import (
	"context"
	"fmt"
	"regexp"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
)

// A Count is what an operation adds to one of the player's counters, such as how often he has bought an offer today.
type Count struct {
	Name string // 1 to 64 lower-case letters, digits, colons and underscores
	// Period is when: in a later one than before the counter begins at 0 again. An earlier one counts as the newest.
	Period int64
	Add    int64 // positive
	Most   int64 // the operation is refused if the counter would be more: [ErrLimit]; 0 is no limit
}

// A Counted is a counter as it stands.
type Counted struct{ Period, Count int64 }

// In is how much was counted in that period.
func (c Counted) In(period int64) int64 {
	if period > c.Period {
		return 0
	}
	return c.Count
}

var counterName = regexp.MustCompile(`^[a-z0-9_:]{1,64}$`)

// maxCounts bounds the counters of one operation, and of one question for them.
const maxCounts = 256

func checkCounts(counts []Count) error {
	if len(counts) > maxCounts {
		return fault.Errorf(fault.Invalid, "%d counters in one operation are more than %d", len(counts), maxCounts)
	}
	seen := map[string]bool{}
	for _, c := range counts {
		switch {
		case !counterName.MatchString(c.Name), seen[c.Name]:
			return fault.Errorf(fault.Invalid, "counter %q is not 1 to 64 lower-case letters, digits, colons and underscores, or is twice in an operation", c.Name)
		case c.Add <= 0 || c.Add > MaxBalance || c.Most < 0 || c.Period < 0:
			return fault.Errorf(fault.Invalid, "counter %s cannot change by %d, at most %d, in period %d", c.Name, c.Add, c.Most, c.Period)
		}
		seen[c.Name] = true
	}
	return nil
}

// count adds to counters. The transaction has locked the player's row.
func count(tx *gorm.DB, player ID, counts []Count) (map[string]int64, error) {
	if len(counts) == 0 {
		return nil, nil
	}
	names := make([]string, len(counts))
	for i, c := range counts {
		names[i] = c.Name
	}
	have, err := counted(tx, player, names)
	if err != nil {
		return nil, err
	}
	now := map[string]int64{}
	rows := make([]counterRow, len(counts))
	for i, c := range counts {
		was := have[c.Name]
		row := counterRow{Player: player, Name: c.Name, Period: max(was.Period, c.Period), Count: was.In(c.Period) + c.Add}
		if c.Most > 0 && row.Count > c.Most || row.Count > MaxBalance {
			return nil, fault.Wrap(ErrLimit, fault.FailedPrecondition, fmt.Sprintf("%d of %d times are used up", was.In(c.Period), c.Most))
		}
		rows[i], now[c.Name] = row, row.Count
	}
	update := clause.OnConflict{
		Columns: []clause.Column{{Name: "player"}, {Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"period", "count"}),
	}
	return now, tx.Clauses(update).Create(&rows).Error
}

// Counters returns the player's counters of those names, at most 256; one that was never counted is missing.
func (s *Store) Counters(ctx context.Context, id ID, names []string) (map[string]Counted, error) {
	if len(names) > maxCounts {
		return nil, fault.Errorf(fault.Invalid, "%d counters at once are more than %d", len(names), maxCounts)
	}
	have, err := counted(s.db.WithContext(ctx), id, names)
	if err != nil {
		return nil, fmt.Errorf("counters of player %d: %w", id, err)
	}
	return have, nil
}

func counted(db *gorm.DB, player ID, names []string) (map[string]Counted, error) {
	have := map[string]Counted{}
	if len(names) == 0 {
		return have, nil
	}
	var rows []counterRow
	if err := db.Find(&rows, "player = ? AND name IN ?", player, names).Error; err != nil {
		return nil, err
	}
	for _, r := range rows {
		have[r.Name] = Counted{r.Period, r.Count}
	}
	return have, nil
}
