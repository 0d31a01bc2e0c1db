package token

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
)

// KeyID is a short name for a public key, for whoever has no better one: the same everywhere, and different for different keys.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}
