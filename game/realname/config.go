package realname

import (
	"errors"
	"net/url"

	"loumiao/framework/config"
)

// minKey is the shortest key that is taken, in bytes.
const minKey = 16

// Config is the registry that vouches for people.
type Config struct {
	App string        `yaml:"app" doc:"what the registry calls this game"`
	URL string        `yaml:"url" doc:"the registry's server, http(s)://host; empty: nobody is vouched for"`
	Key config.Secret `yaml:"key" doc:"signs requests to the registry, at least 16 characters"`
}

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	var errs []error
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		errs = append(errs, errors.New("url: must be http://host or https://host"))
	}
	if c.App == "" {
		errs = append(errs, errors.New("app: is needed with url"))
	}
	if len(c.Key) < minKey {
		errs = append(errs, errors.New("key: at least 16 characters are needed with url"))
	}
	return errors.Join(errs...)
}

// Open is the registry that is configured, or nil.
func (c Config) Open() Registry {
	if c.URL == "" {
		return nil
	}
	return &Remote{App: c.App, Key: []byte(c.Key.Reveal()), Base: c.URL}
}
