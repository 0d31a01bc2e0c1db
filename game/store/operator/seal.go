package operator

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// KeySize is the length of the key that seals secrets, in bytes.
const KeySize = 32

// A vault seals the secrets of one-time codes, so that whoever reads the database cannot make codes: AES-256-GCM with a random nonce, which is good for
// 2^32 secrets.
type vault struct {
	aead  cipher.AEAD
	maker []byte // another key, which makes the secrets of deeds
}

func newVault(key []byte) (vault, error) {
	if len(key) != KeySize {
		return vault{}, fmt.Errorf("operator: the key that seals secrets has %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return vault{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return vault{}, err
	}
	maker, err := hkdf.Key(sha256.New, key, nil, "secrets of deeds", KeySize)
	return vault{aead, maker}, err
}

// seal is the secret for its owner's row: copied into another's, it does not open.
func (v vault) seal(secret []byte, owner string) string {
	nonce := make([]byte, v.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return base64.RawStdEncoding.EncodeToString(v.aead.Seal(nonce, nonce, secret, []byte(owner)))
}

var errSealed = errors.New("operator: the secret of a row does not open: it was made with another key, or is another's")

func (v vault) open(sealed, owner string) ([]byte, error) {
	data, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || len(data) < v.aead.NonceSize() {
		return nil, errSealed
	}
	secret, err := v.aead.Open(nil, data[:v.aead.NonceSize()], data[v.aead.NonceSize():], []byte(owner))
	if err != nil {
		return nil, errSealed
	}
	return secret, nil
}
