package gate_test

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/gatepb"
	"loumiao/framework/id"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// long is a body over the threshold of these tests that is worth compressing: an Enter, or a Reply.
func long(t testing.TB, n int64) []byte {
	t.Helper()
	b, err := wire.MarshalAppend(nil, &gatepb.Reply{Number: n, Text: []byte(strings.Repeat("all the same ", 200))})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pack(t testing.TB, body []byte) []byte {
	t.Helper()
	packed, ok := wire.Pack(nil, body)
	if !ok {
		t.Fatalf("%d bytes cannot be compressed", len(body))
	}
	return packed
}

// compressing opens a session that has agreed on compression, and enters the world.
func (s *stack) compressing(t testing.TB, transport, token string, json bool) *client {
	t.Helper()
	c := s.dial(t, transport)
	c.json = json
	c.hello(&wirepb.Hello{Protocol: wire.Version, Token: token, Compressions: []string{"brotli", wire.Deflate}})
	if w := c.welcome(); w.GetCompression() != wire.Deflate || w.GetCompressFrom() != 1024 {
		t.Fatalf("the gate agrees on %q from %d", w.GetCompression(), w.GetCompressFrom())
	}
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
	s.lines.next(t, "attach")
	s.lines.next(t, "forward")
	return c
}

// plain is the body of a frame that came, as it was.
func plain(t testing.TB, f frame) []byte {
	t.Helper()
	if f.Flags&wire.Compressed == 0 {
		return f.body
	}
	b, err := wire.Unpack(nil, f.body, wire.Limits{MaxBody: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLongMessagesAreCompressedBothWays(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		for name, json := range map[string]bool{"protobuf": false, "json": true} {
			t.Run(name, func(t *testing.T) {
				s := start(t, nil)
				c := s.compressing(t, transport, "player:1", json)
				body := long(t, 1)
				sent := body
				if json {
					var m gatepb.Enter
					if err := wire.Unmarshal(body, &m); err != nil {
						t.Fatal(err)
					}
					sent = c.encode(&m)
				}
				c.send(wire.Header{Kind: wire.Request, Flags: wire.Compressed, Stream: streamWorld, Message: enter, Call: 1, Sequence: 1}, pack(t, sent))
				got := s.lines.next(t, "forward").frame
				if got.Flags != 0 || got.Sequence != 1 || got.Call != 1 || !bytes.Equal(got.body, body) {
					t.Errorf("the backend got %v with flags %#x", got, got.Flags)
				}

				s.lines.send(world, c.id, wire.Header{Kind: wire.Reply, Stream: streamWorld, Message: reply, Call: 1, Sequence: 1}, body)
				f := c.expect(wire.Reply)
				if f.Flags != wire.Compressed || len(f.body) >= len(body)/2 {
					t.Errorf("the client got %d bytes with flags %#x for one of %d", len(f.body), f.Flags, len(body))
				}
				var m gatepb.Reply
				c.decode(plain(t, f), &m)
				if m.GetNumber() != 1 || len(m.GetText()) != 2600 {
					t.Errorf("the client got %d and %d bytes of text", m.GetNumber(), len(m.GetText()))
				}

				s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note, Sequence: 2}, []byte{8, 1})
				if f := c.expect(wire.Push); f.Flags != 0 {
					t.Errorf("a short message has flags %#x", f.Flags)
				}
			})
		}
	})
}

// TestWhatIsBelowTheThresholdIsNotCompressed although it would be shorter.
func TestWhatIsBelowTheThresholdIsNotCompressed(t *testing.T) {
	t.Parallel()
	const threshold = 100
	s := start(t, func(c *gate.Config) { c.CompressFrom = threshold })
	c := s.dial(t, "tcp")
	c.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:1", Compressions: []string{wire.Deflate}})
	if w := c.welcome(); w.GetCompression() != wire.Deflate || w.GetCompressFrom() != threshold {
		t.Fatalf("the gate agrees on %q from %d", w.GetCompression(), w.GetCompressFrom())
	}
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
	s.lines.next(t, "attach")
	s.lines.next(t, "forward")
	for i, want := range map[int]wire.Flags{threshold - 1: 0, threshold: wire.Compressed} {
		s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note}, make([]byte, i))
		if f := c.expect(wire.Push); f.Flags != want || len(plain(t, f)) != i {
			t.Errorf("a message of %d bytes comes as %d with flags %#x, want %#x", i, len(f.body), f.Flags, want)
		}
	}
}

// TestAMulticastIsCompressedOnce sends one message to sessions of all kinds.
func TestAMulticastIsCompressedOnce(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var sessions []id.Session
	var packing, others []*client
	for range 5 {
		packing = append(packing, s.compressing(t, "tcp", "player:1"+strings.Repeat("0", len(packing)), false))
	}
	inJSON := s.compressing(t, "ws", "player:2", true)
	for range 2 {
		c := s.enter(t, "tcp", "player:3"+strings.Repeat("0", len(others)))
		c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
		s.lines.next(t, "attach")
		s.lines.next(t, "forward")
		others = append(others, c)
	}
	for _, c := range append(append([]*client{inJSON}, packing...), others...) {
		sessions = append(sessions, c.id)
	}
	before, body := s.Compressed(), long(t, 7)
	h := wire.Header{Kind: wire.Push, Stream: streamWorld, Message: reply}
	s.lines.down.Multicast(world, sessions, h, body)
	s.lines.down.Flush()
	for _, c := range packing {
		if f := c.expect(wire.Push); f.Flags != wire.Compressed || !bytes.Equal(plain(t, f), body) {
			t.Errorf("got %d bytes with flags %#x", len(f.body), f.Flags)
		}
	}
	for _, c := range others {
		if f := c.expect(wire.Push); f.Flags != 0 || !bytes.Equal(f.body, body) {
			t.Errorf("who has not asked for it got %d bytes with flags %#x", len(f.body), f.Flags)
		}
	}
	var m gatepb.Reply
	if f := inJSON.expect(wire.Push); f.Flags != wire.Compressed {
		t.Errorf("JSON is not compressed")
	} else if inJSON.decode(plain(t, f), &m); m.GetNumber() != 7 {
		t.Errorf("got %d in JSON", m.GetNumber())
	}
	if n := s.Compressed() - before; n != 2 {
		t.Errorf("compressed %d times for 6 sessions; the body and its JSON are to be, once each", n)
	}
}

func TestWhatIsNotShorterIsNotCompressed(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.compressing(t, "tcp", "player:1", false)
	noise := make([]byte, 4000)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	s.lines.send(world, c.id, wire.Header{Kind: wire.Push, Stream: streamWorld, Message: note, Sequence: 1}, noise)
	if f := c.expect(wire.Push); f.Flags != 0 || !bytes.Equal(f.body, noise) {
		t.Errorf("got %d bytes with flags %#x", len(f.body), f.Flags)
	}
}

func TestCompressionIsAgreedOnOrRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		from   int
		offers []string
	}{
		"not asked for":         {0, nil},
		"another one":           {0, []string{"brotli"}},
		"switched off":          {-1, []string{wire.Deflate}},
		"in capitals, not ours": {0, []string{"DEFLATE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *gate.Config) { c.CompressFrom = test.from })
			c := s.dial(t, "tcp")
			c.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:1", Compressions: test.offers})
			if w := c.welcome(); w.GetCompression() != "" || w.GetCompressFrom() != 0 {
				t.Errorf("the gate agrees on %v", w)
			}
			c.send(wire.Header{Kind: wire.Send, Flags: wire.Compressed, Stream: streamWorld, Message: enter}, pack(t, long(t, 1)))
			c.expectError(wire.Kick, 0, fault.Invalid)
			if n := len(s.lines.events); n != 0 {
				t.Errorf("%d events reached the lines", n)
			}
		})
	}
}

// TestCompressedBombs sends what is small and would become large, or is not what it says.
func TestCompressedBombs(t *testing.T) {
	t.Parallel()
	const limit = 16 << 10
	bomb := pack(t, make([]byte, 10<<20))
	says := func(size uint32, body []byte) []byte {
		b := bytes.Clone(body)
		binary.BigEndian.PutUint32(b, size)
		return b
	}
	largest := pack(t, make([]byte, limit))
	for name, test := range map[string]struct {
		body []byte
		code fault.Code
	}{
		"that says so":           {bomb[:limit], fault.TooLarge},
		"one byte over":          {pack(t, make([]byte, limit+1)), fault.TooLarge},
		"of four gigabytes":      {says(1<<32-1, largest), fault.TooLarge},
		"that lies":              {says(limit, bomb[:limit]), fault.Invalid},
		"shorter than it says":   {says(limit-1, largest), fault.Invalid},
		"with an end and more":   {append(bytes.Clone(largest), 0), fault.Invalid},
		"empty":                  {nil, fault.Invalid},
		"which is no compressed": {[]byte("\x00\x00\x00\x10no deflate at all"), fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			honest := s.compressing(t, "tcp", "player:2", false)
			c := s.compressing(t, "tcp", "player:1", false)
			c.send(wire.Header{Kind: wire.Request, Flags: wire.Compressed, Stream: streamWorld, Message: enter, Call: 1}, test.body)
			c.expectError(wire.Kick, 0, test.code)
			s.lines.next(t, "detach")
			honest.send(wire.Header{Kind: wire.Request, Flags: wire.Compressed, Stream: streamWorld, Message: enter, Call: 1}, largest)
			if got := s.lines.next(t, "forward").frame; len(got.body) != limit {
				t.Errorf("%d bytes of an honest client's came through", len(got.body))
			}
		})
	}
}

// TestRatesGoByWhatWasCompressed has a client send little that becomes much.
func TestRatesGoByWhatWasCompressed(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) { c.RateBytes, c.BurstBytes = 1, 40_000 })
	c := s.compressing(t, "tcp", "player:1", false)
	body := pack(t, make([]byte, 15_000))
	for call := range uint32(3) {
		c.send(wire.Header{Kind: wire.Request, Flags: wire.Compressed, Stream: streamWorld, Message: enter, Call: call + 1}, body)
	}
	c.expectError(wire.Error, 3, fault.RateLimited)
}

func TestARefusedMessageIsNotDecompressed(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.compressing(t, "tcp", "player:1", false)
	c.send(wire.Header{Kind: wire.Request, Flags: wire.Compressed, Stream: streamWorld, Message: note, Call: 1}, []byte("\x00\x00\x00\x10no deflate at all"))
	c.expectError(wire.Error, 1, fault.Unimplemented) // and not a Kick for what is in it
}

// BenchmarkMulticast sends one message of 2,600 bytes to 100 sessions that read it, plain and compressed.
func BenchmarkMulticast(b *testing.B) {
	for name, compress := range map[string]bool{"plain": false, "compressed": true} {
		b.Run(name, func(b *testing.B) {
			s := start(b, nil)
			var sessions []id.Session
			for i := range 100 {
				offers := []string{}
				if compress {
					offers = append(offers, wire.Deflate)
				}
				c := s.dial(b, "tcp")
				c.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:" + strconv.Itoa(i+1), Compressions: offers})
				c.welcome()
				c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
				s.lines.next(b, "attach")
				s.lines.next(b, "forward")
				sessions = append(sessions, c.id)
				go func() { _, _ = c.r.WriteTo(discard{}) }()
			}
			body, _ := proto.Marshal(&gatepb.Reply{Text: []byte(strings.Repeat("all the same ", 200))})
			h := wire.Header{Kind: wire.Push, Stream: streamWorld, Message: reply}
			b.ReportAllocs()
			for b.Loop() {
				s.lines.down.Multicast(world, sessions, h, body)
				s.lines.down.Flush()
			}
		})
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
