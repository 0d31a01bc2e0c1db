//go:build race

package cluster

import (
	"testing"
	"time"
)

// soon has something happen. How long it takes with the race detector watching says nothing.
func soon(t *testing.T, _ time.Duration, what string, happens func() time.Duration) {
	t.Helper()
	t.Logf("%s after %s", what, happens())
}
