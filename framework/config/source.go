package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFile is the largest configuration file, in bytes; maxSecret the largest secret in a file of its own.
const (
	maxFile   = 1 << 20
	maxSecret = 64 << 10
)

// A Source is where settings come from: [File], [FS], [Bytes] or [Env].
type Source struct {
	name     string
	required bool
	open     func() (io.ReadCloser, error) // YAML
	dir      string                        // where relative paths in it begin

	prefix  string   // environment: with its underscore
	environ []string // environment
}

// File is a YAML file. One that does not exist is a problem if it is required, and empty otherwise. Relative paths of secrets in it
// begin at its directory.
func File(path string, required bool) Source {
	return Source{
		name:     path,
		required: required,
		open:     func() (io.ReadCloser, error) { return os.Open(path) },
		dir:      filepath.Dir(path),
	}
}

// FS is a YAML file in fsys, such as embedded defaults.
func FS(fsys fs.FS, path string, required bool) Source {
	return Source{name: path, required: required, open: func() (io.ReadCloser, error) { return fsys.Open(path) }}
}

// Bytes is YAML in memory; the name stands for it in problems.
func Bytes(name string, data []byte) Source {
	return Source{name: name, required: true, open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(string(data))), nil
	}}
}

// Env is the variables in environ, "NAME=value" each as from os.Environ, whose names begin with prefix and an underscore. One that names
// no setting is a problem: leave out of environ those that are meant for somebody else.
func Env(prefix string, environ []string) Source {
	return Source{prefix: strings.TrimSuffix(prefix, "_") + "_", environ: environ}
}

// read is the whole text of a YAML source; nil when it does not exist and need not.
func (s Source) read() ([]byte, error) {
	r, err := s.open()
	if errors.Is(err, fs.ErrNotExist) && !s.required {
		return nil, nil
	}
	if err != nil {
		return nil, withoutPath(err)
	}
	defer r.Close()
	return readLimited(r, maxFile)
}

// readSecret is what the file holds, without white space at its end. dir is where a relative path begins.
func readSecret(dir, path string) (Secret, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("secret file %s: %w", path, withoutPath(err))
	}
	defer f.Close()
	data, err := readLimited(f, maxSecret)
	if err != nil {
		return "", fmt.Errorf("secret file %s: %w", path, err)
	}
	secret := Secret(strings.TrimRight(string(data), " \t\r\n"))
	if secret == "" {
		return "", fmt.Errorf("secret file %s is empty", path)
	}
	return secret, nil
}

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return data, nil
}

// withoutPath is the cause of a file error: its path stands in the problem already.
func withoutPath(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
