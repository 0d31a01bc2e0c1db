// Package configs embeds the configuration for one's own machine, which every command uses unless it is given --config.
//
// production.yaml beside it is a starting point for servers; it is not embedded.
package configs

import "embed"

// FS holds local.yaml.
//
//go:embed local.yaml
var FS embed.FS
