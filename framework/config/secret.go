package config

import (
	"fmt"
	"io"
	"log/slog"
)

// mask is what a secret looks like to everyone but the code that uses it.
const mask = "***"

// A Secret is a string that prints as "***" wherever it is printed: fmt, slog, JSON and YAML. "" prints as "", so that one can see
// whether it is set. [Secret.Reveal] is the value.
//
// In YAML it is a plain string, or a mapping with the file that holds it; white space at the end of the file is cut off:
//
//	key: 5f2c...
//	key: {file: /run/secrets/key}
//
// In the environment it is NAME, or NAME_FILE with the path of the file. fmt cannot see methods of unexported struct fields: keep
// secrets in exported ones.
type Secret string

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is "***", or "" when the secret is empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// Format masks the secret under every verb and flag, %#v and %d included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue masks the secret in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the secret in JSON and other text encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML masks the secret in YAML.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
