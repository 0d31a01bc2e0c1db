package realname

import (
	"crypto/hmac"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A FakeServer is the other side of [Remote]: it knows the people that it was told of. It is an http.Handler, and safe for concurrent use.
type FakeServer struct {
	app string
	key []byte

	mu     sync.Mutex
	people map[Claim]answer
}

// NewFakeServer is one that knows nobody yet, for an app and the key that it shares with it.
func NewFakeServer(app string, key []byte) *FakeServer {
	return &FakeServer{app: app, key: key, people: map[Claim]answer{}}
}

// Add has it know somebody; the zero time says that it is still looking.
func (f *FakeServer) Add(who Claim, born time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := answer{Status: "pending"}
	if !born.IsZero() {
		a = answer{Status: "match", Born: born.Format(time.DateOnly), Reference: "ref-" + strconv.Itoa(len(f.people)+1)}
	}
	f.people[who] = a
}

// ServeHTTP answers POST /verify.
func (f *FakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if r.Method != http.MethodPost || r.URL.Path != "/verify" || err != nil {
		http.NotFound(w, r)
		return
	}
	at := r.Header.Get(headerTime)
	seconds, err := strconv.ParseInt(at, 10, 64)
	signed := hmac.Equal([]byte(r.Header.Get(headerSignature)), []byte(signature(f.key, f.app, at, body)))
	if err != nil || !signed || r.Header.Get(headerApp) != f.app || time.Since(time.Unix(seconds, 0)).Abs() > signedFor {
		http.Error(w, "not signed by the app", http.StatusUnauthorized)
		return
	}
	var q question
	if json.Unmarshal(body, &q) != nil {
		http.Error(w, "not a question", http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	a, ok := f.people[Claim{Name: q.Name, Number: q.Number}]
	f.mu.Unlock()
	if !ok {
		a = answer{Status: "mismatch"}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a) // a client that is gone needs no answer
}
