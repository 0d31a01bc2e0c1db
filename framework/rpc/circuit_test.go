package rpc

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/link"
)

func TestCircuitFrames(t *testing.T) {
	t.Parallel()
	who := link.Peer{Node: 5, Boot: 6, Type: "world,zone"}
	for name, tt := range map[string]struct {
		bytes []byte
		want  circuitFrame
	}{
		"open":   {appendParty(nil, opOpen, 9, who), circuitFrame{op: opOpen, id: 9, party: link.Peer{Node: 5, Boot: 6}}},
		"accept": {appendParty(nil, opAccept, 9, who), circuitFrame{op: opAccept, id: 9, party: who}},
		"opened": {appendCircuit(nil, opOpened, 9), circuitFrame{op: opOpened, id: 9}},
		"closed": {appendClosed(nil, 9, fault.New(fault.Lost, "gone")), circuitFrame{op: opClosed, id: 9, code: fault.Lost, body: []byte("gone")}},
		"retire": {appendCircuit(nil, opRetire, 9), circuitFrame{op: opRetire, id: 9}},
		"data":   {append(appendCircuit(nil, opData, 9), "frame"...), circuitFrame{op: opData, id: 9, body: []byte("frame")}},
	} {
		got, err := parseCircuit(tt.bytes)
		if err != nil || !isCircuit(tt.bytes) || got.op != tt.want.op || got.id != tt.want.id || got.party != tt.want.party || got.code != tt.want.code || !bytes.Equal(got.body, tt.want.body) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, tt.want)
		}
	}
}

func TestMalformedCircuitFrames(t *testing.T) {
	t.Parallel()
	who := link.Peer{Node: 5, Boot: 6}
	for name, b := range map[string][]byte{
		"short":               appendCircuit(nil, opData, 9)[:circuitHead-1],
		"circuit 0":           appendCircuit(nil, opData, 0),
		"unknown op":          appendCircuit(nil, 99, 9),
		"reserved":            append([]byte{byte(kindCircuit), byte(opData), 0, 1}, 0, 0, 0, 9),
		"short open":          appendParty(nil, opOpen, 9, who)[:partySize-1],
		"long open":           append(appendParty(nil, opOpen, 9, who), 0),
		"open to node 0":      appendParty(nil, opOpen, 9, link.Peer{Boot: 6}),
		"accept of boot 0":    appendParty(nil, opAccept, 9, link.Peer{Node: 5}),
		"closed without code": appendCircuit(nil, opClosed, 9),
		"closed with code ok": append(appendCircuit(nil, opClosed, 9), 0, 0),
		"long opened":         append(appendCircuit(nil, opOpened, 9), 0),
	} {
		if f, err := parseCircuit(b); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// A caller that sends nonsense through a relay loses its circuit; the link that others share with it goes on.
func TestNonsenseEndsOnlyItsCircuit(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	honest, callee, relay := newNode(t, view, 1, "caller", calm, usesRelays), newNode(t, view, 2, "echo", calm), newNode(t, view, firstRelay, "relay", calm, isRelay)
	view.Set(callee.member, relay.member)
	begun, release := make(chan context.Context, 1), make(chan struct{})
	HandleFunc(callee, echo, waitsFor(begun, release))
	errs := make(chan error, 1)
	go func() { _, err := echo.Call(t.Context(), honest.rpc, wrapperspb.String("x"), Any); errs <- err }()
	<-begun

	cfg := honest.rpc.cfg.Links
	cfg.Self.Node = 7
	got := make(frames, 10)
	c, err := link.Dial(t.Context(), relay.member.Addr, cfg, link.RPC, link.Peer{}, got)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Write(func(b []byte) []byte { return appendParty(b, opOpen, 1, link.Peer{Node: 2, Boot: callee.member.Boot}) })
	if f := <-got; f.op != opOpened {
		t.Fatalf("got %+v, want opened", f)
	}
	_ = c.Write(func(b []byte) []byte { return append(appendCircuit(b, opData, 1), "nonsense"...) })
	if f := <-got; f.op != opClosed || f.id != 1 || f.code != fault.Invalid {
		t.Errorf("got %+v, want closed for being invalid", f)
	}
	// What nobody may say ends the link that it came over.
	_ = c.Write(func(b []byte) []byte { return appendCircuit(b, opRetire, 1) })
	<-c.Done()
	close(release)
	if err := <-errs; err != nil {
		t.Errorf("the honest caller: %v", err)
	}
	settled(t, honest, callee, relay)
}

// frames is a link.Handler that passes on what comes of circuits.
type frames chan circuitFrame

func (f frames) Frame(_ *link.Conn, b []byte) {
	if got, err := parseCircuit(bytes.Clone(b)); err == nil {
		f <- got
	}
}
func (frames) Flush(*link.Conn)         {}
func (frames) Closed(*link.Conn, error) {}

func FuzzCircuit(f *testing.F) {
	f.Add(appendParty(nil, opAccept, 9, link.Peer{Node: 5, Boot: 6, Type: "world"}))
	f.Add(appendClosed(nil, 9, fault.New(fault.Lost, "gone")))
	f.Add(append(appendCircuit(nil, opData, 9), "frame"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !isCircuit(b) {
			return
		}
		got, err := parseCircuit(b)
		if err != nil {
			return
		}
		var again []byte
		switch got.op {
		case opOpen, opAccept:
			again = appendParty(nil, got.op, got.id, got.party)
		case opClosed:
			again = append(appendCircuit(nil, opClosed, got.id), byte(got.code>>8), byte(got.code))
			again = append(again, got.body...)
		default:
			again = append(appendCircuit(nil, got.op, got.id), got.body...)
		}
		if !bytes.Equal(again, b) {
			t.Errorf("%x is read as %+v, which is %x", b, got, again)
		}
	})
}
