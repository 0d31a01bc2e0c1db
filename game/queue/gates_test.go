package queue

import (
	"strings"
	"testing"

	"loumiao/framework/frameworktest"
	"loumiao/framework/id"
	"loumiao/game/api"
	"loumiao/game/pb"
)

func TestGatesHold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		gates   []api.GateLoad
		waiting int
		want    string // how it begins
	}{
		"no gates":                       {nil, 0, "no gate"},
		"another area's":                 {[]api.GateLoad{{Area: area + 1, Capacity: 10}}, 0, "no gate"},
		"room":                           {[]api.GateLoad{{Capacity: 100, Sessions: 94}}, 0, ""},
		"the last twentieth":             {[]api.GateLoad{{Area: area, Capacity: 100, Sessions: 95}}, 0, "the gates are full"},
		"full of those who wait":         {[]api.GateLoad{{Capacity: 100, Sessions: 100}}, 6, ""},
		"full, and few who wait":         {[]api.GateLoad{{Capacity: 100, Sessions: 100}}, 5, "the gates are full"},
		"one of two is full":             {[]api.GateLoad{{Capacity: 100, Sessions: 100}, {Capacity: 100}}, 0, ""},
		"small ones":                     {[]api.GateLoad{{Capacity: 2, Sessions: 2}}, 1, ""},
		"full, and room in another area": {[]api.GateLoad{{Capacity: 2, Sessions: 2}, {Area: area + 1, Capacity: 9}}, 0, "the gates are full"},
	} {
		ready := map[id.Node]api.GateLoad{}
		for i, load := range tc.gates {
			ready[id.Node(1+i)] = load
		}
		if got := gatesHold(ready, area, tc.waiting); !strings.HasPrefix(got, tc.want) || got != "" && tc.want == "" {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestGates has the gates be full, and then gone: nobody is let in meanwhile, which the figures explain, and afterwards those who waited are.
func TestGates(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.queue(quick(0)).Ready()
	gate := h.open()
	h.connect(1).comeIn()
	why := func(begins string) {
		t.Helper()
		frameworktest.Eventually(t, "the figures say: "+begins, func() bool {
			got := h.read(0).GetHeld()
			return strings.HasPrefix(got, begins) && (got == "") == (begins == "")
		})
	}
	h.gate.load.Store(&api.GateLoad{Capacity: 100, Sessions: 97})
	why("the gates are full")
	second, third := h.connect(2), h.connect(3)
	if s := second.enter(); s.GetPosition() != 1 {
		t.Fatalf("while the gates are full: %v", s)
	}
	if s := third.enter(); s.GetPosition() != 2 {
		t.Fatalf("while the gates are full: %v", s)
	}
	frameworktest.Eventually(t, "those who wait are told", func() bool { return third.hold() == pb.QueueHold_QUEUE_HOLD_GATES })
	h.gate.load.Store(&api.GateLoad{Capacity: 100, Sessions: 90})
	for _, c := range []*caller{second, third} {
		frameworktest.Eventually(t, "those who waited are in", func() bool { return len(c.passes()) == 1 })
	}
	why("")
	gate.Kill()
	why("no gate is ready")
	h.gate = &door{}
	h.open()
	why("")
}
