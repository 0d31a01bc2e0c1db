// Package config is the tables of the configuration centre: what is published, and every publication that there was. Only config nodes open it.
//
//	config_entries   what is published now
//	config_history   each change of each publication, with author and reason; append-only
//
// What it holds to:
//
//   - A publication is one transaction: all of its changes in the next version, or nothing.
//   - It is fenced: it locks the centre's epoch first, and one who is not the centre any more publishes nothing ([lease.ErrFenced]).
//   - It says what its author has seen. What somebody else has changed since then is not overwritten: [ErrConflict].
//   - The entries are what the history adds up to; going back to a version is a new one.
//
// It knows no key and checks no value: that is the centre's business.
package config
