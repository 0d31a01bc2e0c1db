package app

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"loumiao/framework/config"
)

// TestKeysAreMadeOnce has many processes make up the keys of one data directory at once, and read them again later.
func TestKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: t.TempDir()}
	const processes = 8
	var (
		made    [processes]keys
		errs    [processes]error
		running sync.WaitGroup
	)
	for i := range processes {
		running.Go(func() { made[i], errs[i] = loadKeys(cfg) })
	}
	running.Wait()
	again, err := loadKeys(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range made {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if k.stack != again.stack || !bytes.Equal(k.gossip, again.gossip) || !bytes.Equal(k.link, again.link) || !k.signing.Equal(again.signing) {
			t.Errorf("process %d has keys of its own", i)
		}
	}
	if bytes.Equal(again.gossip, again.link) || bytes.Equal(again.gossip, again.signing.Seed()) || bytes.Equal(again.gossip, make([]byte, keySize)) {
		t.Error("the keys are not random, each for itself")
	}
	other, err := loadKeys(Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if other.stack == again.stack || bytes.Equal(other.link, again.link) {
		t.Error("two data directories have the same keys")
	}
	drafts, err := filepath.Glob(filepath.Join(cfg.DataDir, "keys", "new-*"))
	if err != nil || len(drafts) > 0 {
		t.Errorf("drafts are left behind: %v %v", drafts, err)
	}
}

func TestConfiguredKeys(t *testing.T) {
	t.Parallel()
	text := func(b byte) string { return hex.EncodeToString(bytes.Repeat([]byte{b}, keySize)) }
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, keySize))
	public := hex.EncodeToString(private.Public().(ed25519.PublicKey))
	secret := func(b byte) config.Secret { return config.Secret(text(b)) }
	tests := []struct {
		name      string
		keys      KeysConfig
		signs     bool
		verifying int
		err       string // part of it
	}{
		{name: "private", keys: KeysConfig{TokenPrivate: secret(3)}, signs: true, verifying: 1},
		{name: "public", keys: KeysConfig{TokenPublic: []string{public}}, verifying: 1},
		{name: "private and its public", keys: KeysConfig{TokenPrivate: secret(3), TokenPublic: []string{public}}, signs: true, verifying: 1},
		{name: "private and an older public", keys: KeysConfig{TokenPrivate: secret(4), TokenPublic: []string{public}}, signs: true, verifying: 2},
		{name: "public of nonsense", keys: KeysConfig{TokenPublic: []string{public, "nonsense"}}, err: "keys.token_public[1]"},
		{name: "private of nonsense", keys: KeysConfig{TokenPrivate: "nonsense"}, err: "keys.token_private"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{DataDir: t.TempDir(), Stack: "mine", Production: true, Keys: test.keys}
			cfg.Keys.Gossip, cfg.Keys.Link = secret(1), secret(2)
			k, err := loadKeys(cfg)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), ": nonsense") {
					t.Fatalf("error %v; want one that names %s and not the key", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if k.stack != "mine" || hex.EncodeToString(k.gossip) != text(1) || hex.EncodeToString(k.link) != text(2) {
				t.Errorf("keys %+v are not those that were configured", k)
			}
			if (k.signing != nil) != test.signs || len(k.verifying) != test.verifying {
				t.Errorf("signs: %t, verifies %d keys; want %t and %d", k.signing != nil, len(k.verifying), test.signs, test.verifying)
			}
			if _, err := os.Stat(filepath.Join(cfg.DataDir, "keys")); err == nil {
				t.Error("keys were made up in production")
			}
		})
	}
}

func TestDamagedKey(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: t.TempDir()}
	if _, err := loadKeys(cfg); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cfg.DataDir, "keys", "link")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKeys(cfg); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v; want one that names %s", err, path)
	}
}
