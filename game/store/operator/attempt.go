package operator

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// What failed logins lead to: see the package. From the free ones on, each locks for twice as long as the one before; of a name, always for as long.
const (
	freeOfPair    = 5
	freeOfAddress = 20 // an office shares one
	freeOfName    = 50
	firstLock     = 30 * time.Second
	longestLock   = time.Hour
	slowLogin     = 5 * time.Second
	forgetAfter   = 24 * time.Hour      // since the last failure
	knownFor      = 30 * 24 * time.Hour // since the last login from an address
)

// attemptRow counts by a hash, whatever was typed for a name. One without failures may be that a name has logged in from an address.
type attemptRow struct {
	Subject     string `gorm:"primaryKey"`
	Failures    int
	LockedUntil int64
	LastAt      int64
}

func (attemptRow) TableName() string { return "operator_attempts" }

// A subject is whose failures are counted together.
type subject struct {
	key  string
	free int
	lock func(over int) time.Duration
}

func ofAddress(address string) subject {
	return subject{digest("address:" + address), freeOfAddress, doubling}
}
func ofPair(name, address string) subject {
	return subject{digest("pair:" + address + " " + name), freeOfPair, doubling}
}
func ofName(name string) subject {
	return subject{digest("name:" + name), freeOfName, func(int) time.Duration { return slowLogin }}
}
func known(name, address string) string { return digest("known:" + address + " " + name) }

func doubling(over int) time.Duration {
	lock := firstLock
	for range over {
		if lock *= 2; lock >= longestLock {
			return longestLock
		}
	}
	return lock
}

// attempt counts a login as failed before it is tried, so that a thousand at once count as a thousand. It is fault.RateLimited when it may not be tried now;
// that does not count.
func (s *Store) attempt(ctx context.Context, name, address string) error {
	try := func() error {
		return store.InTx(ctx, s.db, func(tx *gorm.DB) error {
			now := s.now()
			err := tx.Delete(&attemptRow{}, "(failures > 0 AND last_at <= ?) OR last_at <= ?", now.Add(-forgetAfter).UnixMilli(), now.Add(-knownFor).UnixMilli()).Error
			if err != nil {
				return err
			}
			subjects := []subject{ofAddress(address), ofPair(name, address)}
			var before int64
			if err := tx.Model(&attemptRow{}).Where("subject = ?", known(name, address)).Count(&before).Error; err != nil {
				return err
			}
			if before == 0 {
				subjects = append(subjects, ofName(name))
			}
			for _, subject := range subjects {
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
		row.LockedUntil = now.Add(subject.lock(over)).UnixMilli()
	}
	if isNew {
		return tx.Create(&row).Error
	}
	return tx.Model(&row).Select("failures", "last_at", "locked_until").Updates(row).Error
}

// forgive forgets the failures of a name at an address that it has logged in from, takes this one off the others, and remembers the address.
func forgive(tx *gorm.DB, name, address string, now time.Time) error {
	if err := tx.Delete(&attemptRow{}, "subject = ?", ofPair(name, address).key).Error; err != nil {
		return err
	}
	for _, subject := range []subject{ofAddress(address), ofName(name)} {
		err := tx.Model(&attemptRow{}).Where("subject = ? AND failures > 0", subject.key).
			Updates(map[string]any{"failures": gorm.Expr("failures - 1"), "locked_until": 0}).Error
		if err != nil {
			return err
		}
	}
	row := attemptRow{Subject: known(name, address), LastAt: now.UnixMilli()}
	return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
}
