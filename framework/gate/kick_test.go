package gate_test

import (
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/wire"
)

// TestAKickBeforeTheHelloIsRead has clients turned away at each point before their Hello is whole: from its header on they are told as they have asked.
func TestAKickBeforeTheHelloIsRead(t *testing.T) {
	t.Parallel()
	hello := func(flags wire.Flags, stream uint8, size int) []byte {
		return wire.AppendHeader(nil, wire.Header{Kind: wire.Hello, Flags: flags, Stream: stream, Size: size})
	}
	message := func(b []byte) []byte { return fromClient(gobwas.NewBinaryFrame(b)) }
	for name, test := range map[string]struct {
		transport string
		bytes     []byte
		code      fault.Code
		json      bool
	}{
		"nothing":                           {"tcp", nil, fault.Deadline, false},
		"half a header":                     {"tcp", hello(wire.JSON, 0, 100)[:8], fault.Deadline, false},
		"the header":                        {"tcp", hello(0, 0, 100), fault.Deadline, false},
		"the header, JSON":                  {"tcp", hello(wire.JSON, 0, 100), fault.Deadline, true},
		"the header under TLS, JSON":        {"tls", hello(wire.JSON, 0, 100), fault.Deadline, true},
		"half a body, JSON":                 {"tcp", append(hello(wire.JSON, 0, 100), make([]byte, 50)...), fault.Deadline, true},
		"a large body":                      {"tcp", hello(0, 0, 1<<20), fault.TooLarge, false},
		"a large body, JSON":                {"tcp", hello(wire.JSON, 0, 1<<20), fault.TooLarge, true},
		"a body larger than any, JSON":      {"tcp", hello(wire.JSON, 0, 1<<30), fault.TooLarge, true},
		"for a stream, JSON":                {"tcp", hello(wire.JSON, 1, 0), fault.Invalid, true},
		"half a message, JSON":              {"ws", message(append(hello(wire.JSON, 0, 100), make([]byte, 100)...))[:50], fault.Deadline, false},
		"a large message, JSON":             {"ws", message(append(hello(wire.JSON, 0, 20000), make([]byte, 20000)...)), fault.TooLarge, false},
		"a message of another size, JSON":   {"ws", message(hello(wire.JSON, 0, 100)), fault.Invalid, true},
		"a message that says it is large":   {"ws", message(hello(0, 0, 1<<20)), fault.TooLarge, false},
		"a message that says so, JSON":      {"ws", message(hello(wire.JSON, 0, 1<<20)), fault.TooLarge, true},
		"something else than a hello first": {"ws", message(wire.AppendHeader(nil, wire.Header{Kind: wire.Ping, Size: 1})), fault.Invalid, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Long enough for what a client sends to be read on a machine that is busy.
			s := start(t, func(c *gate.Config) { c.HandshakeTimeout = 2 * time.Second })
			c := s.dial(t, test.transport)
			c.json = test.json
			if _, err := c.conn.Write(test.bytes); err != nil {
				t.Fatal(err)
			}
			c.expectError(wire.Kick, 0, test.code)
			c.expectEnd()
		})
	}
}
