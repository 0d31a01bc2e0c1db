package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

// A canned connection brings what a gate once said, in pieces, and then ends. When the first is one whole frame, what comes after it waits
// until the client has sent what it is going to. What the client sends is read as frames, and must be some.
type canned struct {
	pieces   [][]byte
	waits    bool
	released chan struct{}
	closed   chan struct{}
	once     sync.Once

	mu      sync.Mutex
	sent    *wire.Splitter
	invalid error
}

// can cuts the rest in pieces of a size.
func can(first, rest []byte, size int) *canned {
	c := &canned{pieces: [][]byte{bytes.Clone(first)}, released: make(chan struct{}), closed: make(chan struct{}), sent: wire.NewSplitter(wire.Limits{})}
	_, _, err := wire.ParseFrame(first, wire.Limits{})
	if c.waits = err == nil; !c.waits {
		close(c.released)
	}
	for r := bytes.NewBuffer(rest); r.Len() > 0; {
		c.pieces = append(c.pieces, bytes.Clone(r.Next(size)))
	}
	return c
}

func (c *canned) Read(b []byte) (int, error) {
	for len(c.pieces) > 0 && len(c.pieces[0]) == 0 {
		c.pieces = c.pieces[1:]
		select {
		case <-c.released:
		case <-c.closed:
			return 0, net.ErrClosed
		}
	}
	if len(c.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.pieces[0])
	c.pieces[0] = c.pieces[0][n:]
	return n, nil
}

func (c *canned) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent.Feed(bytes.Clone(b))
	for {
		h, _, ok, err := c.sent.Next()
		switch {
		case err != nil:
			c.invalid = err
		case !ok:
			return len(b), nil
		case !h.Kind.FromClient():
			c.invalid = fmt.Errorf("the client sent a %s frame", h.Kind)
		}
		if c.invalid != nil {
			return 0, c.invalid
		}
	}
}

func (c *canned) Close() error                     { c.once.Do(func() { close(c.closed) }); return nil }
func (c *canned) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *canned) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }

// hear lets a client hear what is in the can, with two calls on their way, and is everything that it made of that.
func hear(t *testing.T, r *wire.Registry, c *canned, json bool) string {
	var told strings.Builder
	opts := client.Options{Registry: r, JSON: json, OnPush: func(m proto.Message) {
		fmt.Fprintf(&told, "push %s %v\n", m.ProtoReflect().Descriptor().Name(), size(m))
	}}
	conn, err := client.Over(t.Context(), c, opts)
	if err != nil {
		if conn != nil || fault.CodeOf(err) == fault.OK {
			t.Fatalf("refused with %v and %v", conn, err)
		}
		return "refused: " + fault.CodeOf(err).String()
	}
	var waits []func(context.Context) (proto.Message, error)
	if c.waits {
		for _, m := range []proto.Message{&pb.Greet{}, &pb.EnterQueue{}} {
			if wait, err := client.Start[proto.Message](conn, m); err == nil {
				waits = append(waits, wait)
			}
		}
		close(c.released)
	}
	<-conn.Done()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	for i, wait := range waits {
		m, err := wait(t.Context())
		if (m == nil) == (err == nil) {
			t.Fatalf("call %d: %v and %v", i, m, err)
		}
		fmt.Fprintf(&told, "call %d: %s %d\n", i, fault.CodeOf(err), size(m))
	}
	if conn.Err() == nil || fault.CodeOf(conn.Err()) == fault.OK {
		t.Fatalf("ended by %v", conn.Err())
	}
	if c.invalid != nil {
		t.Fatal(c.invalid)
	}
	fmt.Fprintf(&told, "ended: %s, disorder %v", fault.CodeOf(conn.Err()), conn.Disorder())
	return told.String()
}

func size(m proto.Message) int {
	if m == nil {
		return 0
	}
	return proto.Size(m)
}

// said is what a good gate says, as seeds.
func said(r *wire.Registry, json bool) (welcome, rest []byte) {
	s := fakegate.Over(nil, r)
	s.JSON = json
	welcome = s.Encode(wire.Header{Kind: wire.Welcome}, fakegate.Welcome())
	for _, f := range []struct {
		h wire.Header
		m proto.Message
	}{
		{wire.Header{Kind: wire.Push, Stream: 1, Message: matchFound, Sequence: 1}, &pb.MatchFound{Match: 5, Players: []int64{1, 2}}},
		{wire.Header{Kind: wire.Reply, Stream: 1, Message: greet + 1, Call: 1, Sequence: 2}, &pb.GreetReply{Text: "hello", Count: 1 << 60}},
		{wire.Header{Kind: wire.Pong}, nil},
		{wire.Header{Kind: wire.Push, Stream: 0, Message: queueUpdate}, &pb.QueueUpdate{Position: 7}},
		{wire.Header{Kind: wire.Reset}, &wirepb.Reset{Stream: 1, Reason: "gone"}},
		{wire.Header{Kind: wire.Error, Stream: 2, Call: 2}, &wirepb.Error{Code: 9, Message: "nobody"}},
		{wire.Header{Kind: wire.Push, Stream: 1, Message: 3107, Sequence: 1}, &pb.MatchEnded{Profile: &pb.Profile{Wallet: map[string]int64{"gold": 5}}}},
		{wire.Header{Kind: wire.Kick}, &wirepb.Error{Code: 20, Message: "elsewhere"}},
	} {
		rest = append(rest, s.Encode(f.h, f.m)...)
	}
	return welcome, rest
}

// FuzzGate has any bytes come from a gate over TCP. However they are split, the client makes the same of them; it ends every call once, and
// sends nothing but frames that clients send.
func FuzzGate(f *testing.F) {
	r := registry(f)
	for _, json := range []bool{false, true} {
		welcome, rest := said(r, json)
		f.Add(welcome, rest, uint16(7), json)
		f.Add(welcome, rest[:len(rest)/2], uint16(1), json)
		f.Add(rest[:len(rest)-10], rest, uint16(100), json)
	}
	f.Fuzz(func(t *testing.T, first, rest []byte, piece uint16, json bool) {
		whole := hear(t, r, can(first, rest, len(rest)+1), json)
		split := hear(t, r, can(first, rest, int(piece)+1), json)
		if whole != split {
			t.Fatalf("whole:\n%s\nsplit:\n%s", whole, split)
		}
	})
}

// FuzzGateWebSocket has any bytes come over a connection that has become a WebSocket: a good Welcome first, if that is wanted.
func FuzzGateWebSocket(f *testing.F) {
	r := registry(f)
	for _, json := range []bool{false, true} {
		welcome, rest := said(r, json)
		f.Add(serverFrame(rest), uint16(3), true, json)
		f.Add(serverFrame(welcome), uint16(1), false, json)
	}
	f.Add([]byte{0x89, 0x01, 'x', 0x01, 0x02, 'h', 'i', 0x88, 0x02, 0x03, 0xe8}, uint16(1), true, false) // ping, half a text, close
	f.Add([]byte{0x02, 0x03, 1, 2, 3, 0x80, 0x7f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, uint16(1), true, false)
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16, welcomed, json bool) {
		var web peers
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			web.Go(func() { web.upgrade(far, r, stream, int(piece)+1, welcomed, json) })
			return near, nil
		}}
		opts := client.Options{Registry: r, JSON: json, HTTP: &http.Client{Transport: transport}}
		conn, err := client.Dial(t.Context(), "ws://gate/ws", opts)
		if err == nil {
			wait, err := client.Start[proto.Message](conn, &pb.Greet{})
			<-conn.Done()
			if err == nil {
				if m, err := wait(t.Context()); (m == nil) == (err == nil) {
					t.Fatalf("the call ended with %v and %v", m, err)
				}
			}
			if conn.Err() == nil {
				t.Fatal("ended for no reason")
			}
			_ = conn.Close()
		} else if fault.CodeOf(err) == fault.OK {
			t.Fatal(err)
		}
		transport.CloseIdleConnections()
		web.Wait()
	})
}

// FuzzLogin has any answer come from the login web: it is a ticket or an error, and only so much of it is read.
func FuzzLogin(f *testing.F) {
	f.Add(200, []byte(`{"account":"1","player":"2","area":1,"token":"t","expires_in":60,"refresh":"1.x","gates":[{"tcp":"127.0.0.1:9000"}]}`))
	f.Add(200, []byte(`{"token":""}`))
	f.Add(200, []byte(`<html>`))
	f.Add(403, []byte(`{"error":{"code":"forbidden","message":"banned"}}`))
	f.Add(500, []byte(`{"error":{"code":"ok","message":"lies"}}`))
	f.Add(429, []byte(`{"error":{"code":"of_a_fork","message":"slowly"}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		answer := &counted{r: bytes.NewReader(body)}
		login := client.Login{Base: "http://login", HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: answer, Header: http.Header{}}, nil
		})}}
		ticket, err := login.Guest(t.Context(), "0123456789abcdef", 1)
		switch {
		case (ticket == nil) == (err == nil):
			t.Fatalf("got %v and %v", ticket, err)
		case err == nil && (ticket.Token == "" || status/100 != 2):
			t.Fatalf("status %d gives the ticket %+v", status, ticket)
		case err != nil && fault.CodeOf(err) == fault.OK:
			t.Fatalf("an error without code: %v", err)
		case answer.n > client.MaxReply || !answer.closed:
			t.Fatalf("%d bytes were read; closed: %t", answer.n, answer.closed)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// counted is a body that counts what is read of it.
type counted struct {
	r      io.Reader
	n      int
	closed bool
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}

func (c *counted) Close() error {
	if c.closed {
		return errors.New("closed twice")
	}
	c.closed = true
	return nil
}
