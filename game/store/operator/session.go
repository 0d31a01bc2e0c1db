package operator

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/game/store/password"
)

// How long a session lasts.
const (
	IdleTTL     = 30 * time.Minute // without a request
	AbsoluteTTL = 12 * time.Hour   // at most
	seenEvery   = time.Minute      // how exactly requests are noted
)

// A Session is one login, or a script's token. Its operator has the role that it is good for.
type Session struct {
	Operator Operator
	csrf     string
	token    string // hashed
}

// ID names the session in lists; it opens nothing.
func (s Session) ID() string { return shown(s.token) }

// CSRF is what the session's forms have to bring; "" of a script's token, which no browser sends by itself.
func (s Session) CSRF() string { return s.csrf }

// Brings is whether a form that brings the token is one of the session's.
func (s Session) Brings(csrf string) bool {
	return s.csrf != "" && subtle.ConstantTimeCompare([]byte(s.csrf), []byte(csrf)) == 1
}

type sessionRow struct {
	Token     string `gorm:"primaryKey"`
	Operator  string
	Csrf      string
	SeenAt    int64
	ExpiresAt int64
	Address   string
	Label     string // of a script's token; "": a browser's session
	Role      Role   // the most that a token may do; "": what its operator may
}

func (sessionRow) TableName() string { return "operator_sessions" }

// Login begins a session, always under a new token. It is [ErrCredentials], fault.RateLimited while the name or the address is locked out, or fault.Overloaded. A code
// works once.
func (s *Store) Login(ctx context.Context, name, pass, code, address string) (token string, err error) {
	if err := s.attempt(ctx, name, address); err != nil {
		return "", err
	}
	if len(pass) > MaxPassword {
		return "", ErrCredentials
	}
	row := operatorRow{Password: password.Nobody}
	if nameForm.MatchString(name) { // else it may not even be looked up: MySQL finds "ada" for "ada "
		err := s.db.WithContext(ctx).Take(&row, "name = ?", name).Error
		if errors.Is(err, store.ErrNotFound) {
			row = operatorRow{Password: password.Nobody}
		} else if err != nil {
			return "", fmt.Errorf("log in: %w", err)
		}
	}
	right, err := s.hasher.Verify(ctx, pass, row.Password)
	if err != nil {
		return "", fmt.Errorf("log in: %w", err)
	}
	now := s.now()
	step, current := int64(0), false
	if row.TotpSecret != "" {
		key, err := s.vault.open(row.TotpSecret, row.Name)
		if err != nil {
			return "", fmt.Errorf("log in %s: %w", name, err)
		}
		step, current = stepOf(key, code, now, row.TotpStep)
	}
	if !right || !current || row.DisabledAt != 0 {
		return "", ErrCredentials
	}
	token = rand.Text()
	session := sessionRow{
		Token: digest(token), Operator: row.Name, Csrf: rand.Text(), SeenAt: now.UnixMilli(), ExpiresAt: now.Add(AbsoluteTTL).UnixMilli(), Address: address,
	}
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		used := tx.Model(&operatorRow{}).
			Where("name = ? AND totp_step < ? AND totp_secret = ? AND disabled_at = 0", row.Name, step, row.TotpSecret).
			Update("totp_step", step)
		if used.Error != nil {
			return used.Error
		}
		if used.RowsAffected == 0 {
			return ErrCredentials // the code was used in this moment, or he was disabled or reset
		}
		if err := forgive(tx, name, address, now); err != nil {
			return err
		}
		if err := tx.Delete(&sessionRow{}, "expires_at <= ? OR (seen_at <= ? AND label = '')", now.UnixMilli(), now.Add(-IdleTTL).UnixMilli()).Error; err != nil {
			return err
		}
		return tx.Create(&session).Error
	})
	if err != nil {
		return "", fmt.Errorf("log in: %w", err)
	}
	return token, nil
}

// Session is the login of a browser's token, with the operator as he is now; [ErrSession] if it has ended.
func (s *Store) Session(ctx context.Context, token string) (Session, error) {
	idle := s.now().Add(-IdleTTL).UnixMilli()
	return s.session(ctx, s.db.Where("token = ? AND label = '' AND seen_at > ?", digest(token), idle))
}

// Bearer is the session of a script's token; [ErrSession] if it has ended.
func (s *Store) Bearer(ctx context.Context, token string) (Session, error) {
	return s.session(ctx, s.db.Where("token = ? AND label <> ''", digest(token)))
}

func (s *Store) session(ctx context.Context, which *gorm.DB) (Session, error) {
	var row sessionRow
	now := s.now()
	err := s.db.WithContext(ctx).Where(which).Take(&row, "expires_at > ?", now.UnixMilli()).Error
	if errors.Is(err, store.ErrNotFound) {
		return Session{}, ErrSession
	}
	if err != nil {
		return Session{}, fmt.Errorf("find a session: %w", err)
	}
	op, err := s.Find(ctx, row.Operator)
	if err != nil {
		return Session{}, err
	}
	if op.Disabled {
		return Session{}, ErrSession
	}
	if row.Role != "" && op.Role.Covers(row.Role) {
		op.Role = row.Role
	}
	if now.Sub(time.UnixMilli(row.SeenAt)) >= seenEvery {
		err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
			return tx.Model(&sessionRow{}).Where("token = ?", row.Token).Update("seen_at", now.UnixMilli()).Error
		})
		if err != nil {
			return Session{}, fmt.Errorf("note a session: %w", err)
		}
	}
	return Session{Operator: op, csrf: row.Csrf, token: row.Token}, nil
}

// lasts is nil if the session goes on, and its operator still has the role that it was good for. Neither ends before the transaction does: whoever ends them locks
// the same rows, the operator's first.
func (s Session) lasts(tx *gorm.DB) error {
	if s.token == "" {
		return nil
	}
	var op operatorRow
	err := locked(tx).Take(&op, "name = ?", s.Operator.Name).Error
	if err == nil {
		err = locked(tx).Take(&sessionRow{}, "token = ?", s.token).Error
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrSession
	case err != nil:
		return err
	case op.DisabledAt != 0:
		return ErrSession
	case !op.Role.Covers(s.Operator.Role):
		return fault.Errorf(fault.Forbidden, "you do not have the role %s any more", s.Operator.Role)
	}
	return nil
}

// Logout ends a session.
func (s *Store) Logout(ctx context.Context, session Session) error {
	return store.InTx(ctx, s.db, func(tx *gorm.DB) error { return tx.Delete(&sessionRow{}, "token = ?", session.token).Error })
}
