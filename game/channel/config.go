package channel

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
)

// Config is the channels that vouch for players. Those that are not configured vouch for nobody.
type Config struct {
	Arcade ArcadeConfig `yaml:"arcade"`
}

// ArcadeConfig is what is configured of [Arcade].
type ArcadeConfig struct {
	App  string   `yaml:"app" doc:"what the channel calls this game"`
	URL  string   `yaml:"url" doc:"the channel's server, http(s)://host; empty: nobody logs in by this channel"`
	Keys []string `yaml:"keys" doc:"Ed25519 public keys of the channel's tickets, 64 hexadecimal digits each; several while they are changed"`
}

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	_, err := c.Open()
	return err
}

// Open is the channels that are configured. Its error is that of [Config.Validate].
func (c Config) Open() ([]Channel, error) {
	if c.Arcade.URL == "" {
		return nil, nil
	}
	var errs []error
	if u, err := url.Parse(c.Arcade.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		errs = append(errs, errors.New("arcade.url: must be http://host or https://host"))
	}
	if c.Arcade.App == "" {
		errs = append(errs, errors.New("arcade.app: is needed with arcade.url"))
	}
	if len(c.Arcade.Keys) == 0 {
		errs = append(errs, errors.New("arcade.keys: at least one is needed with arcade.url"))
	}
	arcade := &Arcade{App: c.Arcade.App, Base: c.Arcade.URL}
	for i, text := range c.Arcade.Keys {
		key, err := hex.DecodeString(text)
		if err != nil || len(key) != ed25519.PublicKeySize {
			errs = append(errs, fmt.Errorf("arcade.keys[%d]: must be %d hexadecimal digits", i, 2*ed25519.PublicKeySize))
		}
		arcade.Keys = append(arcade.Keys, key)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return []Channel{arcade}, nil
}
