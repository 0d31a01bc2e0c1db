package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"loumiao/framework/fault"
)

// MaxSize is the longest token that [Verifier.Verify] looks at, in bytes. Ours have about 350.
const MaxSize = 1024

// audience says what a token is for, so that nothing else that the same key might sign one day passes for a login.
const audience = "game"

// Why a token is refused. All are [fault.Unauthenticated], so a client logs in again.
var (
	ErrExpired   = fault.New(fault.Unauthenticated, "the token has expired")
	ErrEarly     = fault.New(fault.Unauthenticated, "the token is from the future: a clock is wrong")
	ErrForged    = fault.New(fault.Unauthenticated, "the token is not signed by us")
	ErrMalformed = fault.New(fault.Unauthenticated, "the token is malformed")
)

// Claims is what a token says about its bearer.
type Claims struct {
	Account int64  // who logged in; positive
	Player  int64  // whom they play; positive
	Area    uint16 // where
	Login   string // which of the account's logins it is of, by the account store's name; may be empty
	Way     string // how that login began, such as "password"; may be empty
	// Issued and Expires have whole seconds.
	Issued, Expires time.Time
	// ID is unique to the token: for logs, and for whoever must not take a token twice.
	ID string
}

// wire is Claims as JSON.
type wire struct {
	jwt.RegisteredClaims        // sub is the account
	Player               string `json:"player"`
	Area                 uint16 `json:"area"`
	Login                string `json:"login,omitempty"`
	Way                  string `json:"way,omitempty"`
}

// A Signer makes tokens. It is safe for concurrent use.
type Signer struct {
	key   ed25519.PrivateKey
	keyID string
	ttl   time.Duration
	now   func() time.Time
}

// NewSigner signs with key, which verifiers know as keyID, tokens that live for ttl. A nil now is time.Now.
func NewSigner(key ed25519.PrivateKey, keyID string, ttl time.Duration, now func() time.Time) *Signer {
	if now == nil {
		now = time.Now
	}
	return &Signer{key: key, keyID: keyID, ttl: ttl, now: now}
}

// TTL is how long a new token lives.
func (s *Signer) TTL() time.Duration { return s.ttl }

// Sign is a token for c. Issued and Expires are set by the signer; so is ID when it is "".
func (s *Signer) Sign(c Claims) (string, error) {
	if len(s.key) != ed25519.PrivateKeySize {
		return "", errors.New("sign token: no private key")
	}
	if c.Account <= 0 || c.Player <= 0 {
		return "", fmt.Errorf("sign token: account %d, player %d: both must be positive", c.Account, c.Player)
	}
	if c.ID == "" {
		c.ID = rand.Text()
	}
	now := s.now()
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wire{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   strconv.FormatInt(c.Account, 10),
			Audience:  jwt.ClaimStrings{audience},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(s.ttl)),
			ID:        c.ID,
		},
		Player: strconv.FormatInt(c.Player, 10),
		Area:   c.Area,
		Login:  c.Login,
		Way:    c.Way,
	})
	t.Header["kid"] = s.keyID
	signed, err := t.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	if len(signed) > MaxSize {
		return "", fmt.Errorf("sign token: %d bytes is more than verifiers accept (%d)", len(signed), MaxSize)
	}
	return signed, nil
}

// A Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	keys   map[string]ed25519.PublicKey
	parser *jwt.Parser
}

// NewVerifier accepts tokens that one of the keys has signed, by its key id. Clocks may differ by leeway. A nil now is time.Now.
func NewVerifier(keys map[string]ed25519.PublicKey, now func() time.Time, leeway time.Duration) *Verifier {
	if now == nil {
		now = time.Now
	}
	return &Verifier{
		keys: maps.Clone(keys),
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway),
			jwt.WithTimeFunc(now),
			jwt.WithStrictDecoding(),
		),
	}
}

// Verify is what the token says, or one of [ErrExpired], [ErrEarly], [ErrForged] and [ErrMalformed]. Nothing in a token is looked at,
// other than which key has signed it, before the signature is found good.
func (v *Verifier) Verify(token string) (Claims, error) {
	// base64 passes over ends of lines, even where it is strict: a token would have many forms.
	if len(token) > MaxSize || strings.ContainsAny(token, "\r\n") {
		return Claims{}, ErrMalformed
	}
	var w wire
	if _, err := v.parser.ParseWithClaims(token, &w, v.key); err != nil {
		return Claims{}, reason(err)
	}
	account, ok1 := positive(w.Subject)
	player, ok2 := positive(w.Player)
	if !ok1 || !ok2 || w.IssuedAt == nil {
		return Claims{}, ErrMalformed
	}
	return Claims{
		Account: account,
		Player:  player,
		Area:    w.Area,
		Login:   w.Login,
		Way:     w.Way,
		Issued:  w.IssuedAt.Time,
		Expires: w.ExpiresAt.Time,
		ID:      w.ID,
	}, nil
}

func (v *Verifier) key(t *jwt.Token) (any, error) {
	id, _ := t.Header["kid"].(string)
	key, ok := v.keys[id]
	if !ok || len(key) != ed25519.PublicKeySize {
		return nil, ErrForged
	}
	return key, nil
}

// reason is ours for jwt's error. A bad signature counts before everything that the token says.
func reason(err error) error {
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return ErrMalformed
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return ErrForged
	case errors.Is(err, jwt.ErrTokenExpired):
		return ErrExpired
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued), errors.Is(err, jwt.ErrTokenNotValidYet):
		return ErrEarly
	}
	return ErrMalformed
}

// positive reads an id as we write it: no sign, no leading zero.
func positive(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}
