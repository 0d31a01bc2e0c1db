package gate

import (
	"testing"

	"loumiao/framework/gate"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

// TestSessions has holders of one player's session come and go, on every kind of Redis.
func TestSessions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := &sessions{stores: stores}
		const player = 7
		a1 := gate.Holder{Node: 1, Session: 100, Visit: 100}
		a2 := gate.Holder{Node: 2, Session: 100, Visit: 200} // the same session, by another gate
		b := gate.Holder{Node: 65535, Session: 1<<63 - 1, Visit: 300}
		claim := func(h gate.Holder, want *gate.Holder) {
			t.Helper()
			previous, err := s.Claim(t.Context(), player, h)
			if err != nil || !same(previous, want) {
				t.Fatalf("claiming for %v: %v, %v; want %v", h, previous, err, want)
			}
		}
		reclaim := func(h gate.Holder, want *gate.Holder, wantTaken bool) {
			t.Helper()
			previous, taken, err := s.Reclaim(t.Context(), player, h)
			if err != nil || taken != wantTaken || !same(previous, want) {
				t.Fatalf("reclaiming for %v: %v, %v, %v; want %v, %v", h, previous, taken, err, want, wantTaken)
			}
		}
		release := func(h gate.Holder) {
			t.Helper()
			if err := s.Release(t.Context(), player, h); err != nil {
				t.Fatal(err)
			}
		}
		claim(a1, nil)
		reclaim(a2, &a1, true)
		release(a1) // its gate notices late
		reclaim(a2, &a2, true)
		claim(b, &a2)
		reclaim(a1, &b, false)
		release(b)
		reclaim(a1, nil, true)
		claim(b, &a1)
		release(b)
		claim(a2, nil)
	})
}

func same(a, b *gate.Holder) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
