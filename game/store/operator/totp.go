package operator

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, the one that every authenticator app has; HMAC does not need it to be free of collisions
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"time"
)

// One-time codes as in RFC 6238, with what every authenticator app assumes.
const (
	codeStep   = 30 // seconds that a code is for
	codeDigits = 6
	codeSkew   = 1  // steps that the clocks of phone and server may be apart
	secretLen  = 20 // bytes, as RFC 4226 recommends
)

var base32NoPad = base32.StdEncoding.WithPadding(base32.NoPadding)

func newSecret() []byte {
	secret := make([]byte, secretLen)
	_, _ = rand.Read(secret) // never fails
	return secret
}

// Code is the code of a secret, in base32, at a time.
func Code(secret string, at time.Time) (string, error) {
	key, err := base32NoPad.DecodeString(secret)
	if err != nil {
		return "", fmt.Errorf("operator: a secret is not base32")
	}
	return hotp(key, at.Unix()/codeStep, codeDigits), nil
}

// hotp is RFC 4226's: the code of a counter.
func hotp(key []byte, counter int64, digits int) string {
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, counter) // a hash takes everything
	sum := mac.Sum(nil)
	number := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&0xf:]) & 0x7fffffff
	modulus := uint32(1)
	for range digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", digits, number%modulus)
}

// stepOf is the step after the last used one, of which code is the key's.
func stepOf(key []byte, code string, at time.Time, last int64) (step int64, ok bool) {
	now := at.Unix() / codeStep
	for s := now - codeSkew; s <= now+codeSkew; s++ {
		if s > last && subtle.ConstantTimeCompare([]byte(hotp(key, s, codeDigits)), []byte(code)) == 1 {
			return s, true
		}
	}
	return 0, false
}
