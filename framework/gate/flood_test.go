package gate_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/gatepb"
	"loumiao/framework/id"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// TestAFloodBehindAHelloIsNotRead has clients send as much as they can while their token is looked at: it has to stay in the kernel.
func TestAFloodBehindAHelloIsNotRead(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		asked, answer := make(chan struct{}, 1), make(chan struct{})
		s := start(t, func(c *gate.Config) {
			c.HandshakeTimeout = time.Hour
			check := c.Authenticate
			c.Authenticate = func(ctx context.Context, token string) (gate.Identity, error) {
				if token != "player:2" {
					asked <- struct{}{}
					<-answer
				}
				return check(ctx, token)
			}
		})
		let := sync.OnceFunc(func() { close(answer) })
		defer let()
		c := s.dial(t, transport)
		c.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:1"})
		<-asked
		flood := bytes.Repeat(wire.Append(nil, wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, make([]byte, 1000)), 1000)
		_ = c.conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		sent, most := 0, 64<<20 // what a kernel keeps for a connection at most, and then some
		for sent < most {
			n, err := c.conn.Write(flood)
			sent += n
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if sent >= most {
			t.Errorf("%d bytes were taken from a client that has not been let in", sent)
		}
		if n := len(s.lines.events); n != 0 {
			t.Errorf("%d events reached the lines", n)
		}
		s.enter(t, transport, "player:2")
	})
}

// TestAFloodOfEverySort sends frames of each kind that clients may send, and a WebSocket's own, far over the rate: what the gate keeps for such a client is
// bounded, and others notice nothing.
func TestAFloodOfEverySort(t *testing.T) {
	t.Parallel()
	masked := func(f gobwas.Frame) []byte { return gobwas.MustCompileFrame(gobwas.MaskFrame(f)) }
	ack, _ := wire.MarshalAppend(nil, &wirepb.Ack{Received: []*wirepb.Mark{{Stream: streamWorld, Sequence: 1}}})
	for name, test := range map[string]struct {
		transport string
		frame     []byte
	}{
		"pings":           {"tcp", wire.Append(nil, wire.Header{Kind: wire.Ping, Call: 1}, make([]byte, 64))},
		"acks":            {"tcp", wire.Append(nil, wire.Header{Kind: wire.Ack}, ack)},
		"sends":           {"tls", wire.Append(nil, wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, make([]byte, 100))},
		"unknown numbers": {"tcp", wire.Append(nil, wire.Header{Kind: wire.Request, Stream: streamWorld, Message: 999, Call: 1}, nil)},
		"websocket pings": {"ws", masked(gobwas.NewPingFrame(make([]byte, 125)))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const rate, burst = 10, 20
			s := start(t, func(c *gate.Config) {
				c.RateMessages, c.BurstMessages, c.Patience, c.SlowAfter = rate, burst, 100, time.Hour
				c.MaxQueueBytes = 32 << 10
			})
			honest := s.enter(t, "ws", "player:2")
			c := s.enter(t, test.transport, "player:1")
			before, began := len(s.lines.events), time.Now()
			flood := bytes.Repeat(test.frame, 2000)
			for range 10 { // without reading an answer
				if waiting := s.Queued(c.id); waiting > 64<<10 {
					t.Errorf("%d bytes wait for who floods", waiting)
				}
				_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
				if _, err := c.conn.Write(flood); err != nil {
					break
				}
			}
			eventually(t, "the flood is cut off", func() bool { return s.Count() == 1 })
			honest.send(wire.Header{Kind: wire.Ping}, nil)
			honest.expect(wire.Pong)
			took := time.Since(began) // on a busy machine more is within the rate; and what ends with the session is told as well
			if forwarded := len(s.lines.events) - before; float64(forwarded) > 10+burst+rate*took.Seconds() {
				t.Errorf("%d events of the flood reached the lines in %v", forwarded, took)
			}
		})
	}
}

// TestAReplayedTokenOpensOneSession has many come in with one token at the same time: one of them is left, and the others are told.
func TestAReplayedTokenOpensOneSession(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	honest := s.enter(t, "tcp", "player:2")
	const thieves = 40
	var all [thieves]*client
	for i := range all {
		all[i] = s.dial(t, []string{"tcp", "ws", "tls", "wss"}[i%4])
	}
	for _, c := range all {
		_ = c.conn.SetDeadline(time.Now().Add(patience))
	}
	hello, err := wire.MarshalAppend(nil, &wirepb.Hello{Protocol: wire.Version, Token: "player:1"})
	if err != nil {
		t.Fatal(err)
	}
	var replaced sync.Map
	var done sync.WaitGroup
	for i, c := range all {
		done.Go(func() {
			if err := c.write(wire.Append(nil, wire.Header{Kind: wire.Hello}, hello)); err != nil {
				return
			}
			for {
				f, err := c.recv()
				if err != nil {
					return
				}
				switch f.Kind {
				case wire.Welcome: // perhaps, if it is replaced at once
				case wire.Kick:
					var e wirepb.Error
					if wire.Unmarshal(f.body, &e) == nil {
						replaced.Store(i, fault.Code(e.GetCode()))
					}
					return
				default:
					t.Errorf("got %v", f)
					return
				}
			}
		})
	}
	eventually(t, "one session of the player's is left", func() bool {
		n := 0
		replaced.Range(func(_, code any) bool {
			if code == fault.Replaced {
				n++
			}
			return true
		})
		return n == thieves-1 && s.Count() == 2
	})
	honest.send(wire.Header{Kind: wire.Ping}, nil)
	honest.expect(wire.Pong)
	for _, c := range all {
		c.conn.Close()
	}
	done.Wait()
}

func TestForgedTokensLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for i := range 100 {
		c := s.dial(t, "tcp")
		c.hello(&wirepb.Hello{Protocol: wire.Version, Token: "forged" + strconv.Itoa(i)})
		c.expectError(wire.Kick, 0, fault.Unauthenticated)
		c.conn.Close()
	}
	eventually(t, "they are gone", func() bool { return s.Count() == 0 && s.Waiting() == 0 })
	if n := len(s.lines.events); n != 0 {
		t.Errorf("%d events reached the lines", n)
	}
}

// TestHostileJSON sends JSON that is dear to read, or is not what it seems. A message like that is refused and the session stays; it is the Hello's end.
func TestHostileJSON(t *testing.T) {
	t.Parallel()
	const limit = 16 << 10
	var big bytes.Buffer
	big.WriteString(`{"text":"`)
	big.WriteString(strings.Repeat("A", limit-20))
	big.WriteString(`"}`)
	for name, test := range map[string]struct {
		body string
		code fault.Code
	}{
		"deep objects":            {strings.Repeat(`{"a":`, 3000), fault.Invalid},
		"deep arrays":             {strings.Repeat(`[`, limit-1), fault.Invalid},
		"deep, in what is there":  {`{"text":` + strings.Repeat(`[`, 8000) + strings.Repeat(`]`, 8000) + `}`, fault.Invalid},
		"a number of many digits": {`{"number":1` + strings.Repeat("0", limit-100) + `}`, fault.Invalid},
		"a huge exponent":         {`{"number":1e999999999}`, fault.Invalid},
		"a field twice":           {`{"number":1,"number":2}`, fault.Invalid},
		"many unknown fields":     {`{` + strings.Repeat(`"x":0,`, 2500) + `"x":0}`, fault.Invalid},
		"escapes":                 {`{"` + strings.Repeat(`\u0041`, 2000) + `":1}`, fault.Invalid},
		"half a pair":             {`{"text":"\ud800"}`, fault.Invalid},
		"not UTF-8":               {"{\"text\":\"\xff\xfe\"}", fault.Invalid},
		"something behind it":     {`{} {}`, fault.Invalid},
		"a list":                  {`[]`, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			c := s.dial(t, "ws")
			c.json = true
			c.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:1"})
			c.welcome()
			c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 1}, []byte(test.body))
			c.expectError(wire.Error, 1, test.code)
			c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 2}, []byte(`{"number":"9007199254740993"}`))
			s.lines.next(t, "attach")
			var m gatepb.Enter
			if err := wire.Unmarshal(s.lines.next(t, "forward").frame.body, &m); err != nil || m.GetNumber() != 9007199254740993 {
				t.Errorf("after it, %v came through with %v", &m, err)
			}

			c = s.dial(t, "tcp")
			c.json = true
			c.send(wire.Header{Kind: wire.Hello, Flags: wire.JSON}, []byte(test.body))
			var e wirepb.Error
			c.decode(c.expect(wire.Kick).body, &e)
			if code := fault.Code(e.GetCode()); code != test.code && code != fault.Version { // what a Hello does not know it ignores, and misses the version
				t.Errorf("such a Hello ends with %v", code)
			}
			c.expectEnd()
		})
	}
}

func TestOversizedJSON(t *testing.T) {
	t.Parallel()
	const limit = 1000
	s := start(t, func(c *gate.Config) { c.MaxBody = limit })
	enters := func() *client {
		c := s.dial(t, "tcp")
		c.json = true
		c.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:1"})
		c.welcome()
		return c
	}
	c := enters()
	c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, []byte(`{"text":"`+strings.Repeat("A", limit)+`"}`))
	c.expectError(wire.Kick, 0, fault.TooLarge)
	c = s.dial(t, "tcp")
	c.json = true
	c.send(wire.Header{Kind: wire.Hello, Flags: wire.JSON}, []byte(`{"token":"`+strings.Repeat("A", limit)+`"}`))
	c.expectError(wire.Kick, 0, fault.TooLarge)
	enters() // and others come in
}

// TestManyBadClientsLeaveNothingBehind is not parallel: it looks at the goroutines of the whole process. Clients do all that they should not, and go.
func TestManyBadClientsLeaveNothingBehind(t *testing.T) {
	s := start(t, nil)
	before := runtime.NumGoroutine()
	deeds := []func(c *client){
		func(c *client) { _, _ = c.conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")) },
		func(c *client) { _, _ = c.conn.Write(make([]byte, 16)) },
		func(c *client) { _ = c.write(wire.Append(nil, wire.Header{Kind: wire.Hello}, []byte{0xff})) },
		func(c *client) {
			c.hello(&wirepb.Hello{Protocol: wire.Version})
			_ = c.write(wire.Append(nil, wire.Header{Kind: wire.Welcome}, nil))
		},
		func(c *client) {
			c.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:1"})
			c.welcome()
			_ = c.write(wire.Append(nil, wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)[:15])
		},
		func(*client) {},
	}
	var kept id.Session
	for i := range 40 * len(deeds) {
		c := s.dial(t, []string{"tcp", "ws", "tls", "wss"}[i/len(deeds)%4])
		deeds[i%len(deeds)](c)
		kept = max(kept, c.id)
		c.conn.Close()
	}
	if kept == 0 {
		t.Error("nobody came in")
	}
	eventually(t, "they are all gone", func() bool {
		return s.Count() == 0 && s.Waiting() == 0 && runtime.NumGoroutine() <= before
	})
}
