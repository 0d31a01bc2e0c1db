package signin

import (
	"net/netip"
	"strings"
	"testing"

	"loumiao/framework/fault"
)

func TestDepsValidate(t *testing.T) {
	t.Parallel()
	err := Deps{Areas: []Area{{1, "a"}, {1, "b"}}, RefreshTTL: -1}.Validate()
	for _, what := range []string{"Accounts", "Throttle", "Tokens", "areas[1].id", "RefreshTTL"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("nothing about %s in %v", what, err)
		}
	}
}

func TestSubscriber(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"2001:db8::1234":   "2001:db8::", // an IPv6 network is one subscriber's
		"fe80::1%eth0":     "fe80::",
		"203.0.113.7":      "203.0.113.7",
		"::ffff:192.0.2.1": "192.0.2.1",
	} {
		if got := subscriber(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
	if got := subscriber(netip.Addr{}); got == "" {
		t.Error("who has no address is not counted")
	}
}

func FuzzSplitRefresh(f *testing.F) {
	for _, s := range []string{"1.abc", "0.x", "65536.x", ".", "1.", "1.a.b", "+1.a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		area, secret, err := splitRefresh(text)
		if err != nil {
			if fault.CodeOf(err) != fault.Unauthenticated {
				t.Fatalf("code of %v", err)
			}
			return
		}
		if a, s, err := splitRefresh(joinRefresh(area, secret)); err != nil || a != area || s != secret || len(secret) > maxRefresh {
			t.Fatalf("%q is %d and %q, and then %d and %q, %v", text, area, secret, a, s, err)
		}
	})
}
