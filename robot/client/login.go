package client

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// maxReply bounds what is read of an HTTP answer, in bytes.
const maxReply = 64 << 10

// A Login talks to the login web. It is safe for concurrent use.
type Login struct {
	Base string       // URL of the login web, as "https://login.example.com"
	HTTP *http.Client // nil: http.DefaultClient
}

// A Ticket is what a login gives.
type Ticket struct {
	Account   int64     `json:"account,string"`
	Player    int64     `json:"player,string"`
	Area      uint16    `json:"area"`
	Token     string    `json:"token"`      // for the gate
	ExpiresIn int64     `json:"expires_in"` // seconds that Token lives
	Refresh   string    `json:"refresh"`    // for the next login, once
	Gates     []Address `json:"gates"`      // the best first
}

// An Address is where a gate is.
type Address struct {
	TCP string `json:"tcp"` // host:port, or tls://host:port; "" if it does not speak it
	WS  string `json:"ws"`  // URL; "" if it does not speak it
	KCP string `json:"kcp"` // kcp://host:port, or kcps://host:port; "" if it does not speak it
}

// OverTCP is where to [Dial] the gate over TCP, plain or with TLS; "" if it does not speak it.
func (a Address) OverTCP() string {
	if a.TCP == "" || strings.Contains(a.TCP, "://") {
		return a.TCP
	}
	return "tcp://" + a.TCP
}

// Guest logs in with a secret of the device's, at least 16 bytes; the account is made when it is first seen.
func (l Login) Guest(ctx context.Context, device string, area uint16) (*Ticket, error) {
	return l.post(ctx, "/v1/guest", map[string]any{"device": device, "area": area})
}

// Register makes an account.
func (l Login) Register(ctx context.Context, name, password string, area uint16) (*Ticket, error) {
	return l.post(ctx, "/v1/register", map[string]any{"name": name, "password": password, "area": area})
}

// Password logs in with name and password.
func (l Login) Password(ctx context.Context, name, password string, area uint16) (*Ticket, error) {
	return l.post(ctx, "/v1/login", map[string]any{"name": name, "password": password, "area": area})
}

// Refresh logs in with the refresh token of an earlier login, which is used up, to the same area.
func (l Login) Refresh(ctx context.Context, refresh string) (*Ticket, error) {
	return l.post(ctx, "/v1/refresh", map[string]any{"refresh": refresh})
}

// post asks for a ticket. What the server refuses comes back as the *fault.Error that it was.
func (l Login) post(ctx context.Context, path string, body any) (*Ticket, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	url, login := under(l.Base, path), web{name: "login web", http: l.HTTP}
	var t Ticket
	if err := login.do(ctx, http.MethodPost, url, "application/json", "", data, &t); err != nil {
		return nil, err
	}
	if t.Token == "" {
		return nil, login.other(url)
	}
	return &t, nil
}
