package config

import (
	"io"
	"io/fs"
)

// A Source is where settings come from: [File], [FS], [Bytes] or [Env].
type Source struct{}

func File(path string, required bool) Source           { return Source{} }
func FS(fsys fs.FS, path string, required bool) Source { return Source{} }
func Bytes(name string, data []byte) Source            { return Source{} }
func Env(prefix string, environ []string) Source       { return Source{} }
func Load(dst any, sources ...Source) error            { return nil }
func Print(w io.Writer, v any) error                   { return nil }
