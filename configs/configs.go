// Package configs embeds the configuration for one's own machine, which every command uses unless it is given --config, the design tables, which
// hold until others are published, and the declarations of analytics events.
//
// production.yaml beside it is a starting point for servers; it is not embedded.
package configs

import (
	"embed"
	"io/fs"
)

// FS holds local.yaml.
//
//go:embed local.yaml
var FS embed.FS

//go:embed tables/*.csv
var tables embed.FS

// Events is events.csv, which declares the events that game clients send to keypoint.
//
//go:embed events.csv
var Events []byte

// Tables holds the design tables: items.csv and so on.
func Tables() fs.FS {
	sub, err := fs.Sub(tables, "tables")
	if err != nil {
		return tables // the directory is embedded: there is nothing to fail on
	}
	return sub
}
