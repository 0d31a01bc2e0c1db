package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

func TestAnswersFindTheirCalls(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		const calls = 5
		var waits [calls]func(context.Context) (proto.Message, error)
		var frames [calls]fakegate.Frame
		for i := range calls {
			waits[i] = tb.start(&pb.Greet{Greeting: fmt.Sprint(i)})
			frames[i] = tb.asked()
			if got := frames[i].Message.(*pb.Greet).GetGreeting(); got != fmt.Sprint(i) || frames[i].Call == 0 || frames[i].Sequence != uint32(i+1) {
				t.Fatalf("request %d is %v, greeting %q", i, frames[i].Header, got)
			}
		}
		for i := calls - 1; i >= 0; i-- {
			if i == 2 {
				tb.gate.Refuse(frames[i], fault.New(fault.FailedPrecondition, "not now"))
			} else {
				tb.gate.Reply(frames[i], &pb.GreetReply{Count: int64(i) << 60}) // 64-bit numbers survive
			}
		}
		for i, wait := range waits {
			m, err := wait(background(t))
			if i == 2 {
				isCode(t, err, fault.FailedPrecondition)
				if _, text := fault.Outside(err); text != "not now" {
					t.Errorf("the reason is %q", text)
				}
			} else if err != nil || m.(*pb.GreetReply).GetCount() != int64(i)<<60 {
				t.Errorf("call %d: %v %v", i, m, err)
			}
		}
		if tb.Disorder() != nil {
			t.Error(tb.Disorder())
		}
	})
}

func TestAnswersOfTheWrongKind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		wait, err := client.Start[*pb.GreetReply](tb.Conn, &pb.Greet{})
		tb.must(err)
		tb.gate.Reply(tb.asked(), &pb.GetProfileReply{})
		if _, err := wait(background(t)); err == nil || !strings.Contains(err.Error(), "GetProfileReply") {
			t.Errorf("got %v", err)
		}
		other := tb.start(&pb.Greet{})
		f := tb.asked()
		tb.gate.Write(wire.Header{Kind: wire.Reply, Stream: f.Stream, Call: f.Call, Message: 40_000, Sequence: 2}, nil) // of a newer server
		if _, err := other(background(t)); err == nil || !strings.Contains(err.Error(), "40000") {
			t.Errorf("got %v", err)
		}
		foreign := tb.start(&pb.Greet{})
		tb.gate.Refuse(tb.asked(), fault.New(fault.FirstFork+1, "of a fork"))
		_, err = foreign(background(t))
		isCode(t, err, fault.FirstFork+1)
		tb.settle() // the session goes on
	})
}

func TestCallsThatAreGivenUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		cancelled, cancel := context.WithCancel(t.Context())
		expired, stop := context.WithTimeout(t.Context(), 1)
		defer stop()
		<-expired.Done()
		late, later := tb.start(&pb.Greet{}), tb.start(&pb.Greet{})
		first, second := tb.asked(), tb.asked()
		cancel()
		_, err := late(cancelled)
		isCode(t, err, fault.Cancelled)
		_, err = later(expired)
		isCode(t, err, fault.Deadline)

		tb.gate.Reply(first, &pb.GreetReply{})
		tb.gate.Refuse(second, fault.New(fault.Internal, "late"))
		tb.settle()
		if tb.Disorder() != nil {
			t.Errorf("late answers are held against the gate: %v", tb.Disorder())
		}
		tb.gate.Reply(first, &pb.GreetReply{}) // now it has been answered twice
		tb.settle()
		if err := tb.Disorder(); err == nil || !strings.Contains(err.Error(), "nobody waits for that") {
			t.Errorf("answers to nothing are not: %v", err)
		}
	})
}

// TestTheEndEndsEveryCall has calls on their way when the connection ends; each hears of it once.
func TestTheEndEndsEveryCall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(*table)
		want fault.Code
	}{
		"cut":     {func(tb *table) { tb.gate.Close() }, fault.Lost},
		"kicked":  {func(tb *table) { tb.gate.Kick(fault.New(fault.Replaced, "elsewhere")) }, fault.Replaced},
		"closed":  {func(tb *table) { _ = tb.Close() }, fault.Cancelled},
		"garbage": {func(tb *table) { tb.gate.Raw(make([]byte, 64)) }, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, tb *table) {
				var waits []func(context.Context) (proto.Message, error)
				for range 20 {
					waits = append(waits, tb.start(&pb.Greet{}), tb.start(&pb.JoinRoom{}))
				}
				for range waits {
					tb.asked()
				}
				test.end(tb)
				isCode(t, tb.ended(), test.want)
				over, cancel := context.WithCancel(t.Context())
				cancel()
				for _, wait := range waits {
					_, err := wait(background(t))
					isCode(t, err, test.want)
					_, err = wait(over) // and not a second time
					isCode(t, err, fault.Cancelled)
				}
				_, err := client.Start[proto.Message](tb.Conn, &pb.Greet{})
				isCode(t, err, test.want)
				isCode(t, tb.Send(&pb.RoomInput{}), test.want)
				tb.must(tb.Close())
				isCode(t, tb.Err(), test.want) // the first reason stays
			})
		})
	}
}

// TestWhatCannotBeSent is the caller's mistake, and does no harm to the session.
func TestWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		_, err := client.Request[proto.Message](background(t), tb.Conn, &pb.Greet{Greeting: strings.Repeat("x", 16<<10)})
		isCode(t, err, fault.TooLarge)
		for m, says := range map[proto.Message]string{
			&pb.Done{}:                     "not declared",
			&pb.GreetReply{}:               `""`,
			&pb.Greet{Greeting: "\xff"}:    "cannot be encoded",
			&wirepb.Hello{Token: "secret"}: "not declared",
		} {
			if err := tb.Send(m); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("sending %T: %v, which does not say %q", m, err, says)
			}
			if _, err := client.Request[proto.Message](background(t), tb.Conn, m); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("asking %T: %v, which does not say %q", m, err, says)
			}
		}
		tb.start(&pb.Greet{})
		if f := tb.asked(); f.Sequence != 1 {
			t.Errorf("the first that is sent has number %d", f.Sequence)
		}
	})
	tb := sit(t, false, 0, client.Options{}, func(w *wirepb.Welcome) { w.Streams = w.Streams[:1] })
	if err := tb.Send(&pb.RoomInput{}); err == nil || !strings.Contains(err.Error(), "does not reach") {
		t.Errorf("got %v", err)
	}
	unlimited := sit(t, false, 0, client.Options{}, func(w *wirepb.Welcome) { w.MaxBody = 0 })
	isCode(t, unlimited.Send(&pb.Greet{Greeting: strings.Repeat("x", wire.MaxBody)}), fault.TooLarge)
}

// TestEachCallEndsOnce has many callers at once, whom the gate answers, refuses and resets as it likes. It is also held to the numbers that
// the client must count: from 1 again after each Reset that it has answered.
func TestEachCallEndsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		const callers, calls = 8, 40
		var gate, all sync.WaitGroup
		gate.Go(func() { unruly(t, tb.gate) })
		for i := range callers {
			all.Go(func() {
				for j := range calls {
					text := fmt.Sprint(i, j)
					var m proto.Message = &pb.EnterQueue{}
					if i%2 == 0 {
						m = &pb.Greet{Greeting: text}
					}
					wait, err := client.Start[proto.Message](tb.Conn, m)
					if err != nil {
						t.Error(err)
						return
					}
					all.Go(func() {
						reply, err := wait(background(t))
						switch code := fault.CodeOf(err); code {
						case fault.OK:
							if g, ok := reply.(*pb.GreetReply); ok != (i%2 == 0) || ok && g.GetText() != text {
								t.Errorf("call %s is answered by %v", text, reply)
							}
						case fault.NotFound, fault.Lost:
						default:
							t.Error(err)
						}
					})
				}
			})
		}
		all.Wait()
		if err := tb.Disorder(); err != nil {
			t.Error(err)
		}
		tb.must(tb.Close())
		gate.Wait()
	})
}

// unruly answers, refuses and resets at random until the client is gone.
func unruly(t *testing.T, s *fakegate.Session) {
	luck := rand.New(rand.NewPCG(1, 2))
	last, unanswered := map[uint8]uint32{}, map[uint8]int{} // numbers, and Resets, by stream
	for {
		f, err := s.Read()
		if err != nil {
			return
		}
		if ack, ok := f.Message.(*wirepb.Ack); ok {
			for _, m := range ack.GetReceived() {
				if m.GetSequence() == 0 {
					unanswered[uint8(m.GetStream())]--
					last[uint8(m.GetStream())] = 0
				}
			}
			continue
		}
		if f.Kind != wire.Request || unanswered[f.Stream] > 0 {
			continue // sent before the client saw the Reset
		}
		if last[f.Stream]++; f.Sequence != last[f.Stream] {
			t.Errorf("frame %d came on stream %d when %d was to come", f.Sequence, f.Stream, last[f.Stream])
		}
		switch luck.IntN(8) {
		case 0:
			s.Refuse(f, fault.New(fault.NotFound, "no"))
		case 1:
			unanswered[f.Stream]++
			s.Reset(f.Stream)
		default:
			if g, ok := f.Message.(*pb.Greet); ok {
				s.Reply(f, &pb.GreetReply{Text: g.GetGreeting()})
			} else {
				s.Reply(f, &pb.QueueStatus{Position: 1})
			}
		}
	}
}
