// Package fault is the vocabulary of errors that cross a wire or HTTP.
//
// An error made here has a [Code], which means the same on every node and in every client, and a message that is safe
// to show to whoever asked. Anything else that reaches an edge is "internal" to the outside, with its details only in
// the log:
//
//	handler ── fault.New(fault.NotFound, "no such mail") ──► rpc / line / HTTP ──► the same code and message
//	handler ── fmt.Errorf("load mail: %w", sqlErr) ────────► rpc / line / HTTP ──► "internal"
//
// It never logs and never decides what to do about an error.
package fault
