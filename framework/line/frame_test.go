package line

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

var (
	sampleInfo = SessionInfo{ID: 7, Stream: 2, Type: "world", Player: math.MinInt64, Account: math.MaxInt64, Area: 65535, Grace: time.Minute, Turn: math.MaxUint64, Resets: math.MaxUint32,
		Address: netip.MustParseAddr("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), Way: "password"}
	sampleSend = wire.Header{Size: 3, Kind: wire.Send, Stream: 2, Message: 103, Sequence: 9}
	sampleCall = wire.Header{Size: 3, Kind: wire.Request, Stream: 255, Message: 65535, Call: math.MaxUint32, Sequence: math.MaxUint32}
	samplePush = wire.Header{Size: 3, Kind: wire.Push, Stream: 1, Message: 107}
)

// A frame is what the parsers make of one, in a form that can be compared.
type parsed struct {
	op       op
	info     SessionInfo
	detach   detach
	ack      ack
	packet   packet
	sessions []id.Session
	bind     bind
	kick     kick
	find     find
	resume   resume
	session  id.Session
	found    Found
	trace    trace.Ref
	own      own
	place    place
	move     move
}

func parse(b []byte) (parsed, error) {
	if len(b) == 0 {
		return parsed{}, errFrame
	}
	p := parsed{op: op(b[0])}
	var err error
	b = b[1:]
	switch p.op {
	case opAttach:
		p.info, err = parseAttach(b)
	case opDetach:
		p.detach, err = parseDetach(b)
	case opAck:
		p.ack, err = parseAck(b)
	case opForward, opDeliver:
		p.packet, err = parsePacket(b, p.op == opForward)
	case opTraced:
		p.trace, p.packet, err = parseTraced(b)
	case opMulticast:
		p.packet.head, p.sessions, p.packet.body, err = parseMulticast(b, nil)
	case opBroadcast:
		p.packet.head, p.packet.body, err = parseBroadcast(b)
	case opBind:
		p.bind, err = parseBind(b)
	case opUnbind:
		p.bind, err = parseUnbind(b)
	case opKick:
		p.kick, err = parseKick(b)
	case opFind:
		p.find, err = parseFind(b)
	case opResume:
		p.resume, err = parseResume(b)
	case opFound:
		p.session, p.found, err = parseFound(b)
	case opOwn:
		p.own, err = parseOwn(b)
	case opHold, opHeld:
		p.place, err = parsePlace(b)
	case opMove:
		p.move, err = parseMove(b)
	default:
		err = errFrame
	}
	return p, err
}

// build is the inverse of parse.
func build(p parsed) []byte {
	switch p.op {
	case opAttach:
		return appendAttach(nil, p.info)
	case opDetach:
		return appendDetach(nil, p.detach.session, p.detach.stream, p.detach.code)
	case opAck:
		return appendAck(nil, p.ack.session, p.ack.stream, p.ack.sequence)
	case opForward, opDeliver:
		return appendPacket(nil, p.op, p.packet.session, p.packet.head, p.packet.body)
	case opTraced:
		return appendTraced(nil, p.trace, p.packet.session, p.packet.head, p.packet.body)
	case opMulticast:
		return appendMulticast(nil, p.packet.head, p.sessions, p.packet.body)
	case opBroadcast:
		return appendBroadcast(nil, p.packet.head, p.packet.body)
	case opBind:
		return appendBind(nil, p.bind.session, p.bind.typ, p.bind.node)
	case opUnbind:
		return appendUnbind(nil, p.bind.session, p.bind.typ)
	case opKick:
		return appendKick(nil, p.kick.session, p.kick.code, p.kick.reason)
	case opFind:
		return appendFind(nil, p.find)
	case opResume:
		return appendResume(nil, p.resume)
	case opFound:
		return appendFound(nil, p.session, p.found)
	case opOwn:
		return appendOwn(nil, p.own)
	case opHold, opHeld:
		return appendPlace(nil, p.op, p.place)
	case opMove:
		return appendMove(nil, p.move)
	}
	return nil
}

func sampleFrames() map[string]parsed {
	reply := wire.Header{Size: 3, Kind: wire.Reply, Stream: 1, Message: 104, Call: 5, Sequence: 1}
	failed := wire.Header{Size: 0, Kind: wire.Error, Stream: 1, Call: 5, Sequence: 2}
	all := samplePush
	all.Stream = 0
	body := []byte("abc")
	return map[string]parsed{
		"attach":         {op: opAttach, info: sampleInfo},
		"detach":         {op: opDetach, detach: detach{7, 2, fault.Lost}},
		"ack":            {op: opAck, ack: ack{7, 2, math.MaxUint32}},
		"forward send":   {op: opForward, packet: packet{7, sampleSend, body}},
		"forward call":   {op: opForward, packet: packet{math.MaxUint64, sampleCall, body}},
		"traced send":    {op: opTraced, trace: trace.Ref{Trace: [16]byte{1}, Span: [8]byte{7: 2}}, packet: packet{7, sampleSend, body}},
		"of no trace":    {op: opTraced, packet: packet{7, sampleCall, body}},
		"deliver push":   {op: opDeliver, packet: packet{7, samplePush, body}},
		"deliver reply":  {op: opDeliver, packet: packet{7, reply, body}},
		"deliver error":  {op: opDeliver, packet: packet{7, failed, []byte{}}},
		"multicast":      {op: opMulticast, sessions: []id.Session{1, 2, math.MaxUint64}, packet: packet{head: samplePush, body: body}},
		"multicast none": {op: opMulticast, packet: packet{head: samplePush, body: body}},
		"broadcast":      {op: opBroadcast, packet: packet{head: all, body: body}},
		"bind":           {op: opBind, bind: bind{7, 65535, strings.Repeat("z", maxType)}},
		"unbind":         {op: opUnbind, bind: bind{7, 0, "zone"}},
		"find":           {op: opFind, find: find{7, 2, math.MaxUint64, math.MinInt64, 3, math.MaxUint32}},
		"resume":         {op: opResume, resume: resume{7, 2, math.MaxUint64, math.MaxUint32, false, "world"}},
		"go on":          {op: opResume, resume: resume{7, 2, math.MaxUint64, math.MaxUint32, true, "world"}},
		"own":            {op: opOwn, own: own{7, 2, math.MaxUint64, ""}},
		"own a name":     {op: opOwn, own: own{7, 2, 1, "queue"}},
		"hold":           {op: opHold, place: place{7, 2}},
		"held":           {op: opHeld, place: place{math.MaxUint64, 255}},
		"move":           {op: opMove, move: move{place{7, 2}, 65535, math.MaxUint32}},
		"found":          {op: opFound, session: 7, found: Found{2, true, math.MaxUint32, math.MaxUint64, time.UnixMilli(1)}},
		"not found":      {op: opFound, session: 7, found: Found{2, false, 0, 0, time.UnixMilli(0)}},
		"kick":           {op: opKick, kick: kick{7, fault.Replaced, "elsewhere"}},
	}
}

func TestFramesSurviveTheLine(t *testing.T) {
	t.Parallel()
	for name, want := range sampleFrames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(build(want))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestFramesAreRefusedWhenCutOrPadded(t *testing.T) {
	t.Parallel()
	for name, want := range sampleFrames() {
		whole := build(want)
		rest := len(want.packet.body) + len(want.kick.reason) // may have any length
		for n := range len(whole) - rest {
			if _, err := parse(whole[:n]); err == nil {
				t.Errorf("%s: its first %d of %d bytes were taken for a whole one", name, n, len(whole))
			}
		}
		switch want.op {
		case opForward, opTraced, opDeliver, opMulticast, opBroadcast, opKick:
			continue // end in bytes of any number
		}
		if _, err := parse(append(whole, 0)); err == nil {
			t.Errorf("%s: a byte too many was accepted", name)
		}
	}
}

func TestFramesThatNobodySends(t *testing.T) {
	t.Parallel()
	with := func(h wire.Header, change func(*wire.Header)) wire.Header { change(&h); return h }
	info := func(change func(*SessionInfo)) []byte {
		i := sampleInfo
		change(&i)
		return appendAttach(nil, i)
	}
	forward := func(h wire.Header) []byte { return appendPacket(nil, opForward, 7, h, nil) }
	deliver := func(h wire.Header) []byte { return appendPacket(nil, opDeliver, 7, h, nil) }
	multicast := func(h wire.Header) []byte { return appendMulticast(nil, h, []id.Session{1}, nil) }
	tests := map[string][]byte{
		"unknown op":            {99, 1, 2, 3},
		"attach of nobody":      info(func(i *SessionInfo) { i.ID = 0 }),
		"attach to the gate":    info(func(i *SessionInfo) { i.Stream = 0 }),
		"attach to no type":     info(func(i *SessionInfo) { i.Type = "" }),
		"attach to a long type": info(func(i *SessionInfo) { i.Type = strings.Repeat("x", maxType+1) }),
		"attach a long way in":  info(func(i *SessionInfo) { i.Way = strings.Repeat("x", maxWay+1) }),
		"find of the gate":      appendFind(nil, find{session: 7}),
		"resume of no type":     appendResume(nil, resume{session: 7, stream: 2}),
		"half live": func() []byte {
			b := appendResume(nil, resume{session: 7, stream: 2, typ: "world"})
			b[22] = 2
			return b
		}(),
		"own of no epoch":         appendOwn(nil, own{7, 2, 0, ""}),
		"own of the gate":         appendOwn(nil, own{7, 0, 1, ""}),
		"hold of the gate":        appendPlace(nil, opHold, place{7, 0}),
		"move to no node":         appendMove(nil, move{place{7, 2}, 0, 1}),
		"move of the gate":        appendMove(nil, move{place{7, 0}, 1, 1}),
		"half found":              func() []byte { b := appendFound(nil, 7, Found{Stream: 2}); b[10] = 2; return b }(),
		"forward of a push":       forward(samplePush),
		"traced push":             appendTraced(nil, trace.Ref{}, 7, samplePush, nil),
		"forward of a hello":      forward(wire.Header{Kind: wire.Hello, Stream: 1}),
		"forward to the gate":     forward(with(sampleSend, func(h *wire.Header) { h.Stream = 0 })),
		"forward without message": forward(with(sampleSend, func(h *wire.Header) { h.Message = 0 })),
		"deliver of a send":       deliver(sampleSend),
		"deliver of a kick":       deliver(wire.Header{Kind: wire.Kick, Stream: 1}),
		"deliver of kind 200":     deliver(wire.Header{Kind: 200, Stream: 1}),
		"error with a message":    deliver(wire.Header{Kind: wire.Error, Stream: 1, Message: 5}),
		"multicast of a reply":    multicast(wire.Header{Kind: wire.Reply, Stream: 1, Message: 5}),
		"numbered multicast":      multicast(with(samplePush, func(h *wire.Header) { h.Sequence = 1 })),
		"multicast of the gate":   multicast(with(samplePush, func(h *wire.Header) { h.Stream = 0 })),
		"broadcast of a stream":   appendBroadcast(nil, samplePush, nil),
		"bind to no node":         appendBind(nil, 7, "zone", 0),
		"bind of no type":         appendBind(nil, 7, "", 1),
		"unbind of no type":       appendUnbind(nil, 7, ""),
		"kick with a long reason": append(appendKick(nil, 7, 1, ""), make([]byte, maxReason+1)...),
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p, err := parse(b); err == nil {
				t.Fatalf("accepted as %+v", p)
			}
		})
	}
}

// A frame that claims more sessions than it has bytes for must not take memory for them. Not parallel: it counts allocations.
func TestMulticastClaimIsNotBelieved(t *testing.T) {
	b := appendMulticast(nil, samplePush, nil, make([]byte, 64))
	binary.BigEndian.PutUint16(b[1+headSize:], 65535)
	if allocs := testing.AllocsPerRun(10, func() {
		if _, _, _, err := parseMulticast(b[1:], nil); err == nil {
			t.Error("accepted")
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestKickReasonIsCut(t *testing.T) {
	t.Parallel()
	p, err := parse(appendKick(nil, 7, fault.Slow, strings.Repeat("x", 2*maxReason)))
	if err != nil || len(p.kick.reason) != maxReason {
		t.Fatalf("reason of %d bytes, error %v", len(p.kick.reason), err)
	}
}

// Whatever is accepted says exactly what its bytes say: built again, it is the same frame.
func FuzzFrame(f *testing.F) {
	for _, p := range sampleFrames() {
		f.Add(build(p))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := slices.Clone(b)
		p, err := parse(b)
		if !bytes.Equal(b, before) {
			t.Fatal("the frame was changed")
		}
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("error %v is not invalid", err)
			}
			return
		}
		if p.op == opTraced && p.trace.IsZero() { // half a trace is none
			p.op, b = opForward, append([]byte{byte(opForward)}, b[1+trace.RefSize:]...)
		}
		if again := build(p); !bytes.Equal(again, b) {
			t.Fatalf("built again:\n%x\nfrom\n%x", again, b)
		}
	})
}
