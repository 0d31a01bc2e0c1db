package operator

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// Lockout after failed logins: from so many on, each locks for twice as long as the one before.
const (
	freeOfName    = 5
	freeOfAddress = 20 // an office shares one
	firstLock     = 30 * time.Second
	longestLock   = time.Hour
	forgetAfter   = 24 * time.Hour // since the last one
)

// attemptRow counts by a hash, whatever was typed for a name.
type attemptRow struct {
	Subject     string `gorm:"primaryKey"`
	Failures    int
	LockedUntil int64
	LastAt      int64
}

func (attemptRow) TableName() string { return "operator_attempts" }

// A subject is a name or an address that logs in.
type subject struct {
	key  string
	free int
}

func subjects(name, address string) []subject {
	return []subject{{digest("address:" + address), freeOfAddress}, {digest("name:" + name), freeOfName}}
}

// attempt counts a login as failed before it is tried, so that a thousand at once count as a thousand. It is fault.RateLimited while the name or the address is locked;
// that does not count.
func (s *Store) attempt(ctx context.Context, name, address string) error {
	try := func() error {
		return store.InTx(ctx, s.db, func(tx *gorm.DB) error {
			now := s.now()
			if err := tx.Delete(&attemptRow{}, "last_at <= ?", now.Add(-forgetAfter).UnixMilli()).Error; err != nil {
				return err
			}
			for _, subject := range subjects(name, address) {
				if err := fail(tx, subject, now); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := try()
	if errors.Is(err, store.ErrDuplicate) { // another first attempt in the same moment
		err = try()
	}
	return err
}

func fail(tx *gorm.DB, subject subject, now time.Time) error {
	row := attemptRow{Subject: subject.key}
	err := locked(tx).Take(&row, "subject = ?", subject.key).Error
	isNew := errors.Is(err, store.ErrNotFound)
	if err != nil && !isNew {
		return err
	}
	if left := time.UnixMilli(row.LockedUntil).Sub(now); left > 0 {
		return fault.Errorf(fault.RateLimited, "too many failed logins; try again in %s", left.Round(time.Second))
	}
	row.Failures++
	row.LastAt = now.UnixMilli()
	row.LockedUntil = 0
	if over := row.Failures - subject.free; over >= 0 {
		row.LockedUntil = now.Add(lockFor(over)).UnixMilli()
	}
	if isNew {
		return tx.Create(&row).Error
	}
	return tx.Model(&row).Select("failures", "last_at", "locked_until").Updates(row).Error
}

// lockFor doubles.
func lockFor(over int) time.Duration {
	lock := firstLock
	for range over {
		if lock *= 2; lock >= longestLock {
			return longestLock
		}
	}
	return lock
}

// forgive forgets the failures of a name that has logged in, and takes one off those of its address.
func forgive(tx *gorm.DB, name, address string) error {
	s := subjects(name, address)
	if err := tx.Delete(&attemptRow{}, "subject = ?", s[1].key).Error; err != nil {
		return err
	}
	return tx.Model(&attemptRow{}).Where("subject = ? AND failures > 0", s[0].key).
		Updates(map[string]any{"failures": gorm.Expr("failures - 1"), "locked_until": 0}).Error
}
