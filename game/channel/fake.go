package channel

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxRevoked bounds how many users a [FakeServer] remembers to have revoked.
const maxRevoked = 10_000

// A FakeServer is the other side of [Arcade]: it signs tickets, as the SDK on a player's device would have it do, answers checks, and takes logins back. It
// is an http.Handler, and safe for concurrent use.
type FakeServer struct {
	app string
	key ed25519.PrivateKey

	mu      sync.Mutex
	revoked map[string]bool
}

// NewFakeServer is one for an app, which signs with key.
func NewFakeServer(app string, key ed25519.PrivateKey) *FakeServer {
	return &FakeServer{app: app, key: key, revoked: map[string]bool{}}
}

// Ticket is one for a user, which can be used for ttl.
func (f *FakeServer) Ticket(user User, ttl time.Duration) string {
	return sign(f.key, claims{App: f.app, User: user.ID, Name: user.Name, Nonce: rand.Text(), Expires: time.Now().Add(ttl).Unix()})
}

// Revoke takes back what a user has of tickets, and will have.
func (f *FakeServer) Revoke(user string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.revoked) < maxRevoked {
		f.revoked[user] = true
	}
}

// ServeHTTP answers POST /check.
func (f *FakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/check" {
		http.NotFound(w, r)
		return
	}
	var in struct{ App, Ticket string }
	if json.NewDecoder(io.LimitReader(r.Body, 2*maxTicket)).Decode(&in) != nil {
		http.Error(w, "not a check", http.StatusBadRequest)
		return
	}
	status := "invalid"
	if c, ok := open([]ed25519.PublicKey{f.key.Public().(ed25519.PublicKey)}, in.Ticket); ok && in.App == f.app && c.usable(f.app, time.Now()) {
		f.mu.Lock()
		status = "valid"
		if f.revoked[c.User] {
			status = "revoked"
		}
		f.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"status": status}) // a client that is gone needs no answer
}
