package channel

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what is looked at.
const (
	maxTicket = 2048 // bytes
	maxUser   = 128  // bytes of an id
	maxName   = 64   // bytes to show
	leeway    = 30 * time.Second
)

// claims is what Arcade signs.
type claims struct {
	App     string `json:"app"` // the game that the ticket is for: one for another game is worth nothing here
	User    string `json:"user"`
	Name    string `json:"name"`
	Nonce   string `json:"nonce"`
	Expires int64  `json:"expires"` // Unix seconds
}

// sign makes a ticket, PAYLOAD.SIGNATURE in base64.
func sign(key ed25519.PrivateKey, c claims) string {
	payload, _ := json.Marshal(c) // strings and a number: it cannot fail
	text := base64.RawURLEncoding.EncodeToString(payload)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// open reads a ticket that is signed with one of the keys. Nothing in it is looked at before that is certain.
func open(keys []ed25519.PublicKey, ticket string) (claims, bool) {
	text, signature, ok := strings.Cut(ticket, ".")
	if !ok || len(ticket) > maxTicket || strings.ContainsAny(ticket, "\r\n") { // which base64 passes over, even where it is strict
		return claims{}, false
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || !signedByAny(keys, text, sum) {
		return claims{}, false
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return claims{}, false
	}
	var c claims
	if json.Unmarshal(payload, &c) != nil {
		return claims{}, false
	}
	return c, true
}

func signedByAny(keys []ed25519.PublicKey, text string, sum []byte) bool {
	for _, key := range keys {
		if len(key) == ed25519.PublicKeySize && ed25519.Verify(key, []byte(text), sum) {
			return true
		}
	}
	return false
}

// usable reports whether the ticket is for the app, now.
func (c claims) usable(app string, now time.Time) bool {
	return c.App == app && c.User != "" && len(c.User) <= maxUser && len(c.Name) <= maxName && utf8.ValidString(c.User) && utf8.ValidString(c.Name) &&
		now.Before(time.Unix(c.Expires, 0).Add(leeway))
}
