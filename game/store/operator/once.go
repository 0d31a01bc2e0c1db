package operator

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// shownAgain is how long what a deed has made is shown to who asks for the deed again: a browser shows the answer to the second click.
const shownAgain = time.Minute

// ErrShown: a deed was done before, and what it has made is not shown any more.
var ErrShown = fault.New(fault.FailedPrecondition, "it was done already, and what it made is shown no more")

// A Deed names something to be done once, however often it is asked for.
type Deed struct {
	Key string // 1 to 64 characters
	// Seed is known to who asks and stored nowhere: the secret that the deed makes comes of it, and is the same when it is asked for again.
	Seed string
	// By is who asks: unless he still may when it is done, it is not, or what he makes would outlive the end of his session. The zero Session is nobody, who always may.
	By Session
}

type deedRow struct {
	Deed   string `gorm:"primaryKey"`
	DoneAt int64
}

func (deedRow) TableName() string { return "operator_deeds" }

// Once is the store for one deed: its next change is done once for the deed's key, also by others at the same moment. Asked for again it changes nothing, and
// returns what it has made, or [ErrShown] after a minute. What has failed can be asked for again. Keys are remembered as long as a session lasts, and with it
// the forms that bring them.
func (s *Store) Once(d Deed) *Store {
	of := *s
	of.deed = d
	return &of
}

// change runs fn in a transaction, if it has not been for this deed.
func (s *Store) change(ctx context.Context, fn func(tx *gorm.DB) error) error {
	_, err := s.changed(ctx, fn)
	return err
}

// made is change of what makes a secret, and whether that may be shown.
func (s *Store) made(ctx context.Context, fn func(tx *gorm.DB) error) error {
	before, err := s.changed(ctx, fn)
	if err == nil && before != 0 && s.now().Sub(time.UnixMilli(before)) > shownAgain {
		return ErrShown
	}
	return err
}

// changed is change, and when it was done before; 0: it was not.
func (s *Store) changed(ctx context.Context, fn func(tx *gorm.DB) error) (before int64, err error) {
	if s.deed.Key == "" {
		return 0, store.InTx(ctx, s.db, fn)
	}
	began := false
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		now := s.now()
		began = false
		if err := s.deed.By.lasts(tx); err != nil {
			return err
		}
		if err := tx.Create(&deedRow{s.deed.Key, now.UnixMilli()}).Error; err != nil { // who does it in this moment is waited for
			return err
		}
		began = true
		if err := tx.Delete(&deedRow{}, "done_at <= ?", now.Add(-AbsoluteTTL).UnixMilli()).Error; err != nil {
			return err
		}
		return fn(tx)
	})
	if began || !errors.Is(err, store.ErrDuplicate) {
		return 0, err
	}
	var row deedRow
	err = s.db.WithContext(ctx).Take(&row, "deed = ?", s.deed.Key).Error
	return row.DoneAt, err
}

// secret is a new one: the deed's, if there is one.
func (s *Store) secret() string {
	if s.deed.Key == "" {
		return rand.Text()
	}
	mac := hmac.New(sha256.New, s.vault.maker)
	_, _ = mac.Write([]byte(s.deed.Key + " " + s.deed.Seed)) // never fails
	return base32NoPad.EncodeToString(mac.Sum(nil)[:16])     // as many characters as a random one has
}
