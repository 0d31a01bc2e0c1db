package client_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

// An oracle is the backend of random cuts: it takes each numbered frame once, and says when one is missing. Everything that it has sent
// it has again for a client that comes back. Now and then it loses a stream.
type oracle struct {
	t    *testing.T
	luck *rand.Rand

	taken  map[uint8]uint32 // numbers by stream
	stale  map[uint8]int    // Resets that the client has not answered
	did    map[string]int   // requests by text
	resets int
	pushed int64
}

// serve serves one connection until it breaks, which it soon does; unless quiet.
func (b *oracle) serve(s *fakegate.Session, quiet func() bool) {
	defer s.Close()
	for left := b.luck.IntN(30); ; left-- {
		if left < 0 && !quiet() {
			if b.luck.IntN(2) == 0 {
				s.Piece = 0
				frame := s.Encode(wire.Header{Kind: wire.Pong}, nil)
				s.Raw(frame[:b.luck.IntN(len(frame))]) // in the middle of a frame
			}
			return
		}
		f, err := s.Read()
		if err != nil {
			return
		}
		if ack, ok := f.Message.(*wirepb.Ack); ok {
			for _, m := range ack.GetReceived() {
				if stream := uint8(m.GetStream()); m.GetSequence() == 0 && b.stale[stream] > 0 {
					b.stale[stream]--
				}
			}
			continue
		}
		if f.Kind != wire.Request && f.Kind != wire.Send || b.stale[f.Stream] > 0 || f.Sequence <= b.taken[f.Stream] {
			continue
		}
		if f.Sequence != b.taken[f.Stream]+1 {
			b.t.Errorf("stream %d: frame %d came when %d was to come", f.Stream, f.Sequence, b.taken[f.Stream]+1)
		}
		b.taken[f.Stream] = f.Sequence
		b.take(s, f)
	}
}

// take does what a frame asks for.
func (b *oracle) take(s *fakegate.Session, f fakegate.Frame) {
	switch m := f.Message.(type) {
	case *pb.Greet:
		b.did[m.GetGreeting()]++
		if b.luck.IntN(40) == 0 { // it dies
			b.resets++
			b.stale[f.Stream]++
			delete(b.taken, f.Stream)
			s.Reset(f.Stream)
			return
		}
		s.Reply(f, &pb.GreetReply{Text: m.GetGreeting()})
	case *pb.RoomInput:
		b.did["input "+strconv.Itoa(int(m.GetNumber()))]++
		for range b.luck.IntN(3) {
			b.pushed++
			s.Push(fakegate.Zone, &pb.MatchAborted{Ticket: b.pushed})
		}
	case *pb.JoinRoom:
		s.Reply(f, &pb.JoinRoomReply{})
	}
}

// goOn answers a client that has come back. A stream whose Reset it has not seen starts over once more.
func (b *oracle) goOn(s, from *fakegate.Session) {
	taken := map[uint8]uint32{}
	b.stale = map[uint8]int{}
	for _, m := range s.Hello.GetReceived() {
		stream := uint8(m.GetStream())
		if b.luck.IntN(40) == 0 || stream == fakegate.World && int(m.GetResets()) != b.resets {
			b.stale[stream] = 1
			delete(b.taken, stream)
			if stream == fakegate.World {
				b.resets = int(m.GetResets()) + 1
			}
			if stream == fakegate.Zone {
				b.pushed = (b.pushed/1000 + 1) * 1000 // so that the client's end sees the gap
			}
			continue
		}
		taken[stream] = b.taken[stream]
	}
	s.GoOn(from, taken, fakegate.Resumable)
}

// TestRandomCuts has callers ask and tell while the connection breaks over and over: between frames, inside of them, before answers and after them.
func TestRandomCuts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			var doing sync.WaitGroup
			travel(t, func(t *testing.T, j *journey) {
				b := &oracle{t: t, luck: rand.New(rand.NewPCG(seed, 1)), taken: map[uint8]uint32{}, stale: map[uint8]int{}, did: map[string]int{}}
				asked := make(chan struct{})
				over := make(chan struct{})
				quiet := func() bool {
					select {
					case <-asked:
						return true
					default:
						return false
					}
				}
				var gates sync.WaitGroup
				gates.Go(func() {
					last := j.gate
					for b.serve(last, quiet); ; b.serve(last, quiet) {
						select {
						case s := <-j.gates:
							if s.Hear() == nil {
								b.goOn(s, last)
								last = s
							}
						case <-over:
							return
						}
					}
				})
				const callers, calls = 4, 60
				var mu sync.Mutex
				outcome := map[string]fault.Code{}
				for i := range callers {
					doing.Go(func() {
						for n := range calls {
							text := fmt.Sprintf("%d.%d", i, n)
							reply, err := client.Request[*pb.GreetReply](t.Context(), j.Conn, &pb.Greet{Greeting: text})
							if err == nil && reply.GetText() != text {
								t.Errorf("call %s is answered with %q", text, reply.GetText())
							}
							mu.Lock()
							outcome[text] = fault.CodeOf(err)
							mu.Unlock()
							if err := j.Send(&pb.RoomInput{Number: uint32(i*calls + n)}); err != nil {
								t.Errorf("input %d.%d: %v", i, n, err)
							}
						}
					})
				}
				doing.Wait()
				close(asked)
				// Until one is answered, everything before it in its stream may still be on its way.
				finish(t, func() error {
					_, err := client.Request[*pb.GreetReply](t.Context(), j.Conn, &pb.Greet{Greeting: "the last"})
					return err
				})
				finish(t, func() error {
					_, err := client.Request[*pb.JoinRoomReply](t.Context(), j.Conn, &pb.JoinRoom{})
					return err
				})
				j.must(j.Close())
				close(over)
				gates.Wait()

				lost := 0
				for text, code := range outcome {
					switch did := b.did[text]; {
					case code == fault.OK && did != 1, code == fault.Lost && did > 1:
						t.Errorf("call %s was done %d times and has ended with %s", text, did, code)
					case code == fault.Lost:
						lost++
					case code != fault.OK:
						t.Errorf("call %s has ended with %s", text, code)
					}
				}
				if len(outcome) != callers*calls || lost > len(outcome)/2 || len(j.resumed()) < 5 {
					t.Errorf("%d calls ended, %d of them lost, over %d connections", len(outcome), lost, len(j.resumed())+1)
				}
				b.pushesOf(j)
				if err := j.Disorder(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// finish asks until it is answered: the stream may start over meanwhile.
func finish(t *testing.T, ask func() error) {
	t.Helper()
	for err := ask(); err != nil; err = ask() {
		if fault.CodeOf(err) != fault.Lost {
			t.Fatal(err)
		}
	}
}

// pushesOf holds the client to the order of what it was pushed: one after another, but where the stream has started over.
func (b *oracle) pushesOf(j *journey) {
	last := int64(0)
	for len(j.pushes) > 0 {
		m, ok := (<-j.pushes).(*pb.MatchAborted)
		if !ok {
			continue
		}
		if n := m.GetTicket(); n != last+1 && (n%1000 != 1 || n < last) {
			b.t.Errorf("push %d comes after %d", n, last)
		}
		last = m.GetTicket()
	}
	if last%1000 != b.pushed%1000 && b.pushed%1000 != 0 {
		b.t.Errorf("the last push was %d, and the last that came is %d", b.pushed, last)
	}
}
