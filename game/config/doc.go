// Package config is node type 11, the configuration centre: who publishes the settings that change while the nodes run.
//
//	console, command line ── config.Check, config.Publish ──► the node that leads ── one fenced transaction ──► SQL: entries, history
//	                                                              │ at once, and again whenever Redis has lost it
//	                                                              ▼
//	                          every node ◄── package live ◄── Redis: what is published
//
// A publication is a set of changes that its author has made for a version that he had looked at. It is checked as a whole against the schema, of this
// build, and takes effect as a whole or not at all; it names its author and a reason, and stays in the history for good. Going back to a
// version is a publication too. A draft is whatever its author keeps; the centre has none.
//
// One node leads; others stand by, not ready, and take over within the lease. One that was deposed publishes nothing: its epoch is refused in SQL, and
// Redis takes no older version. Versions only grow: when SQL was set back, to a backup, and Redis shows a newer version, the leader publishes what
// SQL has as the version after that.
//
// It depends on SQL and Redis, and on nobody else. When no node leads, nothing can be published; every node goes on with what it has, and new ones
// begin with what Redis has.
package config
