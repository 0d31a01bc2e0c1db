package config

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/live"
	"loumiao/framework/store"
)

// Fence names the epochs of the one who publishes.
const Fence = "config"

// What a caller may tell apart.
var (
	// ErrFenced: another node is the centre now.
	ErrFenced = lease.ErrFenced
	// ErrConflict: somebody has changed one of the keys since the version that the author had seen. Its message names the key.
	ErrConflict = &fault.Error{Code: fault.FailedPrecondition}
	// ErrNoVersion: there has been no such version.
	ErrNoVersion = fault.New(fault.NotFound, "there has been no such version")
)

// Bounds of what an author writes, in characters.
const (
	MaxAuthor = 64
	MaxReason = 500
)

// A Publication is changes that take effect together.
type Publication struct {
	Changes []live.Change // each place at most once; none at all makes a version that changes nothing
	Base    uint64        // the version that the author had seen
	Whole   bool          // everything must be as in Base, and not only what changes: when all of it is to be as it was once
	Author  string        // 1 to MaxAuthor characters
	Reason  string        // 1 to MaxReason characters
	// AtLeast is the lowest number that the new version may have. 0: any.
	AtLeast uint64
}

// A Store is the tables. It is safe for concurrent use.
type Store struct {
	db  *gorm.DB
	now func() time.Time
}

// New uses db, the handle of owner "config". now is the clock of what is stored; nil is time.Now.
func New(db *gorm.DB, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{db: db, now: now}
}

// entryRow is a row of config_entries.
type entryRow struct {
	Name    string `gorm:"primaryKey"`
	Area    uint16 `gorm:"primaryKey;autoIncrement:false"`
	Value   string
	Version uint64
}

// TableName is the table of entries.
func (entryRow) TableName() string { return "config_entries" }

// changeRow is a row of config_history.
type changeRow struct {
	Version uint64 `gorm:"primaryKey;autoIncrement:false"`
	Name    string `gorm:"primaryKey"`
	Area    uint16 `gorm:"primaryKey;autoIncrement:false"`
	Value   string
	Removed int
	Author  string
	Reason  string
	At      int64
}

// TableName is the table of changes.
func (changeRow) TableName() string { return "config_history" }

// Load is what is published now. It is for who has the newest epoch: nobody else can publish then, and so not between its two reads.
func (s *Store) Load(ctx context.Context) (live.Snapshot, error) {
	snapshot, err := load(s.db.WithContext(ctx))
	if err != nil {
		return live.Snapshot{}, fmt.Errorf("load the configuration: %w", err)
	}
	return snapshot, nil
}

func load(tx *gorm.DB) (live.Snapshot, error) {
	var snapshot live.Snapshot
	if err := tx.Model(&changeRow{}).Select("COALESCE(MAX(version), 0)").Scan(&snapshot.Version).Error; err != nil {
		return snapshot, err
	}
	var rows []entryRow
	if err := tx.Order("name, area").Find(&rows).Error; err != nil {
		return snapshot, err
	}
	for _, r := range rows {
		snapshot.Entries = append(snapshot.Entries, live.Entry{Name: r.Name, Area: r.Area, Text: r.Value, Version: r.Version})
	}
	return snapshot, nil
}

// Publish makes the changes, as the next version, and returns what is published then. check looks at them against what is published, under the lock, so that
// nothing comes in between; its error, like [ErrFenced] and [ErrConflict], means that nothing was changed. Repeated after an error that
// leaves open what happened, it is a conflict or a second version of the same.
func (s *Store) Publish(ctx context.Context, epoch uint64, p Publication, check func(now live.Snapshot) error) (after live.Snapshot, err error) {
	if err := p.validate(); err != nil {
		return after, err
	}
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := lease.Fence(tx, Fence, epoch); err != nil {
			return err
		}
		now, err := load(tx)
		if err != nil {
			return err
		}
		if err := p.conflict(tx, now); err != nil {
			return err
		}
		if err := check(now); err != nil {
			return err
		}
		if after, err = now.With(p.Changes, max(now.Version+1, p.AtLeast)); err != nil {
			return fault.Wrap(err, fault.TooLarge, err.Error())
		}
		return s.write(tx, p, after.Version)
	})
	if err != nil {
		return live.Snapshot{}, fmt.Errorf("publish: %w", err)
	}
	return after, nil
}

func (p Publication) validate() error {
	for _, text := range []struct {
		what, text string
		most       int
	}{{"author", p.Author, MaxAuthor}, {"reason", p.Reason, MaxReason}} {
		n := utf8.RuneCountInString(text.text)
		if strings.TrimSpace(text.text) == "" || n > text.most || !utf8.ValidString(text.text) {
			return fault.Errorf(fault.Invalid, "the %s must be given, in 1 to %d characters", text.what, text.most)
		}
	}
	return nil
}

// conflict is whether somebody else has changed, or removed, one of the same since the author looked; or anything, for a whole.
func (p Publication) conflict(tx *gorm.DB, now live.Snapshot) error {
	if p.Base > now.Version {
		return fault.Errorf(fault.Invalid, "version %d is not there yet; %d is the newest", p.Base, now.Version)
	}
	if p.Base == now.Version {
		return nil
	}
	if p.Whole {
		return fault.Errorf(fault.FailedPrecondition, "version %d has been published since version %d: look at it again", now.Version, p.Base)
	}
	names := make([]string, len(p.Changes))
	for i, c := range p.Changes {
		names[i] = c.Name
	}
	var rows []changeRow
	err := tx.Select("version", "name", "area", "author").Order("version DESC").Find(&rows, "version > ? AND name IN ?", p.Base, names).Error
	if err != nil {
		return err
	}
	for _, r := range rows {
		if slices.ContainsFunc(p.Changes, func(c live.Change) bool { return c.Name == r.Name && c.Area == r.Area }) {
			return fault.Errorf(fault.FailedPrecondition, "%s was changed by %s in version %d, after version %d that these changes were made for: look at it again",
				r.Name, r.Author, r.Version, p.Base)
		}
	}
	return nil
}

// write stores a publication.
func (s *Store) write(tx *gorm.DB, p Publication, version uint64) error {
	row := changeRow{Version: version, Author: p.Author, Reason: p.Reason, At: s.now().UnixMilli()}
	var history []changeRow
	for _, c := range p.Changes {
		row.Name, row.Area, row.Value, row.Removed = c.Name, c.Area, c.Text, 0
		if c.Remove {
			row.Value, row.Removed = "", 1
		}
		history = append(history, row)
		if err := tx.Delete(&entryRow{}, "name = ? AND area = ?", c.Name, c.Area).Error; err != nil {
			return err
		}
		if c.Remove {
			continue
		}
		if err := tx.Create(&entryRow{Name: c.Name, Area: c.Area, Value: c.Text, Version: version}).Error; err != nil {
			return err
		}
	}
	if len(history) == 0 {
		history = append(history, row)
	}
	return tx.CreateInBatches(&history, writeBatch).Error
}

// writeBatch is how many changes one statement stores: values may be long, and statements are bounded.
const writeBatch = 16
