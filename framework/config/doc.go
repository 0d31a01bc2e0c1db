// Package config reads a program's configuration: strict YAML files, then environment variables, into structs with defaults.
package config
