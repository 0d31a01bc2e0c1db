package pay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

const (
	maxSignatureHeader = 2 << 10 // bytes
	maxSignatures      = 8       // of one scheme in one header
)

// Sign is the header for a body, by the scheme that Stripe has published: "t=UNIX_SECONDS,v1=HEX", where HEX is the HMAC-SHA256 of the time, a dot and
// the bytes of the body (https://docs.stripe.com/webhooks/signatures).
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(signature(secret, t, body))
}

func signature(secret, t string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t)) // a hash never fails
	mac.Write([]byte{'.'})
	mac.Write(body)
	return mac.Sum(nil)
}

// verify checks a header of [Sign]'s form against a body: one of its v1 signatures must be by one of the secrets, and its time at most tolerance away
// from now. While secrets are rolled over there are two of them on either side; empty ones count for nothing. Other schemes in the header are
// ignored, so that nobody can fall back to a weaker one. All that is wrong is [ErrForged].
func verify(header string, body []byte, secrets []string, now time.Time, tolerance time.Duration) error {
	t, at, signatures, ok := parseSignature(header)
	if !ok {
		return ErrForged
	}
	good := false
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		want := signature(secret, t, body)
		for _, s := range signatures {
			good = hmac.Equal(s, want) || good
		}
	}
	if away := now.Sub(at).Abs(); !good || away > tolerance {
		return ErrForged
	}
	return nil
}

// parseSignature takes a header apart. t is the time as it was written, because that is what is signed.
func parseSignature(header string) (t string, at time.Time, signatures [][]byte, ok bool) {
	if header == "" || len(header) > maxSignatureHeader {
		return "", time.Time{}, nil, false
	}
	for part := range strings.SplitSeq(header, ",") {
		key, value, found := strings.Cut(strings.TrimSpace(part), "=")
		if !found {
			return "", time.Time{}, nil, false
		}
		switch key {
		case "t":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 0 || n > 1<<40 || t != "" {
				return "", time.Time{}, nil, false
			}
			t, at = value, time.Unix(n, 0)
		case "v1":
			s, err := hex.DecodeString(value)
			if err == nil && len(s) == sha256.Size && len(signatures) < maxSignatures {
				signatures = append(signatures, s)
			}
		}
	}
	return t, at, signatures, t != "" && len(signatures) > 0
}
