package client

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
)

// overPipe opens a session with a gate that the test speaks for, at the other end.
func overPipe(t *testing.T, opts Options, welcome *wirepb.Welcome) (c *Conn, gate *stream) {
	t.Helper()
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	opts.Registry = registry
	here, there := net.Pipe()
	t.Cleanup(func() { there.Close() })
	_ = there.SetDeadline(time.Now().Add(30 * time.Second))
	gate = newStream(there)
	greeted := make(chan *wirepb.Hello, 1)
	go func() {
		var hello wirepb.Hello
		if _, body, err := gate.read(); err == nil && wire.Unmarshal(body, &hello) == nil {
			b, _ := proto.Marshal(welcome)
			_ = gate.write(wire.Append(nil, wire.Header{Kind: wire.Welcome}, b))
		}
		greeted <- &hello
	}()
	c, err = begin(t.Context(), func(context.Context, string) (transport, error) { return newStream(here), nil }, "pipe", opts)
	if hello := <-greeted; opts.Compress != (len(hello.GetCompressions()) == 1) {
		t.Errorf("Hello offers the compressions %q", hello.GetCompressions())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, gate
}

func compressingWelcome() *wirepb.Welcome {
	return &wirepb.Welcome{
		Protocol: 1, Session: 7, MaxBody: 16 << 10, Compression: wire.Deflate, CompressFrom: 100,
		Streams: []*wirepb.Stream{{Number: 1, Type: "world"}, {Number: 2, Type: "queue"}},
	}
}

func TestLongMessagesAreCompressed(t *testing.T) {
	t.Parallel()
	pushes := make(chan proto.Message, 2)
	c, gate := overPipe(t, Options{Compress: true, OnPush: func(m proto.Message) { pushes <- m }}, compressingWelcome())
	for _, n := range []int{1, 2000} {
		greeting := &pb.Greet{Greeting: strings.Repeat("hello ", n)}
		sent := make(chan error, 1)
		go func() { sent <- c.Send(greeting) }()
		h, body, err := gate.read()
		if err != nil {
			t.Fatal(err)
		}
		compressed := n > 100
		if (h.Flags == wire.Compressed) != compressed {
			t.Errorf("%d greetings were sent with flags %#x", n, h.Flags)
		}
		if compressed {
			if body, err = wire.Unpack(nil, body, wire.Limits{}); err != nil {
				t.Fatal(err)
			}
		}
		var got pb.Greet
		if err := wire.Unmarshal(body, &got); err != nil || !proto.Equal(&got, greeting) {
			t.Errorf("the gate got %d bytes and %v", len(got.GetGreeting()), err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	}

	pushed := &pb.Admitted{Pass: strings.Repeat("pass", 1000)}
	plain, _ := proto.Marshal(pushed)
	body, ok := wire.Pack(nil, plain)
	if !ok {
		t.Fatal("not compressed")
	}
	h := wire.Header{Kind: wire.Push, Flags: wire.Compressed, Stream: 2, Message: c.opts.Registry.IDOf(pushed), Sequence: 1}
	if err := gate.write(wire.Append(nil, h, body)); err != nil {
		t.Fatal(err)
	}
	if got := <-pushes; !proto.Equal(got, pushed) {
		t.Errorf("got %v", got)
	}
}

func TestGatesThatCompressBadly(t *testing.T) {
	t.Parallel()
	bomb, ok := wire.Pack(nil, make([]byte, maxBody+1))
	if !ok {
		t.Fatal("not compressed")
	}
	good, _ := wire.Pack(nil, make([]byte, 1000))
	notAgreed := compressingWelcome()
	notAgreed.Compression = ""
	for name, test := range map[string]struct {
		welcome *wirepb.Welcome
		body    []byte
	}{
		"without having agreed": {notAgreed, good},
		"a bomb":                {compressingWelcome(), bomb},
		"cut short":             {compressingWelcome(), good[:len(good)-1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, gate := overPipe(t, Options{Compress: true}, test.welcome)
			h := wire.Header{Kind: wire.Push, Flags: wire.Compressed, Stream: 2, Message: c.opts.Registry.IDOf(&pb.Admitted{}), Sequence: 1}
			if err := gate.write(wire.Append(nil, h, test.body)); err != nil {
				t.Fatal(err)
			}
			<-c.Done()
			if err := c.Err(); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "breaks the protocol") {
				t.Errorf("the session ended with %v", err)
			}
		})
	}
}
