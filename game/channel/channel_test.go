package channel

import (
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
)

// setup is a channel and its other side.
func setup(t *testing.T) (*Arcade, *FakeServer) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	fake := NewFakeServer("loumiao", private)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return &Arcade{App: "loumiao", Keys: []ed25519.PublicKey{public}, Base: server.URL, HTTP: server.Client()}, fake
}

func TestVerify(t *testing.T) {
	t.Parallel()
	a, fake := setup(t)
	ann := User{ID: "user-1", Name: "Ann"}
	good := fake.Ticket(ann, time.Hour)
	if got, err := a.Verify(t.Context(), good); got != ann || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	_, stranger := setup(t)
	elsewhere := NewFakeServer("another game", fake.key)
	for name, ticket := range map[string]string{
		"none":                "",
		"another's signature": stranger.Ticket(ann, time.Hour),
		"for another game":    elsewhere.Ticket(ann, time.Hour),
		"expired":             fake.Ticket(ann, -time.Hour),
		"of nobody":           fake.Ticket(User{}, time.Hour),
		"changed":             "x" + good,
		"no signature":        good[:strings.Index(good, ".")+1],
		"endless":             good + strings.Repeat("A", maxTicket),
	} {
		if got, err := a.Verify(t.Context(), ticket); !errors.Is(err, ErrTicket) || got != (User{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	fake.Revoke(ann.ID)
	if _, err := a.Verify(t.Context(), good); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
}

// TestAServerThatDoesNotSayYes has the channel's server fail in every way, which lets nobody in and is nobody's fault.
func TestAServerThatDoesNotSayYes(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"an error":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"junk":         func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"another word": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"perhaps"}`)) },
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"status":"valid"` + strings.Repeat(" ", maxAnswer) + `}`))
		},
		"nothing": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or else the server does not notice that the client has hung up
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, fake := setup(t)
			server := httptest.NewServer(answer)
			t.Cleanup(server.Close)
			a.Base, a.HTTP = server.URL, &http.Client{Transport: server.Client().Transport, Timeout: 200 * time.Millisecond}
			if _, err := a.Verify(t.Context(), fake.Ticket(User{ID: "u"}, time.Hour)); fault.CodeOf(err) != fault.Unavailable {
				t.Errorf("got %v, want unavailable", err)
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	_, private, _ := ed25519.GenerateKey(nil)
	keys := []ed25519.PublicKey{private.Public().(ed25519.PublicKey)}
	good := sign(private, claims{App: "a", User: "u", Expires: 1})
	f.Add(good)
	f.Add(good + "\r\n")
	f.Add("e30.AA")
	f.Add(".")
	f.Fuzz(func(t *testing.T, ticket string) {
		if c, ok := open(keys, ticket); ok && (ticket != good || c.User != "u") {
			t.Fatalf("%q is taken for one that was signed: %+v", ticket, c)
		}
	})
}
