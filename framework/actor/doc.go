// Package actor runs many small state machines, each of which handles its messages one at a time.
package actor
