package realname

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"loumiao/framework/fault"
)

const (
	verifyTimeout = 4 * time.Second // how long the registry has to answer; a login waits for it
	maxAnswer     = 4 << 10         // bytes of its answer
	maxRequest    = 4 << 10         // bytes of a request to it
	signedFor     = 5 * time.Minute // how far the clocks of the two may be apart
)

// The headers of a request.
const (
	headerApp       = "X-App"
	headerTime      = "X-Time"      // Unix seconds
	headerSignature = "X-Signature" // HMAC-SHA256 over app, time and body, in hexadecimal
)

// Remote is a registry in the shape of real ones: a signed request, answered with a status and, for those who exist, with a birth date. It is safe for
// concurrent use.
type Remote struct {
	App  string // what the registry calls this game
	Key  []byte // shared with it; signs requests
	Base string // URL of its server
	HTTP *http.Client
	Now  func() time.Time // nil: time.Now
}

var _ Registry = (*Remote)(nil)

type question struct {
	Subject string `json:"subject"`
	Name    string `json:"name"`
	Number  string `json:"number"`
}

type answer struct {
	Status    string `json:"status"`              // "match", "mismatch" or "pending"
	Born      string `json:"born,omitempty"`      // as 2008-01-31
	Reference string `json:"reference,omitempty"` // of a match
}

// Name is "remote".
func (*Remote) Name() string { return "remote" }

// Verify asks the registry. One that does not answer, in time and in its own form, vouches for nobody.
func (r *Remote) Verify(ctx context.Context, subject string, claim Claim) (Vouched, error) {
	if err := claim.Validate(); err != nil {
		return Vouched{}, err
	}
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	body, err := json.Marshal(question{Subject: subject, Name: claim.Name, Number: claim.Number})
	if err != nil {
		return Vouched{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(r.Base, "/")+"/verify", bytes.NewReader(body))
	if err != nil {
		return Vouched{}, err
	}
	at := strconv.FormatInt(now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(headerApp, r.App)
	req.Header.Set(headerTime, at)
	req.Header.Set(headerSignature, signature(r.Key, r.App, at, body))
	client := r.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return Vouched{}, fault.Wrap(err, errUnreachable.Code, errUnreachable.Message)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil || resp.StatusCode != http.StatusOK {
		return Vouched{}, fault.Wrap(err, errUnreachable.Code, errUnreachable.Message)
	}
	return vouched(text)
}

// vouched reads an answer.
func vouched(text []byte) (Vouched, error) {
	var a answer
	_ = json.Unmarshal(text, &a) // what cannot be read is no "match"
	switch a.Status {
	case "match":
		born, err := time.Parse(time.DateOnly, a.Born)
		if err != nil || born.Year() < 1800 || len(a.Reference) > 128 {
			return Vouched{}, errUnreachable
		}
		return Vouched{Born: born, Reference: a.Reference}, nil
	case "mismatch":
		return Vouched{}, ErrMismatch
	case "pending":
		return Vouched{}, ErrPending
	}
	return Vouched{}, errUnreachable
}

// signature covers everything that a request says.
func signature(key []byte, app, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(app), []byte(at), body} {
		mac.Write(strconv.AppendInt(nil, int64(len(part)), 10)) // so that no two requests are signed alike
		mac.Write([]byte{'\n'})
		mac.Write(part)
	}
	return hex.EncodeToString(mac.Sum(nil))
}
