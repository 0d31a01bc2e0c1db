package client_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

// Numbers of messages, as they stand in game/proto.
const (
	greet       = 3021
	matchFound  = 3105
	queueUpdate = 12103 // droppable
)

// TestOrder holds what the client makes of numbers: which frames it takes, and what it holds against the gate.
func TestOrder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		numbers []uint32 // of pushes that come
		taken   []uint32
		says    string // "": all is well
	}{
		"in order":           {[]uint32{1, 2, 3}, []uint32{1, 2, 3}, ""},
		"twice":              {[]uint32{1, 2, 2, 3}, []uint32{1, 2, 3}, "frame 2 came when 3 was to come"},
		"an old one":         {[]uint32{1, 2, 3, 1, 4}, []uint32{1, 2, 3, 4}, "frame 1 came when 4 was to come"},
		"a gap":              {[]uint32{1, 3, 4}, []uint32{1, 3, 4}, "frame 3 came when 2 was to come"},
		"changed places":     {[]uint32{1, 3, 2, 4}, []uint32{1, 3, 4}, "frame 3 came when 2 was to come"},
		"not from 1":         {[]uint32{2}, []uint32{2}, "frame 2 came when 1 was to come"},
		"without number":     {[]uint32{1, 0, 2}, []uint32{1, 0, 2}, "push game.MatchFound has sequence number 0"},
		"far ahead":          {[]uint32{1, 1 << 31}, []uint32{1, 1 << 31}, "frame 2147483648 came when 2"},
		"the first mistake":  {[]uint32{5, 1}, []uint32{5}, "frame 5 came when 1 was to come"},
		"two streams in one": {[]uint32{1, 2, 1, 2}, []uint32{1, 2}, "frame 1 came when 3 was to come"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, tb *table) {
				for _, n := range test.numbers {
					tb.gate.Write(wire.Header{Kind: wire.Push, Stream: fakegate.World, Message: matchFound, Sequence: n}, &pb.MatchFound{Match: int64(n)})
				}
				tb.settle()
				for _, n := range test.taken {
					if m := tb.pushed().(*pb.MatchFound); m.GetMatch() != int64(n) {
						t.Errorf("got frame %d, want %d", m.GetMatch(), n)
					}
				}
				if len(tb.pushes) > 0 {
					t.Errorf("%d pushes are too many", len(tb.pushes))
				}
				if err := tb.Disorder(); (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Errorf("disorder is %v, want %q", err, test.says)
				}
			})
		})
	}
}

func TestRepliesAndPushesAreOneOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		tb.gate.Push(fakegate.World, &pb.MatchFound{})
		tb.gate.Push(fakegate.Queue, &pb.Admitted{})
		wait := tb.start(&pb.Greet{})
		f := tb.asked()
		tb.gate.Push(fakegate.World, &pb.MatchAborted{})
		tb.gate.Reply(f, &pb.GreetReply{})
		tb.gate.Push(fakegate.World, &pb.MatchEnded{})
		tb.gate.Push(fakegate.Queue, &pb.QueueUpdate{}) // droppable: has no number
		tb.gate.Push(0, &pb.QueueUpdate{})              // a broadcast
		_, err := wait(background(t))
		tb.must(err)
		for _, want := range []proto.Message{
			&pb.MatchFound{}, &pb.Admitted{}, &pb.MatchAborted{}, &pb.MatchEnded{}, &pb.QueueUpdate{}, &pb.QueueUpdate{},
		} {
			if m := tb.pushed(); m.ProtoReflect().Descriptor() != want.ProtoReflect().Descriptor() {
				t.Errorf("got %T, want %T", m, want)
			}
		}
		if tb.Disorder() != nil {
			t.Error(tb.Disorder())
		}
		tb.gate.Write(wire.Header{Kind: wire.Push, Stream: fakegate.Queue, Message: queueUpdate, Sequence: 2}, nil)
		tb.settle()
		if err := tb.Disorder(); err == nil || !strings.Contains(err.Error(), "QueueUpdate has sequence number 2") {
			t.Errorf("a droppable push with a number: %v", err)
		}
	})
}

func TestAReplyWithoutNumber(t *testing.T) {
	t.Parallel()
	tb := sit(t, false, 0, client.Options{})
	wait := tb.start(&pb.Greet{})
	tb.gate.Write(wire.Header{Kind: wire.Reply, Stream: fakegate.World, Message: greet + 1, Call: tb.asked().Call}, nil)
	_, err := wait(background(t))
	tb.must(err)
	if err := tb.Disorder(); err == nil || !strings.Contains(err.Error(), "reply game.GreetReply has sequence number 0") {
		t.Errorf("disorder is %v", err)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		tb.gate.Push(fakegate.World, &pb.MatchFound{})
		tb.pushed()
		lost, kept := tb.start(&pb.Greet{}), tb.start(&pb.EnterQueue{})
		refused, queued := tb.asked(), tb.asked()
		tb.gate.Reset(fakegate.World)
		tb.gate.Refuse(refused, fault.New(fault.RateLimited, "too many")) // by the gate, which had it before
		_, err := lost(background(t))
		isCode(t, err, fault.Lost)
		reset, ok := tb.pushed().(*wirepb.Reset)
		if !ok || tb.TypeOf(reset) != "world" || tb.TypeOf(&wirepb.Reset{Stream: 99}) != "" {
			t.Errorf("the push is %v", reset)
		}
		again := tb.start(&pb.Greet{})
		f := tb.next()
		ack, ok := f.Message.(*wirepb.Ack)
		if !ok || len(ack.GetReceived()) != 1 || ack.GetReceived()[0].GetStream() != uint32(fakegate.World) || ack.GetReceived()[0].GetSequence() != 0 {
			t.Fatalf("the first frame after a Reset is %v %v", f.Header, f.Message)
		}
		if f = tb.next(); f.Kind != wire.Request || f.Sequence != 1 {
			t.Fatalf("then comes %v, and should be numbered from 1", f.Header)
		}
		tb.gate.Reply(f, &pb.GreetReply{}) // from 1 too
		_, err = again(background(t))
		tb.must(err)
		tb.gate.Reply(queued, &pb.QueueStatus{})
		_, err = kept(background(t))
		tb.must(err)
		if tb.Disorder() != nil {
			t.Error(tb.Disorder())
		}
	})
}

// TestAcks has the client tell what has come after 64 reliable frames of all streams together, and never more than that.
func TestAcks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		for round := range uint32(3) {
			for i := range client.AckEvery {
				stream, m := fakegate.World, proto.Message(&pb.MatchFound{})
				if i%4 == 3 {
					stream, m = fakegate.Queue, &pb.Admitted{}
				}
				tb.gate.Push(stream, m)
				tb.gate.Push(fakegate.Queue, &pb.QueueUpdate{}) // these do not count
			}
			f := tb.next()
			ack, ok := f.Message.(*wirepb.Ack)
			if !ok {
				t.Fatalf("got %v, want an Ack", f.Header)
			}
			slices.SortFunc(ack.Received, func(a, b *wirepb.Mark) int { return int(a.GetStream()) - int(b.GetStream()) })
			const ofQueue = client.AckEvery / 4
			want := &wirepb.Ack{Received: []*wirepb.Mark{
				{Stream: uint32(fakegate.World), Sequence: (round + 1) * (client.AckEvery - ofQueue)},
				{Stream: uint32(fakegate.Queue), Sequence: (round + 1) * ofQueue},
			}}
			if !proto.Equal(ack, want) {
				t.Errorf("round %d: acknowledged %v, want %v", round, ack, want)
			}
		}
	})
}

// TestWhatIsNewerThanTheClient is ignored: messages and fields that it does not know.
func TestWhatIsNewerThanTheClient(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		body := []byte{0x08, 5, 0xa2, 0x1f, 1, 'x'} // match 5, and a field 500
		if tb.gate.JSON {
			body = []byte(`{"match":"5","shape":{"sides":[1,2]}}`)
		}
		tb.gate.Raw(wire.Append(nil, wire.Header{Kind: wire.Push, Stream: fakegate.World, Message: 40_000, Sequence: 1}, []byte{0xff}))
		tb.gate.Raw(wire.Append(nil, wire.Header{Kind: wire.Push, Stream: 0, Message: 40_000}, nil))
		tb.gate.Raw(wire.Append(nil, wire.Header{Kind: wire.Push, Stream: fakegate.World, Message: matchFound, Sequence: 2}, body))
		if m := tb.pushed().(*pb.MatchFound); m.GetMatch() != 5 {
			t.Errorf("got %v", m)
		}
		tb.settle()
		if tb.Disorder() != nil || len(tb.pushes) > 0 {
			t.Errorf("%v, and %d pushes more", tb.Disorder(), len(tb.pushes))
		}
	})
	newer := sit(t, true, 0, client.Options{}, func(w *wirepb.Welcome) {
		w.Streams = append(w.Streams, &wirepb.Stream{Number: 255, Type: "of a newer server"})
		w.ProtoReflect().SetUnknown([]byte{0xa2, 0x1f, 1, 'x'})
	})
	newer.gate.Push(255, &pb.MatchFound{})
	newer.pushed()
	newer.settle()
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	for name, ws := range map[string]bool{"tcp": false, "ws": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tb := sit(t, ws, 0, client.Options{})
			for _, size := range []int{client.MaxBody, 100, 200 << 10} {
				m := &pb.MatchAborted{Reason: strings.Repeat("x", size)}
				m.Reason = m.Reason[:size-(proto.Size(m)-size)] // so that the body has the size
				tb.gate.Push(fakegate.World, m)
				if got := tb.pushed(); !proto.Equal(got, m) {
					t.Errorf("a body of %d bytes came as one of %d", proto.Size(m), proto.Size(got))
				}
			}
			tb.gate.Push(fakegate.World, &pb.MatchAborted{Reason: strings.Repeat("x", client.MaxBody)})
			if err := tb.ended(); !strings.Contains(err.Error(), "too_large") && !strings.Contains(err.Error(), "limit") {
				t.Errorf("ended by %v", err)
			}
		})
	}
}

// TestViolations end the session, and say what was wrong.
func TestViolations(t *testing.T) {
	t.Parallel()
	frame := func(h wire.Header, body ...byte) []byte { return wire.Append(nil, h, body) }
	for name, test := range map[string]struct {
		bytes []byte
		says  string
	}{
		"a second welcome":     {frame(wire.Header{Kind: wire.Welcome}), "it sends a welcome frame"},
		"a ping":               {frame(wire.Header{Kind: wire.Ping}), "it sends a ping frame"},
		"a request":            {frame(wire.Header{Kind: wire.Request, Stream: 1, Message: greet, Call: 1}), "it sends a request frame"},
		"a push with a call":   {frame(wire.Header{Kind: wire.Push, Stream: 1, Message: matchFound, Call: 1}), "a push with call 1"},
		"an answer to no call": {frame(wire.Header{Kind: wire.Reply, Stream: 1, Message: greet + 1}), "answers no call"},
		"an error of no call":  {frame(wire.Header{Kind: wire.Error, Stream: 1}), "answers no call"},
		"an unknown stream":    {frame(wire.Header{Kind: wire.Push, Stream: 77, Message: matchFound, Sequence: 1}), "stream 77"},
		"a numbered broadcast": {frame(wire.Header{Kind: wire.Push, Message: matchFound, Sequence: 1}), "stream 0"},
		"a client's message":   {frame(wire.Header{Kind: wire.Push, Stream: 1, Message: greet, Sequence: 1}), "game.Greet, which only clients do"},
		"a kick on a stream":   {frame(wire.Header{Kind: wire.Kick, Stream: 1}), "a kick frame on stream 1"},
		"a numbered pong":      {frame(wire.Header{Kind: wire.Pong, Sequence: 1}), "a pong frame"},
		"a reset of no stream": {frame(wire.Header{Kind: wire.Reset}), "resets stream 0"},
		"a reset of 300":       {frame(wire.Header{Kind: wire.Reset}, 0x08, 0xac, 0x02), "resets stream 300"},
		"a reset of junk":      {frame(wire.Header{Kind: wire.Reset}, 0xff), "cannot be read as a Reset"},
		"a kick of junk":       {frame(wire.Header{Kind: wire.Kick}, 0xff), "cannot be read as a Error"},
		"an error of junk":     {frame(wire.Header{Kind: wire.Error, Stream: 1, Call: 1}, 0xff), "cannot be read as a Error"},
		"a push of junk":       {frame(wire.Header{Kind: wire.Push, Stream: 1, Message: matchFound, Sequence: 1}, 0xff), "cannot be read as a MatchFound"},
		"answered elsewhere":   {frame(wire.Header{Kind: wire.Error, Stream: 2, Call: 1}), "answered on stream 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, ws := range []bool{false, true} {
				tb := sit(t, ws, 0, client.Options{})
				tb.start(&pb.Greet{}) // call 1, to stream 1
				tb.asked()
				tb.gate.Raw(test.bytes)
				err := tb.ended()
				isCode(t, err, fault.Invalid)
				if !strings.Contains(err.Error(), "the gate breaks the protocol") || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%v does not say %q", err, test.says)
				}
			}
		})
	}
}

func TestJSONThatIsTooDeep(t *testing.T) {
	t.Parallel()
	tb := sit(t, true, 0, client.Options{JSON: true})
	body := `{"unknown":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}"
	tb.gate.Raw(wire.Append(nil, wire.Header{Kind: wire.Push, Stream: 1, Message: matchFound, Sequence: 1}, []byte(body)))
	isCode(t, tb.ended(), fault.Invalid)
}

func TestTwoFramesInOneWebSocketMessage(t *testing.T) {
	t.Parallel()
	tb := sit(t, true, 0, client.Options{})
	two := wire.Append(nil, wire.Header{Kind: wire.Pong}, nil)
	tb.gate.Raw(append(two, two...))
	isCode(t, tb.ended(), fault.Invalid)
}
