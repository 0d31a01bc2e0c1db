package app_test

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/game/store/operator"
)

var joinToken = regexp.MustCompile(`/join\?token=(\w+)\n`)

// TestOperatorReset lets a lone admin in again who has lost his phone and his password, without the console.
func TestOperatorReset(t *testing.T) {
	requires(t, "gm")
	t.Parallel()
	dir := t.TempDir()
	environ := []string{"GAME_DATA_DIR=" + dir, "GAME_GM_KEY=" + someKey, "GAME_GM_PUBLIC=https://console.example.com"}
	if code, _, stderr := run(t, environ, "operator", "reset", "ann", "--reason", "phone"); code != 1 || !strings.Contains(stderr, "migrate") {
		t.Errorf("without tables: code %d: %s", code, stderr)
	}
	if code, _, stderr := run(t, environ, "migrate"); code != 0 {
		t.Fatal(stderr)
	}
	stores, err := store.Open(t.Context(), store.Config{DataDir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	db, err := stores.SQL("operator")
	if err != nil {
		t.Fatal(err)
	}
	key := make([]byte, operator.KeySize)
	for i := range key {
		key[i] = byte(i%16) * 0x11 // someKey
	}
	now := time.Now()
	operators, err := operator.New(db, id.NewGenerator(1, nil), key, func() time.Time { return now }, nil)
	if err != nil {
		t.Fatal(err)
	}
	// accept uses a link, and returns a code to log in with after it.
	accept := func(token, name, password string) string {
		invitation, err := operators.Invitation(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		codes := [2]string{}
		for i := range codes {
			if codes[i], err = operator.Code(invitation.Secret, now.Add(time.Duration(i)*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := operators.Accept(t.Context(), token, name, password, codes[0]); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
		return codes[1]
	}
	first, err := operators.InviteFirst(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	session, err := operators.Login(t.Context(), "ann", "correct horse battery", accept(first, "ann", "correct horse battery"), "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}

	for _, wrong := range []struct {
		args string
		code int
		says string
	}{
		{"operator reset --reason phone", 2, "which operator?"}, {"operator reset ann", 2, "--reason"}, {"operator reset bob --reason phone", 1, "no such operator"},
	} {
		if code, stdout, stderr := run(t, environ, strings.Fields(wrong.args)...); code != wrong.code || !strings.Contains(stderr, wrong.says) || stdout != "" {
			t.Errorf("%s: code %d: %s%s", wrong.args, code, stdout, stderr)
		}
	}
	if _, err := operators.Session(t.Context(), session); err != nil {
		t.Errorf("what was refused has ended ann's session: %v", err)
	}
	code, stdout, stderr := run(t, environ, "operator", "reset", "ann", "--reason", "lost her phone")
	link := joinToken.FindStringSubmatch(stdout)
	if code != 0 || link == nil || !strings.HasPrefix(stdout, "https://console.example.com/join?token=") {
		t.Fatalf("code %d: %s%s", code, stdout, stderr)
	}
	if _, err := operators.Session(t.Context(), session); err == nil {
		t.Error("ann's session goes on")
	}
	now = time.Now().Add(time.Second)
	if _, err := operators.Login(t.Context(), "ann", "another horse battery", accept(link[1], "", "another horse battery"), "10.0.0.1"); err != nil {
		t.Errorf("with what she has set anew: %v", err)
	}
	entries, err := operators.Audit(t.Context(), 0, operator.Filter{Target: "name ann"}, 2)
	if err != nil || len(entries) != 1 {
		t.Fatalf("audit: %+v, %v", entries, err)
	}
	if e := entries[0]; e.Operator != "(machine)" || e.Act != "reset" || e.Reason != "lost her phone" || e.Outcome != operator.Done ||
		!strings.Contains(string(e.Before), `"reset":false`) || !strings.Contains(string(e.After), `"reset":true`) || strings.Contains(string(e.Value), link[1]) {
		t.Errorf("audit: %+v", e)
	}
}
