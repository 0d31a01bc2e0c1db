package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// Why an identity cannot be bound or unbound. Nothing has changed then.
var (
	// ErrTaken: somebody else logs in with it.
	ErrTaken = fault.New(fault.AlreadyExists, "this identity belongs to another account")
	// ErrKind: the account has another identity of this kind.
	ErrKind = fault.New(fault.AlreadyExists, "the account has another identity of this kind")
	// ErrLast: without it nobody could log in to the account any more.
	ErrLast = fault.New(fault.FailedPrecondition, "an account keeps at least one identity")
	// ErrNoIdentity: the account has none of this kind.
	ErrNoIdentity = fault.New(fault.NotFound, "the account has no identity of this kind")
	// ErrNoAccount: there is no such account, or it was erased.
	ErrNoAccount = fault.New(fault.NotFound, "there is no such account")
)

// An Identity is a way to log in to an account. An account has one of a kind at most.
type Identity struct {
	Kind    string    // "password", "device", or a channel's name
	Subject string    // who it is to that kind; 1 to 128 bytes, compared byte for byte
	Display string    // for its owner to recognise; at most 64 bytes
	Since   time.Time // when it was bound; set by the store

	secret string // of a password: its hash
}

// kindForm is what a channel's name looks like.
var kindForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,15}$`)

const (
	maxSubject = 128 // bytes
	maxDisplay = 64  // bytes
)

func (i Identity) check() error {
	if !kindForm.MatchString(i.Kind) || i.Subject == "" || len(i.Subject) > maxSubject || len(i.Display) > maxDisplay {
		return fault.Errorf(fault.Invalid, "an identity has a kind, a subject of 1 to %d bytes, and at most %d to show", maxSubject, maxDisplay)
	}
	return nil
}

func (i Identity) row(acc ID, now int64) identityRow {
	return identityRow{Kind: i.Kind, Subject: i.Subject, Account: acc, Display: i.Display, Secret: i.secret, CreatedAt: now}
}

// Device is the identity of a device's secret, 16 to 128 bytes that the client has made up at random: whoever knows it is the guest.
func Device(secret string) (Identity, error) {
	if len(secret) < MinDevice || len(secret) > MaxDevice {
		return Identity{}, fault.Errorf(fault.Invalid, "a device's id has %d to %d bytes", MinDevice, MaxDevice)
	}
	return Identity{Kind: kindDevice, Subject: digest(secret)}, nil
}

// NewPassword is the identity of a name and a new password. It is [ErrNameTaken], [ErrBusy], or fault.Invalid with what names and passwords look like.
func (s *Store) NewPassword(ctx context.Context, name, password string) (Identity, error) {
	row, err := s.identity(ctx, name, password)
	return Identity{Kind: row.Kind, Subject: row.Subject, Display: row.Display, secret: row.Secret}, err
}

// Enter finds the account of an identity that somebody has proven to be theirs, and makes one the first time. Any number of calls at once get the same.
func (s *Store) Enter(ctx context.Context, identity Identity) (ID, error) {
	if err := identity.check(); err != nil {
		return 0, err
	}
	// The second time round finds the account that another call has just made.
	for again := false; ; again = true {
		row, err := s.find(ctx, identity.Kind, identity.Subject)
		if err == nil {
			return row.Account, nil
		}
		if errors.Is(err, store.ErrNotFound) {
			var acc ID
			acc, err = s.create(ctx, identity.row(0, 0))
			if err == nil {
				return acc, nil
			}
			if errors.Is(err, store.ErrDuplicate) && !again {
				continue
			}
		}
		return 0, fmt.Errorf("log in by %s: %w", identity.Kind, err)
	}
}

// Bind adds a way to log in to an account; a second time it changes nothing. It is [ErrTaken], [ErrKind] or [ErrNoAccount].
func (s *Store) Bind(ctx context.Context, acc ID, identity Identity) error {
	if err := identity.check(); err != nil {
		return err
	}
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := lockAccount(tx, acc); err != nil {
			return err
		}
		var rows []identityRow
		err := tx.Find(&rows, "(kind = ? AND subject = ?) OR (account = ? AND kind = ?)", identity.Kind, identity.Subject, acc, identity.Kind).Error
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Account != acc {
				return ErrTaken
			}
		}
		for _, row := range rows {
			if row.Subject != identity.Subject {
				return ErrKind
			}
		}
		if len(rows) > 0 {
			return nil
		}
		row := identity.row(acc, s.now().UnixMilli())
		return tx.Create(&row).Error
	})
	if errors.Is(err, store.ErrDuplicate) {
		return ErrTaken // another account was faster: this one's identities do not change while it is locked
	}
	if err != nil {
		return fmt.Errorf("bind a %s to account %d: %w", identity.Kind, acc, err)
	}
	return nil
}

// Unbind takes a way to log in from an account. It is [ErrLast], [ErrNoIdentity] or [ErrNoAccount].
func (s *Store) Unbind(ctx context.Context, acc ID, kind string) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := lockAccount(tx, acc); err != nil {
			return err
		}
		var rows []identityRow
		if err := tx.Find(&rows, "account = ?", acc).Error; err != nil {
			return err
		}
		switch {
		case !slices.ContainsFunc(rows, func(r identityRow) bool { return r.Kind == kind }):
			return ErrNoIdentity
		case len(rows) == 1:
			return ErrLast
		}
		return tx.Delete(&identityRow{}, "account = ? AND kind = ?", acc, kind).Error
	})
	if err != nil {
		return fmt.Errorf("unbind the %s of account %d: %w", kind, acc, err)
	}
	return nil
}

// Identities is how an account can be logged in to, the oldest first.
func (s *Store) Identities(ctx context.Context, acc ID) ([]Identity, error) {
	var rows []identityRow
	if err := s.db.WithContext(ctx).Order("created_at, kind").Find(&rows, "account = ?", acc).Error; err != nil {
		return nil, fmt.Errorf("identities of account %d: %w", acc, err)
	}
	list := make([]Identity, len(rows))
	for i, row := range rows {
		list[i] = Identity{Kind: row.Kind, Subject: row.Subject, Display: row.Display, Since: time.UnixMilli(row.CreatedAt).UTC()}
	}
	return list, nil
}

// lockAccount keeps others from changing the account's identities until the transaction ends.
func lockAccount(tx *gorm.DB, acc ID) error {
	var row accountRow
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&row, "id = ?", acc).Error
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoAccount
	}
	return err
}
