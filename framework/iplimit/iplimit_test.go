package iplimit

import (
	"net/netip"
	"testing"
	"time"
)

func TestLimit(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := New(1, 2, func() time.Time { return now })
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff") // one /64
	take := func(addr netip.Addr, want bool) {
		t.Helper()
		wait, ok := l.Allow(addr)
		if ok != want || !ok && (wait <= 0 || wait > time.Second) {
			t.Errorf("at %s: %v, wait %s", now, ok, wait)
		}
	}
	take(a, true)
	take(b, true)
	take(a, false)
	now = now.Add(time.Second)
	take(a, true)
	take(a, false) // what was refused took nothing, what was granted did
	now = now.Add(2 * time.Second)
	take(b, true)
	take(b, true)
	take(netip.MustParseAddr("2001:db8:0:1::1"), true) // another /64
	take(netip.Addr{}, true)

	now = now.Add(time.Hour)
	for i := range 3 * maxAddresses {
		l.Allow(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if n := len(l.young) + len(l.aged); n > 2*maxAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
}
