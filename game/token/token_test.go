package token

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"loumiao/framework/fault"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 600e6, time.UTC)

func clock(t time.Time) func() time.Time { return func() time.Time { return t } }

func testKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func verifier(now time.Time) *Verifier {
	return NewVerifier(map[string]ed25519.PublicKey{"one": public(testKey(1)), "two": public(testKey(2))}, clock(now), 2*time.Second)
}

func sign(t *testing.T, key byte, keyID string, c Claims) string {
	t.Helper()
	s, err := NewSigner(testKey(key), keyID, time.Minute, clock(start)).Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var claims = Claims{Account: 1<<63 - 1, Player: 1<<53 + 1, Area: 65535}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, keyID := range []string{"one", "two"} {
		tok := sign(t, map[string]byte{"one": 1, "two": 2}[keyID], keyID, claims)
		got, err := verifier(start).Verify(tok)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID == "" {
			t.Error("no id")
		}
		want := claims
		want.ID, want.Issued, want.Expires = got.ID, start.Truncate(time.Second), start.Truncate(time.Second).Add(time.Minute)
		if !got.Issued.Equal(want.Issued) || !got.Expires.Equal(want.Expires) {
			t.Errorf("issued %s, expires %s", got.Issued, got.Expires)
		}
		got.Issued, got.Expires = want.Issued, want.Expires
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if len(tok) > MaxSize/2 {
			t.Errorf("a token has %d bytes", len(tok))
		}
	}
	if a, b := sign(t, 1, "one", claims), sign(t, 1, "one", claims); a == b {
		t.Error("two tokens are the same")
	}
}

func TestIDsAreStringsInJSON(t *testing.T) {
	t.Parallel()
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(sign(t, 1, "one", claims), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	if m["sub"] != "9223372036854775807" || m["player"] != "9007199254740993" {
		t.Errorf("claims are %s", body)
	}
}

// raw signs whatever it is told to, as an attacker or a build with another idea might.
func raw(t *testing.T, method jwt.SigningMethod, key any, keyID any, c jwt.MapClaims) string {
	t.Helper()
	tok := jwt.NewWithClaims(method, c)
	if keyID != nil {
		tok.Header["kid"] = keyID
	}
	s, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRefused(t *testing.T) {
	t.Parallel()
	good := sign(t, 1, "one", claims)
	parts := strings.Split(good, ".")
	with := func(change func(jwt.MapClaims)) string {
		c := jwt.MapClaims{
			"sub": "5", "player": "6", "area": 1, "aud": audience, "iat": start.Unix(), "exp": start.Add(time.Minute).Unix(),
		}
		change(c)
		return raw(t, jwt.SigningMethodEdDSA, testKey(1), "one", c)
	}
	if _, err := verifier(start).Verify(with(func(jwt.MapClaims) {})); err != nil {
		t.Fatalf("the base of the cases is refused: %v", err)
	}
	edited := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"1","player":"1","area":0,"aud":"game","iat":1,"exp":99999999999}`))
	publicAsSecret := []byte(public(testKey(1)))

	for _, tc := range []struct {
		name  string
		now   time.Time
		token string
		want  error
	}{
		{"expired", start.Add(time.Minute + 3*time.Second), good, ErrExpired},
		{"from the future", start.Add(-time.Hour), good, ErrEarly},
		{"empty", start, "", ErrMalformed},
		{"garbage", start, "a.b.c", ErrMalformed},
		{"two parts", start, parts[0] + "." + parts[1], ErrMalformed},
		{"four parts", start, good + ".x", ErrMalformed},
		{"too long", start, good + strings.Repeat("A", MaxSize), ErrMalformed},
		{"another form of a good one", start, good[:len(good)-9] + "\r\n" + good[len(good)-9:], ErrMalformed},
		{"other payload", start, parts[0] + "." + edited + "." + parts[2], ErrForged},
		{"no signature", start, parts[0] + "." + parts[1] + ".", ErrForged},
		{"another key under our id", start, sign(t, 3, "one", claims), ErrForged},
		{"our other key under this id", start, sign(t, 2, "one", claims), ErrForged},
		{"unknown key id", start, sign(t, 1, "three", claims), ErrForged},
		{"no key id", start, raw(t, jwt.SigningMethodEdDSA, testKey(1), nil, jwt.MapClaims{}), ErrForged},
		{"key id of another type", start, raw(t, jwt.SigningMethodEdDSA, testKey(1), 1, jwt.MapClaims{}), ErrForged},
		{"algorithm none", start, raw(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "one", jwt.MapClaims{"sub": "1"}), ErrForged},
		{"public key as HMAC secret", start, raw(t, jwt.SigningMethodHS256, publicAsSecret, "one", jwt.MapClaims{"sub": "1"}), ErrForged},
		{"forged and expired is forged", start.Add(time.Hour), sign(t, 3, "one", claims), ErrForged},
		{"never expires", start, with(func(c jwt.MapClaims) { delete(c, "exp") }), ErrMalformed},
		{"never issued", start, with(func(c jwt.MapClaims) { delete(c, "iat") }), ErrMalformed},
		{"for something else", start, with(func(c jwt.MapClaims) { c["aud"] = "mail" }), ErrMalformed},
		{"account zero", start, with(func(c jwt.MapClaims) { c["sub"] = "0" }), ErrMalformed},
		{"account with sign", start, with(func(c jwt.MapClaims) { c["sub"] = "+5" }), ErrMalformed},
		{"account too large", start, with(func(c jwt.MapClaims) { c["sub"] = "9223372036854775808" }), ErrMalformed},
		{"player as number", start, with(func(c jwt.MapClaims) { c["player"] = 6 }), ErrMalformed},
		{"no player", start, with(func(c jwt.MapClaims) { delete(c, "player") }), ErrMalformed},
		{"area too large", start, with(func(c jwt.MapClaims) { c["area"] = 65536 }), ErrMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := verifier(tc.now).Verify(tc.token)
			if !errors.Is(err, tc.want) || got != (Claims{}) {
				t.Errorf("got %+v, %v; want %v", got, err, tc.want)
			}
			if fault.CodeOf(err) != fault.Unauthenticated {
				t.Errorf("code is %s", fault.CodeOf(err))
			}
		})
	}
}

func TestLeeway(t *testing.T) {
	t.Parallel()
	tok := sign(t, 1, "one", claims)
	for _, now := range []time.Time{start.Add(time.Minute + time.Second), start.Add(-2 * time.Second)} {
		if _, err := verifier(now).Verify(tok); err != nil {
			t.Errorf("at %s: %v", now, err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	s := NewSigner(testKey(1), "one", time.Minute, nil)
	for _, c := range []Claims{{}, {Account: 1}, {Player: 1}, {Account: -1, Player: 1}, {Account: 1, Player: 1, ID: strings.Repeat("x", MaxSize)}} {
		if tok, err := s.Sign(c); err == nil {
			t.Errorf("%+v: signed as %s", c, tok)
		}
	}
	if _, err := NewSigner(nil, "one", time.Minute, nil).Sign(Claims{Account: 1, Player: 1}); err == nil {
		t.Error("signed without a key")
	}
}

func FuzzVerify(f *testing.F) {
	c := claims
	c.ID = "fixed" // the fuzzer's processes must agree on the one good token
	good, err := NewSigner(testKey(1), "one", time.Minute, clock(start)).Sign(c)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good + "\r")
	f.Add(strings.Repeat(".", 2000))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("bnVsbA.bnVsbA.bnVsbA")
	v := verifier(start)
	f.Fuzz(func(t *testing.T, token string) {
		c, err := v.Verify(token)
		switch {
		case err == nil && token != good:
			t.Fatalf("accepted %q as %+v", token, c)
		case err != nil && fault.CodeOf(err) != fault.Unauthenticated:
			t.Fatalf("code of %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	tok, err := NewSigner(testKey(1), "one", time.Minute, clock(start)).Sign(claims)
	if err != nil {
		b.Fatal(err)
	}
	v := verifier(start)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(tok); err != nil {
			b.Fatal(err)
		}
	}
}

func TestKeyID(t *testing.T) {
	t.Parallel()
	if KeyID(public(testKey(1))) == KeyID(public(testKey(2))) {
		t.Error("two keys have one id")
	}
}
