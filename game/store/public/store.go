package public

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"loumiao/framework/lease"
	"loumiao/framework/store"
)

// Fence names the epochs of the one who leads.
const Fence = "public"

// ErrFenced: another node leads now.
var ErrFenced = lease.ErrFenced

// maxText bounds texts for people, in characters: reasons, errors.
const maxText = 500

// A Store is the tables, for reading. It is safe for concurrent use.
type Store struct {
	db  *gorm.DB
	now func() time.Time
}

// New uses db, the handle of owner "public". now is the clock of what is stored; nil is time.Now.
func New(db *gorm.DB, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{db: db, now: now}
}

// Leading is the store of the one who leads under an epoch.
func (s *Store) Leading(epoch uint64) *Leader { return &Leader{Store: s, epoch: epoch} }

// A Leader writes, as long as its epoch is the newest. It is safe for concurrent use.
type Leader struct {
	*Store
	epoch uint64
}

// tx runs fn in a fenced transaction.
func (l *Leader) tx(ctx context.Context, what string, fn func(tx *gorm.DB) error) error {
	err := store.InTx(ctx, l.db, func(tx *gorm.DB) error {
		if err := lease.Fence(tx, Fence, l.epoch); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (s *Store) nowMS() int64 { return s.now().UnixMilli() }

func fromMS(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// cut is text with at most n characters.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n])
}
