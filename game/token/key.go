package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// NewKey is a new random key for a [Signer].
func NewKey() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// KeyID is a short name for a public key, for whoever has no better one: the same everywhere, and different for different keys.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// EncodePrivate is key in the form that configuration files hold: its 32-byte seed in base64.
func EncodePrivate(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(key.Seed())
}

// ParsePrivate reads what [EncodePrivate] has written. The error does not quote it.
func ParsePrivate(text string) (ed25519.PrivateKey, error) {
	seed, err := decodeKey(text)
	if err != nil {
		return nil, fmt.Errorf("private token key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// EncodePublic is key in the form that configuration files hold: its 32 bytes in base64.
func EncodePublic(key ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(key) }

// ParsePublic reads what [EncodePublic] has written.
func ParsePublic(text string) (ed25519.PublicKey, error) {
	key, err := decodeKey(text)
	if err != nil {
		return nil, fmt.Errorf("public token key: %w", err)
	}
	return ed25519.PublicKey(key), nil
}

func decodeKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("must be %d bytes in base64", ed25519.PublicKeySize)
	}
	return key, nil
}
