package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// A Sanction keeps an account from playing.
type Sanction struct {
	ID     int64
	Reason string    // shown to the player; 1 to 255 bytes
	Author string    // who imposed it; 1 to 64 bytes, not shown
	Starts time.Time // zero: now
	Ends   time.Time // zero: never
	Lifted time.Time // before its time; zero: not. Set by the store
	Key    string    // imposed again with it, the account has it once; at most 80 bytes. Empty: none
}

// Notice is what the player is told.
func (s Sanction) Notice() string {
	if s.Ends.IsZero() {
		return "this account is blocked: " + s.Reason
	}
	return fmt.Sprintf("this account is blocked until %s: %s", s.Ends.UTC().Format(time.RFC3339), s.Reason)
}

type sanctionRow struct {
	Account  ID    `gorm:"primaryKey"`
	ID       int64 `gorm:"primaryKey;autoIncrement:false"`
	Reason   string
	Author   string
	StartsAt int64
	EndsAt   int64 // 0: never
	LiftedAt int64 // 0: not lifted
	Op       *string
}

func (sanctionRow) TableName() string { return "sanctions" }

// Sanctioned returns the sanction that is in force now and ends last, or nil.
func (s *Store) Sanctioned(ctx context.Context, account ID) (*Sanction, error) {
	now := s.now().UnixMilli()
	var row sanctionRow
	err := s.db.WithContext(ctx).
		Order("CASE WHEN ends_at = 0 THEN 1 ELSE 0 END DESC, ends_at DESC").
		Take(&row, "account = ? AND lifted_at = 0 AND starts_at <= ? AND (ends_at = 0 OR ends_at > ?)", account, now, now).Error
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sanctions of account %d: %w", account, err)
	}
	return row.sanction(), nil
}

// maxKey bounds a sanction's key in bytes.
const maxKey = 80

// Impose stores a sanction, and ends the account's logins so that it is in force when their short-lived tokens expire. It returns the
// sanction's id, which is that of the first one if the key was used before. It is [ErrNoAccount] for an account that there is not, or no more.
func (s *Store) Impose(ctx context.Context, account ID, sanction Sanction) (int64, error) {
	switch {
	case sanction.Reason == "" || len(sanction.Reason) > 255 || sanction.Author == "" || len(sanction.Author) > 64:
		return 0, fault.New(fault.Invalid, "a sanction has a reason of 1 to 255 bytes and an author of 1 to 64")
	case sanction.Starts.IsZero():
		sanction.Starts = s.now()
	}
	if len(sanction.Key) > maxKey {
		return 0, fault.Errorf(fault.Invalid, "the key of a sanction has at most %d bytes", maxKey)
	}
	if !sanction.Ends.IsZero() && !sanction.Ends.After(sanction.Starts) {
		return 0, fault.New(fault.Invalid, "a sanction ends after it starts")
	}
	row := sanctionRow{Account: account, ID: s.ids.Next(), Reason: sanction.Reason, Author: sanction.Author, StartsAt: sanction.Starts.UnixMilli()}
	if !sanction.Ends.IsZero() {
		row.EndsAt = sanction.Ends.UnixMilli()
	}
	if sanction.Key != "" {
		row.Op = &sanction.Key
	}
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := lockAccount(tx, account); err != nil { // an erasure empties the reasons that are there, and finds no later one
			return err
		}
		return tx.Create(&row).Error
	})
	if errors.Is(err, store.ErrDuplicate) && row.Op != nil {
		row = sanctionRow{}
		err = s.db.WithContext(ctx).Take(&row, "account = ? AND op = ?", account, sanction.Key).Error
	}
	if err != nil {
		return 0, fmt.Errorf("impose a sanction on account %d: %w", account, err)
	}
	return row.ID, s.RevokeRefresh(ctx, account)
}

// Lift ends a sanction before its time. Lifting again, or one that does not exist, does nothing.
func (s *Store) Lift(ctx context.Context, account ID, sanction int64) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		return tx.Model(&sanctionRow{}).Where("account = ? AND id = ? AND lifted_at = 0", account, sanction).
			Update("lifted_at", s.now().UnixMilli()).Error
	})
	if err != nil {
		return fmt.Errorf("lift sanction %d of account %d: %w", sanction, account, err)
	}
	return nil
}

func (r sanctionRow) sanction() *Sanction {
	s := &Sanction{ID: r.ID, Reason: r.Reason, Author: r.Author, Starts: time.UnixMilli(r.StartsAt).UTC()}
	if r.EndsAt != 0 {
		s.Ends = time.UnixMilli(r.EndsAt).UTC()
	}
	if r.LiftedAt != 0 {
		s.Lifted = time.UnixMilli(r.LiftedAt).UTC()
	}
	return s
}

// maxSanctions bounds what is listed of one account.
const maxSanctions = 200

// Sanctions is all sanctions of an account that there were, the newest first, up to 200.
func (s *Store) Sanctions(ctx context.Context, account ID) ([]Sanction, error) {
	var rows []sanctionRow
	if err := s.db.WithContext(ctx).Order("id DESC").Limit(maxSanctions).Find(&rows, "account = ?", account).Error; err != nil {
		return nil, fmt.Errorf("sanctions of account %d: %w", account, err)
	}
	list := make([]Sanction, len(rows))
	for i, row := range rows {
		list[i] = *row.sanction()
	}
	return list, nil
}

// SanctionedSince is the accounts with a sanction that has begun since then, whether or not it is in force still.
func (s *Store) SanctionedSince(ctx context.Context, since time.Time) ([]ID, error) {
	var list []ID
	err := s.db.WithContext(ctx).Model(&sanctionRow{}).Distinct("account").
		Where("starts_at > ? AND starts_at <= ?", since.UnixMilli(), s.now().UnixMilli()).Pluck("account", &list).Error
	if err != nil {
		return nil, fmt.Errorf("accounts that were sanctioned lately: %w", err)
	}
	return list, nil
}
