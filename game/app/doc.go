// Package app is the program: the table of node types, its configuration and its commands. It is the only package that knows all of the
// game's nodes; adding a node type is a package of its own, a file here, type_NAME.go, and a line in table.go.
//
//	main ─► Run ─► command ─► Config ─► Process (keys, stores, migrations) ─► nodes
//
// A command returns an error; Run turns it into a message and an exit code: 0 done, 1 it failed, 2 it was called wrongly.
package app
