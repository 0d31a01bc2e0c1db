package cluster

import (
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/serf/serf"

	"loumiao/framework/id"
)

func TestStaticView(t *testing.T) {
	t.Parallel()
	gate := Member{Node: 5, Boot: 1, Type: "gate"}
	both := Member{Node: 2, Boot: 1, Type: "gate,world"}
	s := NewStatic(gate, both, Member{Name: "agent"})

	nodes := func(members []Member) (ids []id.Node) {
		for _, m := range members {
			ids = append(ids, m.Node)
		}
		return ids
	}
	if got := nodes(s.Snapshot().All()); !slices.Equal(got, []id.Node{2, 5, 0}) {
		t.Errorf("all: %v", got)
	}
	if got := nodes(s.Snapshot().ByType("gate")); !slices.Equal(got, []id.Node{2, 5}) {
		t.Errorf("gates: %v", got)
	}
	if got := nodes(s.Snapshot().ByType("world")); !slices.Equal(got, []id.Node{2}) {
		t.Errorf("worlds: %v", got)
	}

	calls := 0
	stop := s.Watch(func(old, new *Snapshot) {
		calls++
		if new.Version != old.Version+1 {
			t.Errorf("from version %d to %d", old.Version, new.Version)
		}
	})
	gate.State = Ready
	s.Set(gate)
	s.Set(gate) // no change, no call
	if m, ok := s.Snapshot().Node(5); !ok || m.State != Ready {
		t.Errorf("node 5 is %+v, %v", m, ok)
	}
	before := s.Snapshot()
	s.Remove(5)
	if _, ok := s.Snapshot().Node(5); ok {
		t.Error("node 5 is still there")
	}
	if _, ok := before.Node(5); !ok {
		t.Error("an old snapshot changed")
	}
	stop()
	s.Remove(2)
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}

func TestZeroSnapshotIsEmpty(t *testing.T) {
	t.Parallel()
	var s Snapshot
	if _, ok := s.Node(1); ok || s.All() != nil || s.ByType("gate") != nil {
		t.Error("the zero snapshot holds something")
	}
}

func TestTagsFitAndComeBack(t *testing.T) {
	t.Parallel()
	long := Member{
		Node: 65535, Boot: 1<<64 - 1, Area: 65535, State: Draining,
		Type: strings.Repeat("t", maxTypeLen), Addr: strings.Repeat("a", maxAddrLen-6) + ":65535", Version: strings.Repeat("v", maxVersionLen),
	}
	observer := Member{Node: 1, Boot: 1, Type: "login"}
	for _, want := range []Member{long, observer} {
		size := 2
		for k, v := range encodeTags(want) {
			size += len(k) + len(v) + 6 // msgpack's headers
		}
		if size > 512 {
			t.Errorf("tags take %d bytes, serf's limit is 512", size)
		}
		got := decodeMember(serf.Member{Name: "n", Addr: net.IPv4(127, 0, 0, 1), Port: 7, Tags: encodeTags(want)})
		want.Name, want.Gossip = "n", "127.0.0.1:7"
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestBadTagsMakeAStranger(t *testing.T) {
	t.Parallel()
	good := encodeTags(Member{Node: 3, Boot: 4, Type: "gate", Addr: "127.0.0.1:9", Version: "v1"})
	for _, tc := range []struct{ tag, value string }{
		{tagNode, ""}, {tagNode, "0"}, {tagNode, "65536"}, {tagNode, "-1"}, {tagNode, "x"},
		{tagBoot, ""}, {tagBoot, "0"}, {tagBoot, "11112222333344445"},
		{tagType, ""}, {tagType, "Gate"}, {tagType, "a b"}, {tagType, strings.Repeat("g", maxTypeLen+1)},
		{tagArea, "-1"}, {tagArea, ""}, {tagState, "happy"}, {tagState, ""},
		{tagAddr, "nowhere"}, {tagAddr, ":80"}, {tagAddr, "h:0"}, {tagVersion, "\xff"},
	} {
		tags := maps.Clone(good)
		tags[tc.tag] = tc.value
		if got := decodeMember(serf.Member{Name: "n", Tags: tags}); got.Type != "" || got.Node != 0 || got.Addr != "" {
			t.Errorf("%s=%q passes for %+v", tc.tag, tc.value, got)
		}
	}
}

func FuzzDecodeMember(f *testing.F) {
	f.Add("3", "4", "gate", "0", "127.0.0.1:9", "ready", "v1")
	f.Add("65536", "g", "", "x", ":", "", "\xff")
	f.Fuzz(func(t *testing.T, node, boot, typ, area, addr, state, version string) {
		m := decodeMember(serf.Member{Name: "n", Tags: map[string]string{
			tagNode: node, tagBoot: boot, tagType: typ, tagArea: area, tagAddr: addr, tagState: state, tagVersion: version,
		}})
		if m.Type == "" {
			if m.Node != 0 || m.Boot != 0 || m.Addr != "" {
				t.Fatalf("a stranger with an identity: %+v", m)
			}
			return
		}
		cfg := config(1, 1)
		cfg.Self, cfg.Observer = m, m.Addr == ""
		if err := cfg.withDefaults().Validate(); err != nil {
			t.Fatalf("what gossip lets in, the configuration refuses: %v", err)
		}
	})
}

func FuzzParseKeyring(f *testing.F) {
	f.Add([]byte(`["BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="]`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeyring(data)
		if err == nil && len(keys) == 0 {
			t.Fatal("no key and no error")
		}
		for _, k := range keys {
			if len(k) != KeySize {
				t.Fatalf("a key of %d bytes", len(k))
			}
		}
	})
}

func TestConfigReportsEverythingWrong(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		Self:      Member{Type: "No Good", Version: "\xff", State: 9},
		Bind:      "0.0.0.0:1",
		Join:      []string{"nowhere"},
		GossipKey: []byte("short"),
		Stretch:   -1,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{"Self.Node", "Self.Boot", "Self.Type", "Self.Addr", "Self.Version", "Self.State", "Advertise", "Join", "GossipKey", "Stretch"} {
		if !strings.Contains(err.Error(), part+":") {
			t.Errorf("nothing about %s in:\n%v", part, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		bind, advertise string
		want            addresses
	}{
		{"127.0.0.1:0", "", addresses{"127.0.0.1", "127.0.0.1", 0, 0}},
		{":7946", "10.0.0.1", addresses{"0.0.0.0", "10.0.0.1", 7946, 7946}},
		{"0.0.0.0:7946", "10.0.0.1:8000", addresses{"0.0.0.0", "10.0.0.1", 7946, 8000}},
		{"[::1]:5", "::1", addresses{"::1", "::1", 5, 5}},
	} {
		got, err := resolveAddresses(t.Context(), Config{Bind: tc.bind, Advertise: tc.advertise})
		if err != nil || got != tc.want {
			t.Errorf("bind %q advertise %q: got %+v, %v; want %+v", tc.bind, tc.advertise, got, err, tc.want)
		}
	}
}
