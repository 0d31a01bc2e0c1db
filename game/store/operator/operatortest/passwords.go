// Package operatortest has what tests of operators share. Nothing but tests may use it.
package operatortest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// Passwords hashes passwords at no cost, and so that anybody could guess them. It satisfies operator.Passwords.
type Passwords struct{}

// Hash is the SHA-256 of a password.
func (Passwords) Hash(_ context.Context, password string) (string, error) {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:]), nil
}

// Verify reports whether password has the hash.
func (p Passwords) Verify(ctx context.Context, password, hash string) (bool, error) {
	own, err := p.Hash(ctx, password)
	return own == hash, err
}
