// Package realname has a registry vouch for who stands behind an account: real names and numbers go to it, and a birth date comes back.
//
//	client ── with its login: name and number ──► signin ── Verify, signed ──► the registry ──► when that person was born
//
// A [Registry] says it. [Remote] is one that does not exist, in the shape of those that do, with its other side, [FakeServer], for tests and for one's own
// machine; a real one is a file beside it. Name and number are passed on and never kept, logged or put into an error.
package realname
