package gate_test

import (
	"encoding/binary"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/wire"
)

func TestASlowReaderLosesDroppableFramesAndThenItsSession(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, func(c *gate.Config) { c.MaxQueueBytes = 64 << 10; c.SlowAfter = time.Hour })
		c := s.enter(t, transport, "player:1")
		c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
		s.lines.next(t, "attach")
		s.lines.next(t, "forward")
		body := make([]byte, 8<<10)
		// Until the kernel's buffers are full, and the queue after them; a session that reads nothing stays for as long as it is sent nothing else.
		for i := 0; s.Dropped() == 0; i++ {
			if i > 100_000 {
				t.Fatal("the queue is not bounded")
			}
			s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: tick}, body)
		}
		if s.Count() != 1 {
			t.Fatal("the session ended though all could be dropped")
		}
		// One that must not be dropped takes the place of those that may.
		sequence := uint32(1)
		s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note, Sequence: sequence}, body)
		if n := len(s.lines.events); n != 0 || s.Count() != 1 {
			t.Fatal("the session ended though there was something to drop")
		}
		for range 100 {
			sequence++
			s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note, Sequence: sequence}, body)
		}
		if d := s.lines.next(t, "detach"); d.code != fault.Slow {
			t.Errorf("detached: %+v", d)
		}
		eventually(t, "the session is gone", func() bool { return s.Count() == 0 })
	})
}

// TestTheNewestStateReachesASlowReader lets a client fall behind and then catch up: of what may be dropped, it has to get the newest, and all else in full.
func TestTheNewestStateReachesASlowReader(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		const queue, size, every = 128 << 10, 1 << 10, 50
		s := start(t, func(c *gate.Config) { c.MaxQueueBytes = queue; c.SlowAfter = time.Hour })
		c := s.enter(t, transport, "player:1")
		c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
		s.lines.next(t, "attach")
		s.lines.next(t, "forward")
		body := make([]byte, size)
		state := func(n uint32) {
			binary.BigEndian.PutUint32(body, n)
			s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: tick}, body)
		}
		var last, reliable uint32
		for s.Dropped() < 1000 {
			last++
			if state(last); last%every == 0 && s.Dropped() < 500 { // so few that all of them fit into the queue
				reliable++
				s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note, Sequence: reliable}, nil)
			}
			if last > 1_000_000 {
				t.Fatal("the queue is not bounded")
			}
		}
		var got, before, run, seen uint32
		take := func() {
			f := c.expect(wire.Push)
			if f.Sequence != 0 {
				if seen++; f.Sequence != seen {
					t.Fatalf("reliable message %d came when %d was to come", f.Sequence, seen)
				}
				return
			}
			n := binary.BigEndian.Uint32(f.body)
			switch {
			case n <= before:
				t.Fatalf("state %d came after %d", n, before)
			case n == before+1:
				run++
			default:
				run = 1
			}
			got, before = got+1, n
		}
		for range 20 { // it takes some, and falls behind again
			for held := s.Held(c.id); s.Held(c.id) == held && before+100 < last; { // until the writer goes on
				take()
			}
			for range 300 {
				last++
				state(last)
				if held := s.Held(c.id); held > queue/3 {
					t.Fatalf("%d bytes are out of reach for dropping", held)
				}
			}
		}
		dropped := uint32(s.Dropped())
		for before != last {
			take()
		}
		if seen != reliable {
			t.Errorf("%d reliable messages of %d came", seen, reliable)
		}
		if got != last-dropped {
			t.Errorf("%d states of %d came, and %d were dropped", got, last, dropped)
		}
		if least := uint32(queue / size / 2); run < least {
			t.Errorf("the newest %d states came without a gap, want %d at least", run, least)
		}
		if s.Count() != 1 {
			t.Error("the session ended")
		}
	})
}

func TestAReaderThatTakesNothingIsCutOff(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) { c.MaxQueueBytes = 1 << 24; c.SlowAfter = 50 * time.Millisecond })
	c := s.enter(t, "tcp", "player:1")
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
	s.lines.next(t, "attach")
	s.lines.next(t, "forward")
	for range 12 {
		s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note}, make([]byte, 1<<20))
	}
	if d := s.lines.next(t, "detach"); d.code != fault.Slow {
		t.Errorf("detached: %+v", d)
	}
}

func TestALargeBatchIsNoReasonToDrop(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) { c.MaxQueueFrames = 10 })
	c := entered(t, s)
	for i := range uint32(100) {
		s.lines.down.Deliver(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note, Sequence: i + 1}, nil)
	}
	s.lines.down.Flush()
	for i := range uint32(100) {
		if f := c.expect(wire.Push); f.Sequence != i+1 {
			t.Fatalf("got %v, want number %d", f, i+1)
		}
	}
}
