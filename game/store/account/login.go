package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// ErrNoLogin: the account has no such login, or it has ended.
var ErrNoLogin = fault.New(fault.NotFound, "there is no such login")

// maxLogins bounds how many logins of an account go on.
const maxLogins = 100

// A LoginEntry is a login that goes on: somebody has a refresh token for it.
type LoginEntry struct {
	ID string // to end it by; it opens nothing
	Origin
	Began   time.Time // zero: not known
	Used    time.Time // when its token was last exchanged
	Expires time.Time
}

// Logins is the account's logins that go on, those used last first.
func (s *Store) Logins(ctx context.Context, account ID) ([]LoginEntry, error) {
	var rows []refreshRow
	err := s.db.WithContext(ctx).Order("issued_at DESC, family").Limit(maxLogins).
		Find(&rows, "account = ? AND revoked_at = 0 AND expires_at > ?", account, s.now().UnixMilli()).Error
	if err != nil {
		return nil, fmt.Errorf("logins of account %d: %w", account, err)
	}
	list := make([]LoginEntry, len(rows))
	for i, r := range rows {
		list[i] = LoginEntry{
			ID: r.Family, Origin: Origin{Way: r.Way, Device: r.Device},
			Used: time.UnixMilli(r.IssuedAt).UTC(), Expires: time.UnixMilli(r.ExpiresAt).UTC(),
		}
		if r.BeganAt != 0 {
			list[i].Began = time.UnixMilli(r.BeganAt).UTC()
		}
	}
	return list, nil
}

// endOldest ends the account's logins beyond those that may go on, those first that were used longest ago.
func (s *Store) endOldest(tx *gorm.DB, account ID) error {
	var families []string
	now := s.now().UnixMilli()
	err := tx.Model(&refreshRow{}).Order("issued_at DESC, family").Offset(maxLogins).Limit(maxLogins).
		Where("account = ? AND revoked_at = 0 AND expires_at > ?", account, now).Pluck("family", &families).Error
	if err != nil || len(families) == 0 {
		return err
	}
	return tx.Model(&refreshRow{}).Where("family IN ?", families).Update("revoked_at", now).Error
}

// LoginOf is the ID of the login that a refresh token belongs to.
func LoginOf(token string) string {
	family, _, _ := strings.Cut(token, ".")
	return digest(family)
}

// WayOf is how a login began, such as "password"; empty when that is not known, or the login has ended long ago.
func (s *Store) WayOf(ctx context.Context, login string) (string, error) {
	var ways []string
	if err := s.db.WithContext(ctx).Model(&refreshRow{}).Where("family = ?", login).Pluck("way", &ways).Error; err != nil {
		return "", fmt.Errorf("how a login began: %w", err)
	}
	return strings.Join(ways, ""), nil // of which there is one at most
}

// An EndedLogin is one that was ended before its time.
type EndedLogin struct {
	Account ID
	ID      string `gorm:"column:family"`
}

// EndedSince is the logins that were ended before their time since then: by their owner, by a sanction, or because an old token of theirs was used.
func (s *Store) EndedSince(ctx context.Context, since time.Time) ([]EndedLogin, error) {
	var list []EndedLogin
	err := s.db.WithContext(ctx).Model(&refreshRow{}).Select("account", "family").Where("revoked_at > ?", since.UnixMilli()).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("logins that were ended lately: %w", err)
	}
	return list, nil
}

// EndLogin ends one of the account's logins: it cannot be refreshed any more. It is [ErrNoLogin].
func (s *Store) EndLogin(ctx context.Context, account ID, login string) error {
	found := false
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		now := s.now().UnixMilli()
		changed := tx.Model(&refreshRow{}).Where("family = ? AND account = ? AND revoked_at = 0 AND expires_at > ?", login, account, now).
			Update("revoked_at", now)
		found = changed.RowsAffected > 0
		return changed.Error
	})
	if err != nil {
		return fmt.Errorf("end a login of account %d: %w", account, err)
	}
	if !found {
		return ErrNoLogin
	}
	return nil
}
