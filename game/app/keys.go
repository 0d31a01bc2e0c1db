package app

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"loumiao/framework/config"
	"loumiao/game/token"
)

const keySize = 32 // bytes, of every kind of key

// keys is the secrets of a stack.
type keys struct {
	stack        string // the stack's name
	gossip, link []byte
	signing      ed25519.PrivateKey           // nil where only public keys are known
	verifying    map[string]ed25519.PublicKey // by key id
}

// Validate checks the keys that are given; its errors show none of them.
func (c KeysConfig) Validate() error {
	var errs []error
	given := map[string][]byte{}
	for _, k := range []struct {
		name string
		text config.Secret
	}{{"gossip", c.Gossip}, {"link", c.Link}, {"token_private", c.TokenPrivate}} {
		if k.text == "" {
			continue
		}
		key, err := parseKey(k.text.Reveal())
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", k.name, err))
		}
		given[k.name] = key
	}
	if link := given["link"]; len(link) > 0 && subtle.ConstantTimeCompare(link, given["gossip"]) == 1 {
		errs = append(errs, errors.New("link: "+sameKeys))
	}
	for i, text := range c.TokenPublic {
		if _, err := parseKey(text); err != nil {
			errs = append(errs, fmt.Errorf("token_public[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

const sameKeys = "must not be the same as keys.gossip: the web nodes hold only that one"

// loadKeys takes the keys that are configured, and makes up the others once and for all in the data directory.
func loadKeys(cfg Config) (k keys, err error) {
	made := cfg.made()
	if k.gossip, err = made.key("gossip", string(cfg.Keys.Gossip)); err != nil {
		return k, err
	}
	if k.link, err = made.key("link", string(cfg.Keys.Link)); err != nil {
		return k, err
	}
	if subtle.ConstantTimeCompare(k.gossip, k.link) == 1 {
		return k, errors.New("keys.link: " + sameKeys)
	}
	k.verifying = map[string]ed25519.PublicKey{}
	for i, text := range cfg.Keys.TokenPublic {
		public, err := parseKey(text)
		if err != nil {
			return k, fmt.Errorf("keys.token_public[%d]: %w", i, err)
		}
		k.verifying[token.KeyID(public)] = public
	}
	if cfg.Keys.TokenPrivate != "" || len(k.verifying) == 0 {
		seed, err := made.key("token_private", string(cfg.Keys.TokenPrivate))
		if err != nil {
			return k, err
		}
		k.signing = ed25519.NewKeyFromSeed(seed)
		public := k.signing.Public().(ed25519.PublicKey)
		k.verifying[token.KeyID(public)] = public
	}
	if k.stack = cfg.Stack; k.stack == "" {
		name, err := made.key("stack", "")
		if err != nil {
			return k, err
		}
		k.stack = "game-" + hex.EncodeToString(name[:4])
	}
	return k, nil
}

// made is the keys that were made up.
type made struct {
	dir       string
	forbidden bool
}

// made is the keys that were made up for the stack of the data directory.
func (c Config) made() made {
	return made{dir: filepath.Join(c.DataDir, "keys"), forbidden: c.Production}
}

// key is the configured key or, if there is none, the one in the directory, which is made up when it is missing.
func (m made) key(name, configured string) ([]byte, error) {
	if configured != "" {
		key, err := parseKey(configured)
		if err != nil {
			return nil, fmt.Errorf("keys.%s: %w", name, err)
		}
		return key, nil
	}
	if m.forbidden {
		return nil, fmt.Errorf("keys.%s: must be given in production", name)
	}
	path := filepath.Join(m.dir, name)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m.make(path)
	}
	if err != nil {
		return nil, err
	}
	key, err := parseKey(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// make writes a new key. Of two processes that do so at once, one's key stays, and both use that.
func (m made) make(path string) ([]byte, error) {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return nil, err
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process rather than return an error
	draft, err := os.CreateTemp(m.dir, "new-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(draft.Name())
	_, err = draft.WriteString(hex.EncodeToString(key) + "\n")
	if err := errors.Join(err, draft.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseKey(strings.TrimSpace(string(text)))
}

// parseKey reads a key; its error does not show it.
func parseKey(text string) ([]byte, error) {
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("must be %d hexadecimal digits", 2*keySize)
	}
	return key, nil
}
