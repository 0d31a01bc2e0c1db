package id

import (
	"testing"
	"time"
)

// TestTimeOf reads an id's time back.
func TestTimeOf(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{Epoch.Add(time.Millisecond), time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC), time.Date(2058, 1, 1, 0, 0, 0, 0, time.UTC)} {
		g := NewGenerator(65535, func() time.Time { return at })
		for range 3 {
			if n := g.Next(); !TimeOf(n).Equal(at) {
				t.Errorf("id %d is of %s; want %s", n, TimeOf(n), at)
			}
		}
	}
}
