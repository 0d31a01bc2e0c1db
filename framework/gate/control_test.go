package gate_test

import (
	"bytes"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

func fromClient(f gobwas.Frame) []byte { return gobwas.MustCompileFrame(gobwas.MaskFrame(f)) }

// controls is what a WebSocket may carry that is no message: what comes once before it, and what may be repeated for ever.
var controls = map[string]struct{ first, again []byte }{
	"pings":         {nil, fromClient(gobwas.NewPingFrame(nil))},
	"long pings":    {nil, fromClient(gobwas.NewPingFrame(make([]byte, 125)))},
	"pongs":         {nil, fromClient(gobwas.NewPongFrame(nil))},
	"long pongs":    {nil, fromClient(gobwas.NewPongFrame(make([]byte, 125)))},
	"parts":         {fromClient(gobwas.NewFrame(gobwas.OpBinary, false, nil)), fromClient(gobwas.NewFrame(gobwas.OpContinuation, false, []byte{0}))},
	"empty parts":   {fromClient(gobwas.NewFrame(gobwas.OpBinary, false, nil)), fromClient(gobwas.NewFrame(gobwas.OpContinuation, false, nil))},
	"parts of some": {fromClient(gobwas.NewFrame(gobwas.OpBinary, false, make([]byte, 100))), fromClient(gobwas.NewFrame(gobwas.OpContinuation, false, nil))},
}

// flood writes the frames many times over without a look at the answers, or until nobody takes them.
func (c *client) flood(first, again []byte) {
	_, _ = c.conn.Write(first)
	many := bytes.Repeat(again, 500)
	for range 8 {
		if _, err := c.conn.Write(many); err != nil {
			return
		}
	}
}

func TestAFloodOfControlsIsCutOff(t *testing.T) {
	t.Parallel()
	for name, test := range controls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *gate.Config) {
				c.RateMessages, c.BurstMessages, c.Patience, c.RateBytes, c.Heartbeat = 10, 20, 100, -1, time.Hour
			})
			c := s.enter(t, "ws", "")
			c.flood(test.first, test.again)
			c.expectError(wire.Kick, 0, fault.RateLimited)
			c.expectEnd()
		})
	}
}

// TestAFloodOfControlsBeforeHello has a gate without rates: before Hello there is a bound all the same.
func TestAFloodOfControlsBeforeHello(t *testing.T) {
	t.Parallel()
	for name, test := range controls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *gate.Config) {
				c.RateMessages, c.RateBytes, c.HandshakeTimeout = -1, -1, time.Hour
			})
			c := s.dial(t, "ws")
			c.flood(test.first, test.again)
			c.expectError(wire.Kick, 0, fault.RateLimited)
			c.expectEnd()
			eventually(t, "its place is free", func() bool { return s.Waiting() == 0 })
		})
	}
}

func TestAHelloMayComeInParts(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.dial(t, "ws")
	hello := wire.Append(nil, wire.Header{Kind: wire.Hello}, c.encode(&wirepb.Hello{Protocol: wire.Version, Client: "1.2.3", Token: "player:1"}))
	op, parts := gobwas.OpBinary, []byte(nil)
	for i := range hello {
		parts = append(parts, fromClient(gobwas.NewFrame(op, i == len(hello)-1, hello[i:i+1]))...)
		op = gobwas.OpContinuation
	}
	parts = append(fromClient(gobwas.NewPingFrame(nil)), parts...)
	if _, err := c.conn.Write(parts); err != nil {
		t.Fatal(err)
	}
	c.welcome()
}

// TestControlsTakeOfTheBytesOfMessages has a client use up its bytes by what is not answered.
func TestControlsTakeOfTheBytesOfMessages(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) { c.RateMessages, c.RateBytes, c.BurstBytes, c.MaxBody = -1, 1, 2000, 1000 })
	c := s.enter(t, "ws", "player:1")
	if _, err := c.conn.Write(bytes.Repeat(fromClient(gobwas.NewPongFrame(make([]byte, 125))), 15)); err != nil { // of 131 bytes each
		t.Fatal(err)
	}
	c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 1}, make([]byte, 1000))
	c.expectError(wire.Error, 1, fault.RateLimited)
}
