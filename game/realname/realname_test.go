package realname

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
)

func TestRemote(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef")
	born := time.Date(2010, 2, 28, 0, 0, 0, 0, time.UTC)
	ann, bob := Claim{"Ann", "110101"}, Claim{"Bob", "110102"}
	fake := NewFakeServer("game", key)
	fake.Add(ann, born)
	fake.Add(bob, time.Time{})
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	remote := func() *Remote { return &Remote{App: "game", Key: key, Base: server.URL + "/", HTTP: server.Client()} }

	if got, err := remote().Verify(t.Context(), "7", ann); err != nil || !got.Born.Equal(born) || got.Reference == "" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, tc := range map[string]struct {
		change func(*Remote)
		claim  Claim
		want   error
	}{
		"pending":   {func(*Remote) {}, bob, ErrPending},
		"nobody":    {func(*Remote) {}, Claim{"Ann", "110102"}, ErrMismatch},
		"no name":   {func(*Remote) {}, Claim{"", "110102"}, ErrMismatch},
		"no number": {func(*Remote) {}, Claim{"Ann", "11\n01"}, ErrMismatch},
		"wrong key": {func(r *Remote) { r.Key = []byte("x") }, ann, errUnreachable},
		"wrong app": {func(r *Remote) { r.App = "other" }, ann, errUnreachable},
		"old":       {func(r *Remote) { r.Now = func() time.Time { return time.Now().Add(-time.Hour) } }, ann, errUnreachable},
		"elsewhere": {func(r *Remote) { r.Base = server.URL + "/x" }, ann, errUnreachable},
		"gone":      {func(r *Remote) { r.Base = "http://127.0.0.1:1" }, ann, errUnreachable},
	} {
		r := remote()
		tc.change(r)
		_, err := r.Verify(t.Context(), "7", tc.claim)
		var want *fault.Error
		if !errors.As(tc.want, &want) || fault.CodeOf(err) != want.Code || !strings.Contains(err.Error(), want.Message) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
		if err != nil && (strings.Contains(err.Error(), "Ann") || strings.Contains(err.Error(), "1101")) {
			t.Errorf("%s: the error says who it was: %v", name, err)
		}
	}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(slow.Close)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&Remote{App: "game", Key: key, Base: slow.URL}).Verify(ctx, "7", ann); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a registry that does not answer: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := (Config{}).Validate(); err != nil || (Config{}).Open() != nil {
		t.Error(err, "none is configured")
	}
	good := Config{App: "game", URL: "https://registry.example.com", Key: "0123456789abcdef"}
	if err := good.Validate(); err != nil || good.Open() == nil {
		t.Error(err)
	}
	err := Config{URL: "registry"}.Validate()
	for _, key := range []string{"url:", "app:", "key:"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("nothing about %s in %v", key, err)
		}
	}
}

// FuzzVouched: whatever a registry answers is somebody with a birth date, or an error for the client.
func FuzzVouched(f *testing.F) {
	for _, s := range []string{`{"status":"match","born":"2010-02-28","reference":"r"}`, `{"status":"match","born":"x"}`, `{"status":"pending"}`, `[]`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := vouched(text)
		if err == nil && (v.Born.Year() < 1800 || len(v.Reference) > 128) || err != nil && fault.CodeOf(err) == fault.Internal {
			t.Errorf("%q: %+v, %v", text, v, err)
		}
	})
}
