package gate_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

func TestGarbageEndsTheConnectionAndNothingElse(t *testing.T) {
	t.Parallel()
	huge := wire.AppendHeader(nil, wire.Header{Kind: wire.Hello, Size: 1 << 20})
	oversized := wire.AppendHeader(nil, wire.Header{Kind: wire.Send, Stream: 1, Message: 1, Size: 16<<10 + 1})
	for name, test := range map[string]struct {
		hello bool // say hello first
		bytes []byte
		code  fault.Code
	}{
		"http":                   {false, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), fault.TooLarge},
		"zeros":                  {false, make([]byte, 64), fault.Invalid},
		"a large hello":          {false, huge, fault.TooLarge},
		"a ping before hello":    {false, wire.Append(nil, wire.Header{Kind: wire.Ping}, nil), fault.Invalid},
		"a welcome":              {false, wire.Append(nil, wire.Header{Kind: wire.Welcome}, nil), fault.Invalid},
		"a hello that is junk":   {false, wire.Append(nil, wire.Header{Kind: wire.Hello}, []byte{0xff}), fault.Invalid},
		"a second hello":         {true, wire.Append(nil, wire.Header{Kind: wire.Hello}, nil), fault.Invalid},
		"a frame of servers":     {true, wire.Append(nil, wire.Header{Kind: wire.Push, Stream: 1, Message: note}, nil), fault.Invalid},
		"an oversized body":      {true, oversized, fault.TooLarge},
		"a request without call": {true, wire.Append(nil, wire.Header{Kind: wire.Request, Stream: 1, Message: enter}, nil), fault.Invalid},
		"a send with a call":     {true, wire.Append(nil, wire.Header{Kind: wire.Send, Stream: 1, Message: enter, Call: 1}, nil), fault.Invalid},
		"a large ping":           {true, wire.Append(nil, wire.Header{Kind: wire.Ping}, make([]byte, 65)), fault.TooLarge},
		"an ack of junk":         {true, wire.Append(nil, wire.Header{Kind: wire.Ack}, []byte{0xff}), fault.Invalid},
		"compressed":             {true, wire.Append(nil, wire.Header{Kind: wire.Ping, Flags: wire.Compressed}, nil), fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			honest := s.enter(t, "tcp", "player:1")
			for _, split := range []bool{false, true} {
				c := s.dial(t, "tcp")
				if test.hello {
					c.hello(&wirepb.Hello{Protocol: 1})
					c.welcome()
				}
				if split {
					for i := range test.bytes {
						if _, err := c.conn.Write(test.bytes[i : i+1]); err != nil {
							break // refused before the end
						}
					}
				} else if err := c.write(test.bytes); err != nil {
					t.Fatal(err)
				}
				c.expectError(wire.Kick, 0, test.code)
				c.expectEnd()
			}
			honest.send(wire.Header{Kind: wire.Ping}, nil)
			honest.expect(wire.Pong)
			if n := len(s.lines.events); n != 0 {
				t.Errorf("%d events reached the lines", n)
			}
		})
	}
}

func TestAHandshakeThatNeverEnds(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		// Long enough for a client's half of the handshakes before Hello on a machine that is busy.
		s := start(t, func(c *gate.Config) { c.HandshakeTimeout = 2 * time.Second })
		half, err := s.connect(t, transport) // connects and not even asks for TLS or an upgrade
		if err != nil {
			t.Fatal(err)
		}
		defer half.Close()
		_ = half.SetDeadline(time.Now().Add(patience))
		c := s.dial(t, transport)
		c.expectError(wire.Kick, 0, fault.Deadline)
		c.expectEnd()
		if _, err := half.Read(make([]byte, 1)); err != nil && isTimeout(err) {
			t.Error("the connection stays open")
		}
	})
}

func TestHalfOpenConnectionsDoNotKeepHonestOnesOut(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, func(c *gate.Config) { c.MaxPending = 8; c.HandshakeTimeout = time.Hour })
		for range 50 {
			c, err := s.connect(t, transport)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
		}
		c := s.enter(t, transport, "player:1")
		c.send(wire.Header{Kind: wire.Ping}, nil)
		c.expect(wire.Pong)
		if n := s.Waiting(); n > 8 {
			t.Errorf("%d connections wait, and 8 may", n)
		}
	})
}

func TestAFullGateSaysSo(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, func(c *gate.Config) { c.MaxSessions = 2 })
		first := s.enter(t, transport, "")
		s.enter(t, transport, "")
		c := s.dial(t, transport)
		c.hello(&wirepb.Hello{Protocol: 1})
		c.expectError(wire.Kick, 0, fault.Overloaded)
		first.conn.Close()
		eventually(t, "a place is free", func() bool { return s.Count() == 1 })
		s.enter(t, transport, "")
	})
}

func TestAFloodIsRefusedThenCutOff(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) { c.RateMessages, c.BurstMessages, c.Patience = 1, 5, 50 })
	c := s.enter(t, "tcp", "player:1")
	var flood []byte
	for range 200 {
		flood = wire.Append(flood, wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 1}, nil)
	}
	if err := c.write(flood); err != nil {
		t.Fatal(err)
	}
	for range 50 - 1 {
		c.expectError(wire.Error, 1, fault.RateLimited)
	}
	for {
		if f, err := c.recv(); err != nil || f.Kind == wire.Kick {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	c.expectEnd()
	forwarded := 0
	for len(s.lines.events) > 0 {
		if e := <-s.lines.events; e.what == "forward" {
			forwarded++
		}
	}
	if forwarded == 0 || forwarded > 8 {
		t.Errorf("%d messages of the flood came through; 5 may at once, and 1 a second", forwarded)
	}
}

func TestManyBytesAreLimitedToo(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) { c.RateBytes, c.BurstBytes, c.MaxBody = 1, 2000, 1000 })
	c := s.enter(t, "tcp", "player:1")
	for call := range uint32(2) {
		c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: call + 1}, make([]byte, 1000))
	}
	c.expectError(wire.Error, 2, fault.RateLimited)
}

func TestASilentClientIsCutOff(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) { c.Heartbeat, c.RateMessages = 2*time.Second, -1 }) // shorter ones a busy machine misses
	quiet := s.enter(t, "tcp", "player:1")
	loud := s.enter(t, "ws", "player:2")
	kicked := make(chan frame, 1)
	go func() {
		f, _ := quiet.recv()
		kicked <- f
	}()
	for {
		loud.send(wire.Header{Kind: wire.Ping}, nil)
		loud.expect(wire.Pong)
		select {
		case f := <-kicked:
			if f.Kind != wire.Kick {
				t.Errorf("got %v, want a kick", f)
			}
			quiet.expectEnd()
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestTheGateWaitsForATokenInBoundedTime(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) {
		c.HandshakeTimeout = 50 * time.Millisecond
		c.Authenticate = func(ctx context.Context, _ string) (gate.Identity, error) {
			<-ctx.Done()
			return gate.Identity{}, ctx.Err()
		}
	})
	c := s.dial(t, "tcp")
	c.hello(&wirepb.Hello{Protocol: 1, Token: "x"})
	c.expectError(wire.Kick, 0, fault.Deadline)
	c.expectEnd()
}

// TestDeepJSONIsRefused where its depth is all that is wrong with it, as in a field of a control frame that is not known and so passed over, and in a message.
func TestDeepJSONIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	says := func(depth int) *client {
		c := s.dial(t, "ws")
		c.json = true
		unknown := strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth)
		c.send(wire.Header{Kind: wire.Hello, Flags: wire.JSON}, []byte(`{"protocol":1,"token":"player:1","later":`+unknown+`}`))
		return c
	}
	says(2000).expectError(wire.Kick, 0, fault.Invalid)
	c := says(20)
	c.welcome()
	c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 1}, []byte(strings.Repeat(`{"a":`, 3000)))
	c.expectError(wire.Error, 1, fault.Invalid)
}

func TestWebSocketViolations(t *testing.T) {
	t.Parallel()
	masked := func(f gobwas.Frame) []byte { return gobwas.MustCompileFrame(gobwas.MaskFrame(f)) }
	ping := wire.Append(nil, wire.Header{Kind: wire.Ping}, nil)
	part := func(op gobwas.OpCode, fin bool, b []byte) []byte { return masked(gobwas.NewFrame(op, fin, b)) }
	rsv := masked(gobwas.NewBinaryFrame(ping))
	rsv[0] |= 0x40
	for name, test := range map[string]struct {
		bytes []byte
		code  gobwas.StatusCode
	}{
		"not masked":                {gobwas.MustCompileFrame(gobwas.NewBinaryFrame(ping)), gobwas.StatusProtocolError},
		"text":                      {masked(gobwas.NewTextFrame([]byte("{}"))), gobwas.StatusUnsupportedData},
		"reserved bits":             {rsv, gobwas.StatusProtocolError},
		"a reserved opcode":         {[]byte{0x83, 0x80, 0, 0, 0, 0}, gobwas.StatusProtocolError},
		"a ping in parts":           {[]byte{0x09, 0x80, 0, 0, 0, 0}, gobwas.StatusProtocolError},
		"a long ping":               {[]byte{0x89, 0xfe, 1, 0}, gobwas.StatusProtocolError},
		"a huge message":            {[]byte{0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255}, gobwas.StatusMessageTooBig},
		"parts that are too much":   {append(part(gobwas.OpBinary, false, make([]byte, 16000)), part(gobwas.OpContinuation, true, make([]byte, 1000))...), gobwas.StatusMessageTooBig},
		"a continuation of nothing": {part(gobwas.OpContinuation, true, ping), gobwas.StatusProtocolError},
		"two messages mixed":        {append(part(gobwas.OpBinary, false, ping[:4]), part(gobwas.OpBinary, true, ping[4:])...), gobwas.StatusProtocolError},
		"two frames in one":         {masked(gobwas.NewBinaryFrame(append(bytes.Clone(ping), ping...))), gobwas.StatusNormalClosure},
		"an empty message":          {masked(gobwas.NewBinaryFrame(nil)), gobwas.StatusNormalClosure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			c := s.enter(t, "ws", "")
			if _, err := c.conn.Write(test.bytes); err != nil {
				t.Fatal(err)
			}
			c.expect(wire.Kick)
			h, err := gobwas.ReadHeader(c.r)
			if err != nil || h.OpCode != gobwas.OpClose || h.Length < 2 {
				t.Fatalf("got %+v and %v, want a close frame", h, err)
			}
			var b [2]byte
			if _, err := c.r.Read(b[:]); err != nil {
				t.Fatal(err)
			}
			if code := gobwas.StatusCode(b[0])<<8 | gobwas.StatusCode(b[1]); code != test.code {
				t.Errorf("closed with %d, want %d", code, test.code)
			}
			c.expectEnd()
		})
	}
}

func TestWebSocketPartsPingsAndClose(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.enter(t, "ws", "")
	masked := func(f gobwas.Frame) []byte { return gobwas.MustCompileFrame(gobwas.MaskFrame(f)) }
	ping := wire.Append(nil, wire.Header{Kind: wire.Ping, Call: 3}, []byte("body"))
	var stream []byte
	stream = append(stream, masked(gobwas.NewFrame(gobwas.OpBinary, false, ping[:5]))...)
	stream = append(stream, masked(gobwas.NewPingFrame([]byte("between")))...)
	stream = append(stream, masked(gobwas.NewFrame(gobwas.OpContinuation, false, ping[5:17]))...)
	stream = append(stream, masked(gobwas.NewFrame(gobwas.OpContinuation, true, ping[17:]))...)
	stream = append(stream, masked(gobwas.NewPongFrame(nil))...)
	for i := range stream { // byte by byte
		if _, err := c.conn.Write(stream[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	f, err := c.recvRaw()
	if err != nil || f.Header.OpCode != gobwas.OpPong || string(f.Payload) != "between" {
		t.Fatalf("got %v %v, want a pong", f, err)
	}
	if f := c.expect(wire.Pong); f.Call != 3 || string(f.body) != "body" {
		t.Errorf("got %v", f)
	}
	if _, err := c.conn.Write(masked(gobwas.NewCloseFrame(gobwas.NewCloseFrameBody(gobwas.StatusNormalClosure, "")))); err != nil {
		t.Fatal(err)
	}
	f, err = c.recvRaw()
	if err != nil || f.Header.OpCode != gobwas.OpClose {
		t.Fatalf("got %v %v, want a close frame", f, err)
	}
	c.expectEnd()
	eventually(t, "the session is gone", func() bool { return s.Count() == 0 })
}

// recvRaw is the next WebSocket frame, of whatever kind.
func (c *client) recvRaw() (gobwas.Frame, error) {
	h, err := gobwas.ReadHeader(c.r)
	if err != nil {
		return gobwas.Frame{}, err
	}
	f := gobwas.Frame{Header: h, Payload: make([]byte, h.Length)}
	_, err = io.ReadFull(c.r, f.Payload)
	return f, err
}

func TestWebSocketUpgradeIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for name, test := range map[string]struct{ request, status string }{
		"another path": {"GET /other HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "404"},
		"no upgrade":   {"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		"a post":       {"POST /ws HTTP/1.1\r\nHost: x\r\n\r\n", "405"},
		"junk":         {"\x00\x01\x02\r\n\r\n", ""},
		"endless":      {"GET /ws HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 10000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", s.addrs["ws"])
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patience))
			_, _ = c.Write([]byte(test.request))
			b := make([]byte, 4096)
			n, err := c.Read(b)
			if isTimeout(err) {
				t.Fatal("no answer")
			}
			if test.status != "" && !strings.HasPrefix(string(b[:n]), "HTTP/1.1 "+test.status) {
				t.Errorf("got %q, want %s", b[:n], test.status)
			}
		})
	}
}

// FuzzSession sends any bytes in pieces, over TCP, TLS and, behind its opening handshake, WebSocket: the gate answers or closes, sends only what gates send, and lets
// nothing through to backends that is not for them.
func FuzzSession(f *testing.F) {
	hello, _ := wire.MarshalAppend(nil, &wirepb.Hello{Protocol: 1, Token: "player:1", Compressions: []string{wire.Deflate}})
	good := wire.Append(nil, wire.Header{Kind: wire.Hello}, hello)
	good = wire.Append(good, wire.Header{Kind: wire.Ping}, nil)
	good = wire.Append(good, wire.Header{Kind: wire.Request, Stream: 1, Message: enter, Call: 1}, []byte("x"))
	packed, _ := wire.Pack(nil, bytes.Repeat([]byte("x"), 2000))
	good = wire.Append(good, wire.Header{Kind: wire.Request, Flags: wire.Compressed, Stream: 1, Message: enter, Call: 2}, packed)
	inJSON := wire.Append(nil, wire.Header{Kind: wire.Hello, Flags: wire.JSON}, []byte(`{"protocol":1,"token":"player:1"}`))
	inJSON = wire.Append(inJSON, wire.Header{Kind: wire.Request, Stream: 1, Message: enter, Call: 1}, []byte(`{"number":"7"}`))
	asMessages := gobwas.MustCompileFrame(gobwas.MaskFrame(gobwas.NewBinaryFrame(wire.Append(nil, wire.Header{Kind: wire.Hello}, hello))))
	asMessages = append(asMessages, gobwas.MustCompileFrame(gobwas.MaskFrame(gobwas.NewPingFrame([]byte("x"))))...)
	for over := range uint8(3) {
		f.Add(good, uint8(5), over)
		f.Add(good[:40], uint8(1), over)
		f.Add(inJSON, uint8(7), over)
		f.Add(asMessages, uint8(9), over)
	}
	s := start(f, nil)
	f.Fuzz(func(t *testing.T, stream []byte, piece, over uint8) {
		c := s.dial(t, []string{"tcp", "ws", "tls"}[over%3])
		go func() {
			for b := stream; len(b) > 0; {
				n := min(len(b), int(piece)+1)
				if _, err := c.conn.Write(b[:n]); err != nil {
					return
				}
				b = b[n:]
			}
			_ = c.conn.(interface{ CloseWrite() error }).CloseWrite()
		}()
		for {
			fr, err := c.recv()
			if err != nil {
				if isTimeout(err) {
					t.Fatal("the gate neither answers nor closes")
				}
				return
			}
			if fr.Kind.FromClient() {
				t.Fatalf("the gate sent %v", fr)
			}
			for len(s.lines.events) > 0 {
				e := <-s.lines.events
				if e.what == "forward" && e.frame.Message != enter && e.frame.Message != act && e.frame.Message != lineUp && e.frame.Message != login {
					t.Fatal(fmt.Sprint("forwarded ", e))
				}
			}
		}
	})
}
