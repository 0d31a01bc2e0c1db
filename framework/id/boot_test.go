package id

import (
	"testing"
	"time"
)

func TestBootTime(t *testing.T) {
	t.Parallel()
	for _, when := range []time.Time{time.UnixMilli(1), time.UnixMilli(1_800_000_000_123), time.Now().Truncate(time.Millisecond)} {
		if got := NewBoot(when).Time(); !got.Equal(when) {
			t.Errorf("a life that began at %s says %s", when, got)
		}
	}
}
