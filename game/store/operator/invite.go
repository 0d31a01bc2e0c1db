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
	Role     Role
	Operator string // whose login it makes anew; "": it makes another operator
	Secret   string // of the one-time codes that he will have, in base32
}

type invitationRow struct {
	Name       string `gorm:"primaryKey"`
	Token      string
	Role       Role
	TotpSecret string
	ExpiresAt  int64
	Operator   string
	Author     string // who made it; "": nobody
}

func (invitationRow) TableName() string { return "operator_invitations" }

// InviteFirst makes the token of the first operator, an admin; "" when there are operators. Every earlier one of this kind ends, and all do when there is an operator.
func (s *Store) InviteFirst(ctx context.Context) (token string, err error) {
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		token = ""
		var n int64
		if err := tx.Model(&operatorRow{}).Count(&n).Error; err != nil || n > 0 {
			return err
		}
		token = rand.Text()
		row := s.invitation(first, token)
		row.Role = Admin
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
	})
	return token, err
}

// Invite makes a token that makes an operator of a role.
func (s *Store) Invite(ctx context.Context, role Role) (token string, err error) {
	if role.rank() == 0 {
		return "", fault.Errorf(fault.Invalid, "%q is not a role", role)
	}
	token = s.secret()
	row := s.invitation(digest(token), token)
	row.Role = role
	err = s.made(ctx, func(tx *gorm.DB) error {
		if err := tx.Delete(&invitationRow{}, "expires_at <= ?", s.now().UnixMilli()).Error; err != nil {
			return err
		}
		return tx.Create(&row).Error
	})
	if err != nil {
		return "", fmt.Errorf("invite an operator: %w", err)
	}
	return token, nil
}

// Reset makes a token with which an operator sets his password and his codes anew, once: for one who has lost his phone, or whose password others may know. He
// cannot log in until then, and what he is logged in with ends, his scripts' tokens too, and the links that he has made.
func (s *Store) Reset(ctx context.Context, name string) (token string, err error) {
	token = s.secret()
	row := s.invitation("reset "+name, token)
	row.Operator = name
	err = s.made(ctx, func(tx *gorm.DB) error {
		var op operatorRow
		err := locked(tx).Take(&op, "name = ?", name).Error
		if errors.Is(err, store.ErrNotFound) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		row.Role = op.Role
		if err := tx.Model(&op).Update("totp_secret", "").Error; err != nil {
			return err
		}
		if err := endAll(tx, name); err != nil {
			return err
		}
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
	})
	if err != nil {
		return "", fmt.Errorf("reset operator %s: %w", name, err)
	}
	return token, nil
}

func (s *Store) invitation(name, token string) invitationRow {
	hash := digest(token)
	return invitationRow{
		Name: name, Token: hash, TotpSecret: s.vault.seal(newSecret(), hash), ExpiresAt: s.now().Add(InvitationTTL).UnixMilli(), Author: s.deed.By.Operator.Name,
	}
}

// Invitation is what a token is good for, or [ErrInvitation].
func (s *Store) Invitation(ctx context.Context, token string) (Invitation, error) {
	row, secret, err := s.invited(s.db.WithContext(ctx), token)
	return Invitation{Role: row.Role, Operator: row.Operator, Secret: base32NoPad.EncodeToString(secret)}, err
}

func (s *Store) invited(db *gorm.DB, token string) (row invitationRow, secret []byte, err error) {
	// The first operator may have come while a link for the first one was made.
	err = db.Take(&row, "token = ? AND expires_at > ? AND (name <> ? OR NOT EXISTS (SELECT 1 FROM operators))", digest(token), s.now().UnixMilli(), first).Error
	if errors.Is(err, store.ErrNotFound) {
		return row, nil, ErrInvitation
	}
	if err != nil {
		return row, nil, err
	}
	secret, err = s.vault.open(row.TotpSecret, row.Token)
	return row, secret, err
}

// Accept makes the operator that a token is good for, or has one log in with another password and other codes, and uses the token up. The name of the latter is
// fixed. code shows that his app has the secret; it cannot be used to log in. It is [ErrInvitation], fault.Invalid with what is wrong, or fault.AlreadyExists.
func (s *Store) Accept(ctx context.Context, token, name, password, code string) (Operator, error) {
	invitation, secret, err := s.invited(s.db.WithContext(ctx), token)
	if err != nil {
		return Operator{}, err
	}
	if invitation.Operator != "" {
		name = invitation.Operator
	}
	if !nameForm.MatchString(name) {
		return Operator{}, fault.New(fault.Invalid, "a name has 2 to 32 lower-case letters from a to z, digits, '_', '.' and '-'")
	}
	if len(password) < MinPassword || len(password) > MaxPassword {
		return Operator{}, fault.Errorf(fault.Invalid, "a password has %d to %d bytes", MinPassword, MaxPassword)
	}
	step, ok := stepOf(secret, code, s.now(), 0)
	if !ok {
		return Operator{}, fault.New(fault.Invalid, "the code is not the one that the app shows now")
	}
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return Operator{}, err
	}
	var made operatorRow
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		row, _, err := s.invited(locked(tx), token)
		if err != nil {
			return err
		}
		if err := tx.Delete(&invitationRow{}, "name = ?", row.Name).Error; err != nil {
			return err
		}
		if row.Operator == "" {
			made = operatorRow{
				Name: name, Role: row.Role, Password: hash, TotpSecret: s.vault.seal(secret, name), TotpStep: step, CreatedAt: s.now().UnixMilli(),
			}
			return tx.Create(&made).Error
		}
		if err := locked(tx).Take(&made, "name = ?", name).Error; err != nil {
			return err
		}
		made.Password, made.TotpSecret, made.TotpStep = hash, s.vault.seal(secret, name), step
		return tx.Model(&made).Select("password", "totp_secret", "totp_step").Updates(made).Error
	})
	if errors.Is(err, store.ErrDuplicate) {
		return Operator{}, fault.New(fault.AlreadyExists, "this name is taken")
	}
	if err != nil {
		return Operator{}, fmt.Errorf("accept an invitation: %w", err)
	}
	return made.operator(), nil
}

// endAll ends what an operator is logged in with, and the links that he has made: whoever had his session could still come in by them.
func endAll(tx *gorm.DB, name string) error {
	if err := tx.Delete(&sessionRow{}, "operator = ?", name).Error; err != nil {
		return err
	}
	return endLinks(tx, name)
}

func endLinks(tx *gorm.DB, author string) error {
	return tx.Delete(&invitationRow{}, "author = ?", author).Error
}

// locked reads rows for writing them.
func locked(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: "UPDATE"}) }
