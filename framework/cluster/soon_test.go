//go:build !race

package cluster

import (
	"testing"
	"time"
)

// soon has something happen a few times until it has taken no longer than it should: a busy machine makes it late now and then, and gossip that is tuned badly
// always.
func soon(t *testing.T, most time.Duration, what string, happens func() time.Duration) {
	t.Helper()
	for range 8 {
		took := happens()
		t.Logf("%s after %s", what, took)
		if took <= most {
			return
		}
	}
	t.Errorf("%s: never within %s", what, most)
}
