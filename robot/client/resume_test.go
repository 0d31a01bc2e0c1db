package client_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

// TestComingBack cuts a session with calls on their way: one that the backend has taken, one that it has not, and one that is made while there is no
// connection. Each is taken once, in order, and answered; so are pushes.
func TestComingBack(t *testing.T) {
	t.Parallel()
	for name, json := range map[string]bool{"protobuf": false, "json": true} {
		t.Run(name, func(t *testing.T) {
			travel(t, func(t *testing.T, j *journey) {
				taken, lost := j.start(&pb.Greet{Greeting: "taken"}), j.start(&pb.Greet{Greeting: "lost"})
				first := j.sends(wire.Request, 1)
				second := j.sends(wire.Request, 2)
				j.gate.Push(fakegate.World, &pb.MatchFound{Match: 1})
				j.pushed()
				j.cut()
				j.gate.Push(fakegate.World, &pb.MatchFound{Match: 2}) // which the backend keeps
				away := j.start(&pb.Greet{Greeting: "away"})
				if j.Err() != nil || len(j.asked()) != 0 {
					t.Fatalf("at once: %v, asked %v", j.Err(), j.asked())
				}
				j.goesOn(map[uint8]uint32{fakegate.World: 1})
				h := j.gate.Hello
				if h.GetToken() != "token-1" || h.GetClient() != "1.2.3" || string(h.GetResume()) != "\x01\x02\x03\x04" || j.gate.JSON != json {
					t.Errorf("it comes back with %v", h)
				}
				if m := marked(j.gate); len(m) != 1 || m[fakegate.World] != [2]uint32{1, 0} {
					t.Errorf("it has received %v", m)
				}
				if len(j.asked()) != 1 || j.asked()[0].number != 1 || fault.CodeOf(j.asked()[0].why) != fault.Lost {
					t.Errorf("Reconnect was asked %v", j.asked())
				}
				if len(j.resumed()) != 1 || j.resumed()[0] <= 0 || j.resumed()[0] > time.Second {
					t.Errorf("OnResume was told %v", j.resumed())
				}
				again := j.sends(wire.Request, 2)
				if again.Call != second.Call || !proto.Equal(again.Message, second.Message) {
					t.Errorf("sent again is %v, and it was %v", again.Header, second.Header)
				}
				third := j.sends(wire.Request, 3)
				fresh := j.start(&pb.Greet{Greeting: "fresh"})
				fourth := j.sends(wire.Request, 4)
				for i, f := range []fakegate.Frame{first, again, third, fourth} {
					j.gate.Reply(f, &pb.GreetReply{Count: int64(i)})
				}
				for i, wait := range []func(context.Context) (proto.Message, error){taken, lost, away, fresh} {
					reply, err := wait(t.Context())
					if err != nil || reply.(*pb.GreetReply).GetCount() != int64(i) {
						t.Errorf("call %d: %v, %v", i, reply, err)
					}
				}
				if m := j.pushed().(*pb.MatchFound); m.GetMatch() != 2 || len(j.pushes) > 0 {
					t.Errorf("the push is %v, and %d more", m, len(j.pushes))
				}
				if j.Disorder() != nil || j.Err() != nil || j.Session() != 7 {
					t.Errorf("%v, %v, session %d", j.Disorder(), j.Err(), j.Session())
				}
			}, func(o *client.Options, _ *wirepb.Welcome) { o.JSON = json })
		})
	}
}

// TestOrderAcrossConnections holds gates to what they sent over others: what is repeated or left out is seen.
func TestOrderAcrossConnections(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		next uint32
		says string
	}{
		"goes on": {3, ""}, "repeats": {2, "frame 2 came when 3 was to come"}, "leaves out": {4, "frame 4 came when 3 was to come"},
	} {
		t.Run(name, func(t *testing.T) {
			travel(t, func(t *testing.T, j *journey) {
				j.gate.Push(fakegate.World, &pb.MatchFound{})
				j.gate.Push(fakegate.World, &pb.MatchFound{})
				j.cut()
				j.goesOn(map[uint8]uint32{fakegate.World: 0})
				j.gate.Write(wire.Header{Kind: wire.Push, Stream: fakegate.World, Message: matchFound, Sequence: test.next}, nil)
				synctest.Wait()
				if err := j.Disorder(); (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Errorf("disorder is %v, want %q", err, test.says)
				}
			})
		})
	}
}

// TestWhatWaitsForAConnection is bounded, and goes out in order, not faster than gates let through, before anything new.
func TestWhatWaitsForAConnection(t *testing.T) {
	t.Parallel()
	travel(t, func(t *testing.T, j *journey) {
		j.cut()
		for i := range client.MaxWaiting {
			j.must(j.Send(&pb.RoomInput{Number: uint32(i)}))
		}
		isCode(t, j.Send(&pb.RoomInput{}), fault.Overloaded)
		j.start(&pb.Greet{Greeting: strings.Repeat("x", 10<<10)}) // another stream's
		for range 5 {
			j.start(&pb.Greet{Greeting: strings.Repeat("x", 10<<10)})
		}
		_, err := client.Start[proto.Message](j.Conn, &pb.Greet{Greeting: strings.Repeat("x", 10<<10)})
		isCode(t, err, fault.Overloaded)

		began := time.Now()
		j.goesOn(nil) // it has used no stream, so that none is marked
		if len(j.gate.Hello.GetReceived()) != 0 {
			t.Errorf("it has marked %v", j.gate.Hello.GetReceived())
		}
		var inputs []uint32
		sizes := map[time.Duration]int{} // bytes by when they came
		for range client.MaxWaiting + 6 + 1 {
			f := j.next()
			for f.Kind == wire.Ping {
				f = j.next()
			}
			sizes[time.Since(began).Truncate(100*time.Millisecond)] += wire.HeaderSize + len(f.Body)
			if f.Kind == wire.Send {
				inputs = append(inputs, f.Sequence)
				if len(inputs) == 10 {
					j.must(j.Send(&pb.RoomInput{})) // while others wait
				}
			}
		}
		if len(inputs) != client.MaxWaiting+1 || !slices.IsSorted(inputs) || inputs[0] != 1 || inputs[client.MaxWaiting] != client.MaxWaiting+1 {
			t.Errorf("they came as %v", inputs)
		}
		if len(sizes) < 3 {
			t.Errorf("they came at once: %v", sizes)
		}
		for at, size := range sizes {
			if size > 64<<10 {
				t.Errorf("%d bytes came at %s", size, at)
			}
		}
	})
}

// TestWhatAnswersSettle is not sent again: what a backend took with a later request, and what the gate refused by itself.
func TestWhatAnswersSettle(t *testing.T) {
	t.Parallel()
	travel(t, func(t *testing.T, j *journey) {
		j.must(j.Send(&pb.RoomInput{}))
		j.sends(wire.Send, 1)
		joined := j.start(&pb.JoinRoom{})
		refused := j.start(&pb.JoinRoom{})
		j.must(j.Send(&pb.RoomInput{}))
		j.gate.Reply(j.sends(wire.Request, 2), &pb.JoinRoomReply{})
		j.gate.Refuse(j.sends(wire.Request, 3), fault.New(fault.RateLimited, "slowly"))
		_, err := joined(t.Context())
		j.must(err)
		_, err = refused(t.Context())
		isCode(t, err, fault.RateLimited)
		j.start(&pb.Greet{})
		refused = j.start(&pb.Greet{})
		j.sends(wire.Send, 4)
		j.sends(wire.Request, 1)
		j.gate.Refuse(j.sends(wire.Request, 2), fault.New(fault.RateLimited, "slowly"))
		_, err = refused(t.Context())
		isCode(t, err, fault.RateLimited)
		j.cut()
		j.goesOn(map[uint8]uint32{fakegate.Zone: 0, fakegate.World: 0}) // whatever the backend says of what is settled
		got := map[string]uint32{}
		for range 2 {
			f := j.next()
			got[f.Kind.String()] = f.Sequence
		}
		if got["send"] != 4 || got["request"] != 1 {
			t.Errorf("sent again is %v", got)
		}
		j.must(j.Send(&pb.RoomInput{}))
		j.sends(wire.Send, 5)
	})
}

// TestKicks has gates end the connection for every reason there is.
func TestKicks(t *testing.T) {
	t.Parallel()
	for code := fault.Internal; code <= fault.Slow; code++ {
		again := slices.Contains([]fault.Code{
			fault.ShuttingDown, fault.Overloaded, fault.Unavailable, fault.Lost, fault.Slow, fault.Deadline, fault.Unauthenticated,
		}, code)
		t.Run(code.String(), func(t *testing.T) {
			travel(t, func(t *testing.T, j *journey) {
				wait := j.start(&pb.Greet{})
				f := j.sends(wire.Request, 1)
				j.gate.Kick(fault.New(code, "a test"))
				if !again {
					isCode(t, j.ended(), code)
					_, err := wait(t.Context())
					isCode(t, err, code)
					if len(j.asked()) != 0 {
						t.Error("Reconnect was asked")
					}
					return
				}
				j.goesOn(map[uint8]uint32{fakegate.World: 1})
				isCode(t, j.asked()[0].why, code)
				j.gate.Reply(f, &pb.GreetReply{})
				_, err := wait(t.Context())
				j.must(err)
			})
		})
	}
}

// TestNotLetBackIn has gates refuse the client that comes back.
func TestNotLetBackIn(t *testing.T) {
	t.Parallel()
	for code, stays := range map[fault.Code]bool{
		fault.StartOver: true, fault.Replaced: true, fault.Forbidden: true, fault.Version: true, fault.Invalid: true,
		fault.Overloaded: false, fault.ShuttingDown: false, fault.Unavailable: false, fault.Unauthenticated: false, fault.Internal: false,
	} {
		t.Run(code.String(), func(t *testing.T) {
			travel(t, func(t *testing.T, j *journey) {
				wait := j.start(&pb.Greet{})
				j.sends(wire.Request, 1)
				j.cut()
				j.comes().Kick(fault.New(code, "a test"))
				if stays {
					isCode(t, j.ended(), code)
					_, err := wait(t.Context())
					isCode(t, err, code)
					return
				}
				j.goesOn(map[uint8]uint32{fakegate.World: 0})
				if len(j.asked()) != 2 || j.asked()[1].number != 2 || fault.CodeOf(j.asked()[1].why) != code || j.gate.Hello.GetToken() != "token-2" {
					t.Errorf("Reconnect was asked %v, and the token is %s", j.asked(), j.gate.Hello.GetToken())
				}
				j.sends(wire.Request, 1)
			})
		})
	}
}

// TestTheGracePeriod is how long the client tries, with pauses that grow.
func TestTheGracePeriod(t *testing.T) {
	t.Parallel()
	travel(t, func(t *testing.T, j *journey) {
		j.refuse = func(attempt) error { return fault.New(fault.Unavailable, "no login") }
		wait := j.start(&pb.Greet{})
		j.sends(wire.Request, 1)
		j.cut()
		began := time.Now()
		_, err := wait(t.Context())
		isCode(t, err, fault.Lost)
		if took := time.Since(began); took != time.Minute || !strings.Contains(err.Error(), "in time") {
			t.Errorf("it gave up after %s with %v", took, err)
		}
		before := began
		for i, a := range j.asked() {
			usual := min(500*time.Millisecond<<i, 30*time.Second)
			if pause := a.at.Sub(before); a.number != i+1 || pause < usual/2 || pause > usual*3/2 {
				t.Errorf("attempt %d came after %s, and is called %d", i+1, a.at.Sub(before), a.number)
			}
			before = a.at
		}
		if n := len(j.asked()); n < 6 || n > 8 {
			t.Errorf("it was tried %d times", n)
		}
	})
	travel(t, func(t *testing.T, j *journey) { // a caller who gives up is not asked again
		j.refuse = func(attempt) error { return fault.New(fault.Forbidden, "banned") }
		j.cut()
		isCode(t, j.ended(), fault.Forbidden)
		if len(j.asked()) != 1 {
			t.Errorf("it was asked %d times", len(j.asked()))
		}
	})
}

// TestSessionsThatEndWithTheirConnection do so because the caller or the gate wants it.
func TestSessionsThatEndWithTheirConnection(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*client.Options, *wirepb.Welcome){
		"no reconnect": func(o *client.Options, _ *wirepb.Welcome) { o.Reconnect = nil },
		"no grace":     func(_ *client.Options, w *wirepb.Welcome) { w.GraceMs = 0 },
		"no token":     func(_ *client.Options, w *wirepb.Welcome) { w.Resume = nil },
	} {
		t.Run(name, func(t *testing.T) {
			travel(t, func(t *testing.T, j *journey) {
				j.cut()
				isCode(t, j.ended(), fault.Lost)
				isCode(t, j.Send(&pb.RoomInput{}), fault.Lost)
			}, change)
		})
	}
	travel(t, func(t *testing.T, j *journey) { // nor does one go on which the second gate does not want back
		j.cut()
		j.goesOn(nil, func(w *wirepb.Welcome) { w.GraceMs = 0 })
		j.cut()
		isCode(t, j.ended(), fault.Lost)
	})
}

// TestAStreamThatStartsOver when the client comes back: its calls are lost, both sides count from 1, and the next gate is told.
func TestAStreamThatStartsOver(t *testing.T) {
	t.Parallel()
	travel(t, func(t *testing.T, j *journey) {
		j.gate.Push(fakegate.World, &pb.MatchFound{})
		j.pushed()
		lost, kept := j.start(&pb.Greet{}), j.start(&pb.EnterQueue{})
		j.sends(wire.Request, 1)
		queued := j.sends(wire.Request, 1)
		j.cut()
		j.goesOn(map[uint8]uint32{fakegate.Queue: 1}) // and not the world
		_, err := lost(t.Context())
		isCode(t, err, fault.Lost)
		if reset, ok := j.pushed().(*wirepb.Reset); !ok || j.TypeOf(reset) != "world" {
			t.Errorf("the push is %v", reset)
		}
		if f := j.next(); f.Kind != wire.Ack || f.Message.(*wirepb.Ack).GetReceived()[0].GetSequence() != 0 {
			t.Errorf("the first frame is %v", f.Header)
		}
		again := j.start(&pb.Greet{})
		j.gate.Reply(j.sends(wire.Request, 1), &pb.GreetReply{})
		j.gate.Reply(queued, &pb.QueueStatus{})
		for _, wait := range []func(context.Context) (proto.Message, error){again, kept} {
			_, err := wait(t.Context())
			j.must(err)
		}
		j.cut()
		j.goesOn(map[uint8]uint32{fakegate.Queue: 1, fakegate.World: 1})
		if m := marked(j.gate); m[fakegate.World] != [2]uint32{1, 1} || m[fakegate.Queue] != [2]uint32{1, 0} {
			t.Errorf("it has received %v", m)
		}
		if j.Disorder() != nil {
			t.Error(j.Disorder())
		}
	})
}

// TestEveryStreamIsMarked on which anything came, whatever it was.
func TestEveryStreamIsMarked(t *testing.T) {
	t.Parallel()
	travel(t, func(t *testing.T, j *journey) {
		j.must(j.Send(&pb.RoomInput{}))
		j.sends(wire.Send, 1)
		j.gate.Push(fakegate.Queue, &pb.QueueUpdate{}) // droppable
		j.gate.Reset(fakegate.World)
		j.next()
		j.cut()
		j.goesOn(map[uint8]uint32{fakegate.Zone: 1})
		want := map[uint8][2]uint32{fakegate.Zone: {0, 0}, fakegate.Queue: {0, 0}, fakegate.World: {0, 1}}
		if got := marked(j.gate); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("marked is %v, want %v", got, want)
		}
	})
}

// TestWhatIsForgotten can only be missed when the backend needs it.
func TestWhatIsForgotten(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		taken uint32
		want  fault.Code
	}{"taken": {10, fault.OK}, "needed": {9, fault.Lost}} {
		t.Run(name, func(t *testing.T) {
			travel(t, func(t *testing.T, j *journey) {
				for i := range uint32(client.MaxKept + 10) {
					j.must(j.Send(&pb.RoomInput{}))
					j.sends(wire.Send, i+1)
				}
				j.cut()
				j.goesOn(map[uint8]uint32{fakegate.Zone: test.taken})
				if test.want == fault.OK {
					j.sends(wire.Send, 11)
					return
				}
				isCode(t, j.ended(), fault.Lost)
				if f := j.next(); f.Kind != wire.Leave {
					t.Errorf("the last frame is %v", f.Header)
				}
			})
		})
	}
}

// TestAnotherSession and other things that cannot be in a session's second Welcome.
func TestAnotherSession(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*wirepb.Welcome){
		"session 8":               func(w *wirepb.Welcome) { w.Session = 8 },
		`to "zone" is 4`:          func(w *wirepb.Welcome) { w.Streams[2].Number = 4 },
		"frame 2 of stream 1":     func(w *wirepb.Welcome) { w.Received[0].Sequence = 2 },
		"goes on with stream 300": func(w *wirepb.Welcome) { w.Received[0].Stream = 300 },
	} {
		travel(t, func(t *testing.T, j *journey) {
			j.start(&pb.Greet{})
			j.sends(wire.Request, 1)
			j.cut()
			j.goesOn(map[uint8]uint32{fakegate.World: 1}, change)
			isCode(t, j.ended(), fault.Invalid)
			if !strings.Contains(j.Err().Error(), says) {
				t.Errorf("%v does not say %q", j.Err(), says)
			}
		})
	}
}

// TestLeaving says goodbye, and dropping out does not.
func TestLeaving(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		tb.must(tb.Close())
		if f := tb.next(); f.Kind != wire.Leave || len(f.Body) != 0 {
			t.Errorf("the last frame is %v", f.Header)
		}
		isCode(t, tb.Send(&pb.RoomInput{}), fault.Cancelled)
	})
	travel(t, func(t *testing.T, j *journey) {
		j.Cut()
		if f, err := j.gate.Read(); err == nil {
			t.Errorf("it has sent %v", f.Header)
		}
		j.Cut() // again, while there is none
		j.goesOn(nil)
		j.start(&pb.Greet{})
		j.sends(wire.Request, 1)
	})
	travel(t, func(t *testing.T, j *journey) { // a session whose client is away ends at once, and nobody is asked any more
		j.cut()
		j.must(j.Close())
		isCode(t, j.Err(), fault.Cancelled)
		if len(j.asked()) != 0 {
			t.Errorf("Reconnect was asked %v", j.asked())
		}
	})
	travel(t, func(t *testing.T, j *journey) { // and so when it is about to come back
		j.cut()
		s := j.comes()
		closed := make(chan error, 1)
		go func() { closed <- j.Close() }()
		j.must(<-closed)
		if f, err := s.Read(); err == nil {
			t.Errorf("it has sent %v", f.Header)
		}
		isCode(t, j.Err(), fault.Cancelled)
	})
}

// TestResumeVectors holds the client to the test vectors of coming back and of leaving.
func TestResumeVectors(t *testing.T) {
	t.Parallel()
	travel(t, func(t *testing.T, j *journey) {
		for range 300 {
			j.gate.Push(fakegate.World, &pb.MatchFound{})
		}
		j.gate.Reset(fakegate.Queue)
		j.gate.Reset(fakegate.Queue)
		j.gate.Push(fakegate.Queue, &pb.Admitted{})
		j.cut()
		s := <-j.gates
		f, err := s.Read()
		j.must(err)
		got := map[string]fakegate.Frame{"hello, to resume": f}
		s.Write(wire.Header{Kind: wire.Welcome}, fakegate.Welcome())
		synctest.Wait()
		j.must(j.Close())
		if got["leave"], err = s.Read(); err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, v := range readVectors(t) {
			if f, ok := got[v.Name]; ok {
				seen++
				if sent := hex.EncodeToString(wire.Append(nil, f.Header, f.Body)); sent != v.Hex {
					t.Errorf("%s is %s, and should be %s", v.Name, sent, v.Hex)
				}
			}
		}
		if seen != len(got) {
			t.Errorf("there are %d of %d vectors", seen, len(got))
		}
		s.Close()
	}, func(o *client.Options, _ *wirepb.Welcome) {
		o.Reconnect = func(context.Context, int, error) (string, string, error) { return "another", "abc", nil }
	})
}
