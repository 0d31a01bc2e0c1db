package cluster

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"
)

// loadKeyring is the keys of the file, or of key when there is no file or it does not exist yet; then it is written.
func loadKeyring(path string, key []byte) (*memberlist.Keyring, error) {
	if path == "" {
		return memberlist.NewKeyring(nil, key)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && len(key) > 0 {
		if data, err = json.Marshal([][]byte{key}); err == nil { // []byte is base64 in JSON, as serf wants it
			err = os.WriteFile(path, data, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("gossip keyring: %w", err)
	}
	keys, err := parseKeyring(data)
	if err != nil {
		return nil, fmt.Errorf("gossip keyring %s: %w", path, err)
	}
	return memberlist.NewKeyring(keys, keys[0])
}

// parseKeyring reads serf's format: a JSON list of keys in base64, the one to encrypt with first. Errors quote no key.
func parseKeyring(data []byte) ([][]byte, error) {
	var lines []string
	if err := json.Unmarshal(data, &lines); err != nil {
		return nil, errors.New("must be a JSON list of keys in base64")
	}
	if len(lines) == 0 {
		return nil, errors.New("holds no key")
	}
	keys := make([][]byte, len(lines))
	for i, line := range lines {
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != KeySize {
			return nil, fmt.Errorf("key %d: must be %d bytes in base64", i+1, KeySize)
		}
		keys[i] = key
	}
	return keys, nil
}

// RotateKey makes key, of [KeySize] bytes, the only gossip key of the whole cluster, on every member that is reachable now. It takes
// about a second. When it fails half way, members still hold the old keys and can be told again. A member that was away learns
// nothing: its keyring file has to be brought to it.
func (c *Cluster) RotateKey(ctx context.Context, key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("cluster: rotate gossip key: has %d bytes; must be %d", len(key), KeySize)
	}
	s, err := c.running()
	if err != nil {
		return err
	}
	return c.within(ctx, "rotate gossip key", func() error { return rotate(s, key) })
}

func rotate(s *serf.Serf, key []byte) error {
	keys := s.KeyManager()
	name := base64.StdEncoding.EncodeToString(key)
	// Everybody must be able to read the new key before anybody writes with it, and write with it before the old ones go.
	if err := keysAnswered(keys.InstallKey(name)); err != nil {
		return fmt.Errorf("install: %w", err)
	}
	if err := keysAnswered(keys.UseKey(name)); err != nil {
		return fmt.Errorf("use: %w", err)
	}
	held, err := keys.ListKeys()
	if err := keysAnswered(held, err); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	for old := range held.Keys {
		if b, err := base64.StdEncoding.DecodeString(old); err == nil && bytes.Equal(b, key) {
			continue
		}
		if err := keysAnswered(keys.RemoveKey(old)); err != nil {
			return fmt.Errorf("remove old: %w", err)
		}
	}
	return nil
}

func keysAnswered(r *serf.KeyResponse, err error) error {
	switch {
	case err != nil:
		return err
	case r.NumErr > 0 || r.NumResp < r.NumNodes:
		return fmt.Errorf("%d of %d members did it", r.NumResp-r.NumErr, r.NumNodes)
	}
	return nil
}
