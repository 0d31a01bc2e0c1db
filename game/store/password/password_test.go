package password

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"loumiao/framework/fault"
)

func TestHashes(t *testing.T) {
	t.Parallel()
	h := NewHasher()
	a, err := h.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Hash(t.Context(), "password")
	if err != nil || a == b {
		t.Errorf("two hashes of a password: %q, %q, %v", a, b, err)
	}
	if !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") || len(a) > 255 {
		t.Errorf("hash %q", a)
	}
	// From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32
	const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for stored, want := range map[string]bool{a: true, b: true, reference: true, Nobody: false} {
		for password, right := range map[string]bool{"password": true, "Password": false, "": false} {
			if got, err := h.Verify(t.Context(), password, stored); got != (want && right) || err != nil {
				t.Errorf("verify %q with %q: %v, %v", password, stored, got, err)
			}
		}
	}
}

// The line before the hashers is bounded, and whoever gives up leaves it.
func TestHashersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher()
		var leaves []func()
		for range hashersAtOnce {
			leave, err := h.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error, hashersWaiting)
		for range hashersWaiting {
			go func() {
				_, err := h.enter(ctx)
				waiting <- err
			}()
		}
		synctest.Wait()
		if _, err := h.Hash(t.Context(), "password"); !errors.Is(err, ErrBusy) || fault.CodeOf(err) != fault.Overloaded {
			t.Errorf("one too many: %v", err)
		}
		cancel()
		for range hashersWaiting {
			if err := <-waiting; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		for _, leave := range leaves {
			leave()
		}
		if _, err := h.Hash(t.Context(), "password"); err != nil {
			t.Errorf("after all have left: %v", err)
		}
	})
}

func FuzzParsePHC(f *testing.F) {
	f.Add(Nobody)
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$$")
	f.Add("$argon2i$v=19$m=1,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHQ")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		if p.memory > maxMemory || p.time > maxTime || p.threads == 0 || len(p.sum) < 16 {
			t.Errorf("%q asks for %+v", s, p)
		}
		again, err := parsePHC(phc(p.memory, p.time, p.threads, p.salt, p.sum))
		if err != nil || string(again.sum) != string(p.sum) || string(again.salt) != string(p.salt) || again.memory != p.memory {
			t.Errorf("%q does not survive: %+v, %v", s, again, err)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := NewHasher()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "password"); err != nil {
			b.Fatal(err)
		}
	}
}
