package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// ErrRefresh: the token is unknown, expired, revoked or was used before. Log in again.
var ErrRefresh = fault.New(fault.Unauthenticated, "the refresh token is not valid any more; log in again")

// refreshRow is one login. Its token has two random halves, family.secret: the family stays, the secret is new after each use. A token whose
// family is known and whose secret is not has been used before, by its owner or by a thief: nobody can tell, and the login ends.
type refreshRow struct {
	Family    string `gorm:"primaryKey"` // hashed
	Account   ID
	Secret    string // hashed
	IssuedAt  int64
	ExpiresAt int64
	RevokedAt int64 // 0: not revoked
	BeganAt   int64 // 0: not known
	Way       string
	Device    string
}

func (refreshRow) TableName() string { return "refresh_tokens" }

// maxToken bounds a refresh token in bytes; they have 53.
const maxToken = 64

// An Origin is what is told of a login to its owner, who is to recognise it.
type Origin struct {
	Way    string // how it began, such as "password"; at most 16 bytes
	Device string // what the client calls its device; at most 64 bytes, valid UTF-8; may be empty
}

// IssueRefresh begins a login that lasts for ttl, however often it is refreshed: its token can be used once, for the next one. Of more than 100 logins of the account, those
// used longest ago end. It is [ErrNoAccount] for an account that there is not, or no more.
func (s *Store) IssueRefresh(ctx context.Context, account ID, from Origin, ttl time.Duration) (token string, err error) {
	now := s.now()
	family, secret := rand.Text(), rand.Text()
	row := refreshRow{
		Family: digest(family), Account: account, Secret: digest(secret), IssuedAt: now.UnixMilli(), ExpiresAt: now.Add(ttl).UnixMilli(),
		BeganAt: now.UnixMilli(), Way: from.Way, Device: from.Device,
	}
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := lockAccount(tx, account); err != nil { // it may be erased while its owner logs in
			return err
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return s.endOldest(tx, account)
	})
	if err != nil {
		return "", fmt.Errorf("issue a refresh token: %w", err)
	}
	return family + "." + secret, nil
}

// UseRefresh returns the account of a token and the token to use next time. It is [ErrRefresh]. A token that was used before ends its whole
// login: the thief's, and the owner's, who logs in again.
func (s *Store) UseRefresh(ctx context.Context, token string) (account ID, next string, err error) {
	family, secret, ok := strings.Cut(token, ".")
	if !ok || len(token) > maxToken {
		return 0, "", ErrRefresh
	}
	fresh := rand.Text()
	valid := false
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		valid = false
		var row refreshRow
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&row, "family = ?", digest(family)).Error
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		now := s.now().UnixMilli()
		if row.RevokedAt != 0 || row.ExpiresAt <= now {
			return nil
		}
		account = row.Account
		change := map[string]any{"secret": digest(fresh), "issued_at": now}
		// Comparing hashes of random secrets takes time that says nothing about the secrets.
		if valid = row.Secret == digest(secret); !valid {
			change = map[string]any{"revoked_at": now}
		}
		return tx.Model(&refreshRow{}).Where("family = ?", row.Family).Updates(change).Error
	})
	if err != nil {
		return 0, "", fmt.Errorf("use a refresh token: %w", err)
	}
	if !valid {
		return 0, "", ErrRefresh
	}
	return account, family + "." + fresh, nil
}

// RefreshAccount is the account of a token that [Store.UseRefresh] would take now; ok is false for any other. Nothing changes.
func (s *Store) RefreshAccount(ctx context.Context, token string) (account ID, ok bool, err error) {
	family, secret, ok := strings.Cut(token, ".")
	if !ok || len(token) > maxToken {
		return 0, false, nil
	}
	var row refreshRow
	err = s.db.WithContext(ctx).Take(&row, "family = ?", digest(family)).Error
	if errors.Is(err, store.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("whose a refresh token is: %w", err)
	}
	ok = row.Secret == digest(secret) && row.RevokedAt == 0 && row.ExpiresAt > s.now().UnixMilli()
	return row.Account, ok, nil
}

// RevokeRefresh ends all logins of an account: they last until their short-lived tokens expire.
func (s *Store) RevokeRefresh(ctx context.Context, account ID) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		return tx.Model(&refreshRow{}).Where("account = ? AND revoked_at = 0", account).Update("revoked_at", s.now().UnixMilli()).Error
	})
	if err != nil {
		return fmt.Errorf("revoke refresh tokens: %w", err)
	}
	return nil
}

// purgeBatch bounds the rows that one transaction of [Store.PurgeRefresh] deletes.
const purgeBatch = 1000

// PurgeRefresh deletes logins that have expired, up to 1,000, and returns how many. Call it now and then, until it returns less.
func (s *Store) PurgeRefresh(ctx context.Context) (int, error) {
	var families []string
	now := s.now().UnixMilli()
	err := s.db.WithContext(ctx).Model(&refreshRow{}).Where("expires_at <= ?", now).Limit(purgeBatch).Pluck("family", &families).Error
	if err != nil || len(families) == 0 {
		return 0, err
	}
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error { return tx.Delete(&refreshRow{}, "family IN ?", families).Error })
	if err != nil {
		return 0, fmt.Errorf("purge refresh tokens: %w", err)
	}
	return len(families), nil
}

// digest is the SHA-256 of a secret that is random and long, in hexadecimal.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
