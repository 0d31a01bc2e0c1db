package channel

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"loumiao/framework/fault"
)

const (
	checkTimeout = 3 * time.Second // how long the channel has to answer; a login waits for it
	maxAnswer    = 4 << 10         // bytes of its answer
)

// Arcade is a channel in the shape of real ones: a ticket that it has signed is checked here first, so that forgeries cost nobody else anything, and then
// at its server, which knows what it has taken back since. It is safe for concurrent use.
type Arcade struct {
	App  string              // what the channel calls this game
	Keys []ed25519.PublicKey // of its tickets; several while they are changed
	Base string              // URL of its server
	HTTP *http.Client        // nil: http.DefaultClient
	Now  func() time.Time    // nil: time.Now
}

var _ Channel = (*Arcade)(nil)

// Name is "arcade".
func (*Arcade) Name() string { return "arcade" }

// Verify is whose ticket it is.
func (a *Arcade) Verify(ctx context.Context, ticket string) (User, error) {
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	c, ok := open(a.Keys, ticket)
	if !ok || !c.usable(a.App, now()) {
		return User{}, ErrTicket
	}
	if err := a.ask(ctx, ticket); err != nil {
		return User{}, err
	}
	return User{ID: c.User, Name: c.Name}, nil
}

// ask asks the channel's server whether the ticket is still good. A server that does not say so, in time, lets nobody in.
func (a *Arcade) ask(ctx context.Context, ticket string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	body, _ := json.Marshal(map[string]string{"app": a.App, "ticket": ticket}) // strings: it cannot fail
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(a.Base, "/")+"/check", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	web := a.HTTP
	if web == nil {
		web = http.DefaultClient
	}
	resp, err := web.Do(req)
	if err != nil {
		return fault.Wrap(err, errUnreachable.Code, errUnreachable.Message)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil || resp.StatusCode != http.StatusOK {
		return fault.Wrap(err, errUnreachable.Code, errUnreachable.Message)
	}
	var said struct {
		Status string `json:"status"`
	}
	_ = json.Unmarshal(answer, &said) // what cannot be read is no "valid"
	switch said.Status {
	case "valid":
		return nil
	case "revoked":
		return ErrRevoked
	case "invalid":
		return ErrTicket
	}
	return errUnreachable
}
