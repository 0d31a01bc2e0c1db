// Package log is the tables of game logs, one a UTC day: log_20260131.
//
// A record has an id of its own for its player, and is stored once by it: it may come as often as it likes, at whichever node, while its day is kept.
// Days that are over are dropped whole. The tables are made from here, with one statement on every engine, because each day needs another.
//
// What is too old to be kept, or of a day to come, is so by the node's clock and the database's: one that is wrong loses nothing.
//
// Only nodes of type log write.
package log

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

const (
	tablePrefix = "log_"
	tableDay    = "20060102"
	day         = 24 * time.Hour
	insertRows  = 100 // of one statement
	maxPage     = 200
	maxDetails  = 16 << 10 // bytes
)

// A Record is one line. Player and ID are positive. Details is a JSON object of at most 16 KiB.
type Record struct {
	Player  int64  `gorm:"primaryKey;autoIncrement:false"`
	ID      int64  `gorm:"primaryKey;autoIncrement:false"`
	Kind    string // 1 to 32 bytes
	Area    uint16
	At      int64 // ms
	Details string
}

// ddl makes a day's table. The unique key is an index for queries by kind and time, in a form that every engine takes.
const ddl = `CREATE TABLE IF NOT EXISTS %s (
	player BIGINT NOT NULL, id BIGINT NOT NULL, kind VARCHAR(32) NOT NULL, area INT NOT NULL, at BIGINT NOT NULL, details MEDIUMTEXT NOT NULL,
	PRIMARY KEY (player, id), UNIQUE (kind, at, id, player), CHECK (JSON_VALID(details)))`

// A Store is the tables. It is safe for concurrent use.
type Store struct {
	db   *gorm.DB
	keep int // days
	now  func() time.Time

	mu   sync.Mutex
	made map[string]bool // days whose table is known to be there
}

// New uses db, the handle of owner "log", and keeps records for so many days before today, at least 1.
func New(db *gorm.DB, keep int, now func() time.Time) *Store {
	return &Store{db: db, keep: max(1, keep), now: now, made: map[string]bool{}}
}

// oldest is the first day that is kept at a time.
func (s *Store) oldest(now time.Time) time.Time {
	return now.UTC().Truncate(day).Add(-time.Duration(s.keep) * day)
}

// clocks is the time by the node's clock and the database's, the earlier first.
func (s *Store) clocks(ctx context.Context) (early, late time.Time, err error) {
	ms, err := store.Clock(s.db.WithContext(ctx))
	if err != nil {
		return early, late, err
	}
	early, late = s.now(), time.UnixMilli(ms)
	if late.Before(early) {
		early, late = late, early
	}
	return early, late, nil
}

func table(at time.Time) string { return tablePrefix + at.UTC().Format(tableDay) }

// Append stores records, all or none of them; those that are stored already stay as they are. Records of days that are not kept any more are left
// out. It is fault.Invalid for a record that is wrong, or of a time later than tomorrow.
func (s *Store) Append(ctx context.Context, records []Record) error {
	early, late, err := s.clocks(ctx)
	if err != nil {
		return fmt.Errorf("append to the log: %w", err)
	}
	days := map[string][]Record{}
	for _, r := range records {
		if err := check(r, late); err != nil {
			return err
		}
		if at := time.UnixMilli(r.At); !at.Before(s.oldest(early)) {
			days[table(at)] = append(days[table(at)], r)
		}
	}
	names := slices.Sorted(maps.Keys(days))
	for _, name := range names {
		// In one order, so that two who append the same do not wait for each other.
		slices.SortFunc(days[name], func(a, b Record) int { return cmp.Or(cmp.Compare(a.Player, b.Player), cmp.Compare(a.ID, b.ID)) })
		if err := s.make(ctx, name); err != nil {
			return fmt.Errorf("make table %s: %w", name, err)
		}
	}
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		for _, name := range names {
			rows := days[name]
			if err := tx.Table(name).Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(&rows, insertRows).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.forget(names) // another node, which keeps fewer days, may have dropped one
		return fmt.Errorf("append to the log: %w", err)
	}
	return nil
}

func check(r Record, now time.Time) error {
	at := time.UnixMilli(r.At).UTC()
	switch {
	case r.Player <= 0 || r.ID <= 0:
		return fault.Errorf(fault.Invalid, "record %d of player %d: these are no positive numbers", r.ID, r.Player)
	case r.Kind == "" || len(r.Kind) > 32 || !utf8.ValidString(r.Kind):
		return fault.Errorf(fault.Invalid, "kind %q is not 1 to 32 bytes", r.Kind)
	case len(r.Details) > maxDetails || !strings.HasPrefix(r.Details, "{") || !json.Valid([]byte(r.Details)) || !utf8.ValidString(r.Details):
		return fault.Errorf(fault.Invalid, "the details of record %d of player %d are not a JSON object of at most %d bytes", r.ID, r.Player, maxDetails)
	case !at.Before(now.UTC().Truncate(day).Add(2 * day)):
		return fault.Errorf(fault.Invalid, "record %d of player %d is of %s, which is to come", r.ID, r.Player, at.Format(time.DateOnly))
	}
	return nil
}

// make makes a day's table unless it is known to be there: MySQL ends what runs on a table to do nothing to it.
func (s *Store) make(ctx context.Context, name string) error {
	s.mu.Lock()
	made := s.made[name]
	s.mu.Unlock()
	if made {
		return nil
	}
	err := s.exec(ctx, fmt.Sprintf(ddl, name))
	if err == nil {
		s.mu.Lock()
		s.made[name] = true
		s.mu.Unlock()
	}
	return err
}

func (s *Store) forget(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		delete(s.made, name)
	}
}

// exec changes what tables there are, in a transaction of its own: MySQL ends any by it.
func (s *Store) exec(ctx context.Context, statement string) error {
	return store.InTx(ctx, s.db, func(tx *gorm.DB) error { return tx.Exec(statement).Error })
}

// tables is the days that there are, the newest first.
func (s *Store) tables(ctx context.Context) ([]string, error) {
	all, err := s.db.WithContext(ctx).Migrator().GetTables()
	if err != nil {
		return nil, fmt.Errorf("list the log's tables: %w", err)
	}
	all = slices.DeleteFunc(all, func(name string) bool {
		rest, ok := strings.CutPrefix(name, tablePrefix)
		_, err := time.Parse(tableDay, rest)
		return !ok || err != nil
	})
	slices.Sort(all)
	slices.Reverse(all)
	return all, nil
}

// Drop drops the days that are not kept any more, and returns how many.
func (s *Store) Drop(ctx context.Context) (n int, err error) {
	early, _, err := s.clocks(ctx)
	if err != nil {
		return 0, err
	}
	names, err := s.tables(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if name >= table(s.oldest(early)) {
			continue
		}
		s.forget([]string{name})
		if err := s.exec(ctx, "DROP TABLE IF EXISTS "+name); err != nil {
			return n, fmt.Errorf("drop table %s: %w", name, err)
		}
		n++
	}
	return n, nil
}

// A Query says which records: of a player, of a kind or both, from a time on and before another.
type Query struct {
	Player   int64
	Kind     string
	From, To time.Time
	After    *Record // the last of the page before; nil is the first page
	Limit    int     // 1 to 200; otherwise 200
}

// Find is the records of a query, the newest first. It is fault.Invalid without a player and a kind.
func (s *Store) Find(ctx context.Context, q Query) ([]Record, error) {
	if q.Player == 0 && q.Kind == "" {
		return nil, fault.New(fault.Invalid, "a query of the log needs a player or a kind")
	}
	if q.Limit < 1 || q.Limit > maxPage {
		q.Limit = maxPage
	}
	names, err := s.tables(ctx)
	if err != nil {
		return nil, err
	}
	var found []Record
	for _, name := range names {
		if len(found) == q.Limit || name < table(q.From) || name < table(s.oldest(s.now())) {
			break
		}
		if name > table(q.To) || q.After != nil && name > table(time.UnixMilli(q.After.At)) {
			continue
		}
		var rows []Record
		tx := s.db.WithContext(ctx).Table(name).Where("at >= ? AND at < ?", q.From.UnixMilli(), q.To.UnixMilli())
		if q.Player != 0 {
			tx = tx.Where("player = ?", q.Player)
		}
		if q.Kind != "" {
			tx = tx.Where("kind = ?", q.Kind)
		}
		if a := q.After; a != nil {
			tx = tx.Where("at < ? OR at = ? AND (id < ? OR id = ? AND player < ?)", a.At, a.At, a.ID, a.ID, a.Player)
		}
		if err := tx.Order("at DESC, id DESC, player DESC").Limit(q.Limit - len(found)).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		found = append(found, rows...)
	}
	return found, nil
}
