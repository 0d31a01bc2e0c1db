package operator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// InvitationTTL is how long a link can be used.
const InvitationTTL = time.Hour

// first is the invitation of the first operator: there is one at a time.
const first = "first"

// An Invitation is what a link is good for.
type Invitation struct {
	Role   Role
	Secret string // of the one-time codes that the new operator will have, in base32
}

type invitationRow struct {
	Name       string `gorm:"primaryKey"`
	Token      string
	Role       Role
	TotpSecret string
	ExpiresAt  int64
}

func (invitationRow) TableName() string { return "operator_invitations" }

// InviteFirst makes the token of the first operator, an admin; "" when there are operators. Every earlier one of this kind ends.
func (s *Store) InviteFirst(ctx context.Context) (token string, err error) {
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		token = ""
		var n int64
		if err := tx.Model(&operatorRow{}).Count(&n).Error; err != nil || n > 0 {
			return err
		}
		token = rand.Text()
		row := s.invitation(first, token, Admin)
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
	})
	return token, err
}

// Invite makes a token that makes an operator of a role.
func (s *Store) Invite(ctx context.Context, role Role) (token string, err error) {
	if role.rank() == 0 {
		return "", fault.Errorf(fault.Invalid, "%q is not a role", role)
	}
	token = rand.Text()
	row := s.invitation(digest(token), token, role)
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := tx.Delete(&invitationRow{}, "expires_at <= ?", s.now().UnixMilli()).Error; err != nil {
			return err
		}
		return tx.Create(&row).Error
	})
	return token, err
}

func (s *Store) invitation(name, token string, role Role) invitationRow {
	return invitationRow{Name: name, Token: digest(token), Role: role, TotpSecret: newSecret(), ExpiresAt: s.now().Add(InvitationTTL).UnixMilli()}
}

// Invitation is what a token is good for, or [ErrInvitation].
func (s *Store) Invitation(ctx context.Context, token string) (Invitation, error) {
	row, err := s.invited(s.db.WithContext(ctx), token)
	return Invitation{Role: row.Role, Secret: row.TotpSecret}, err
}

func (s *Store) invited(db *gorm.DB, token string) (invitationRow, error) {
	var row invitationRow
	err := db.Take(&row, "token = ? AND expires_at > ?", digest(token), s.now().UnixMilli()).Error
	if errors.Is(err, store.ErrNotFound) {
		err = ErrInvitation
	}
	return row, err
}

// Accept makes the operator that a token is good for, and uses the token up. code shows that his app has the secret; it cannot be used to log in. It is [ErrInvitation],
// fault.Invalid with what is wrong, or fault.AlreadyExists.
func (s *Store) Accept(ctx context.Context, token, name, password, code string) (Operator, error) {
	invitation, err := s.Invitation(ctx, token)
	if err != nil {
		return Operator{}, err
	}
	if !nameForm.MatchString(name) {
		return Operator{}, fault.New(fault.Invalid, "a name has 2 to 32 lower-case letters from a to z, digits, '_', '.' and '-'")
	}
	if len(password) < MinPassword || len(password) > MaxPassword {
		return Operator{}, fault.Errorf(fault.Invalid, "a password has %d to %d bytes", MinPassword, MaxPassword)
	}
	step, ok := stepOf(invitation.Secret, code, s.now(), 0)
	if !ok {
		return Operator{}, fault.New(fault.Invalid, "the code is not the one that the app shows now")
	}
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return Operator{}, err
	}
	var made operatorRow
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		row, err := s.invited(locked(tx), token)
		if err != nil {
			return err
		}
		if err := tx.Delete(&invitationRow{}, "name = ?", row.Name).Error; err != nil {
			return err
		}
		made = operatorRow{
			Name: name, Role: row.Role, Password: hash, TotpSecret: row.TotpSecret, TotpStep: step, CreatedAt: s.now().UnixMilli(),
		}
		return tx.Create(&made).Error
	})
	if errors.Is(err, store.ErrDuplicate) {
		return Operator{}, fault.New(fault.AlreadyExists, "this name is taken")
	}
	if err != nil {
		return Operator{}, fmt.Errorf("accept an invitation: %w", err)
	}
	return made.operator(), nil
}

// locked reads rows for writing them.
func locked(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: "UPDATE"}) }
