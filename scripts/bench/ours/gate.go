package ours

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	gobwas "github.com/gobwas/ws"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/gate/ws"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/scripts/bench/benchpb"
	"loumiao/scripts/bench/harness"
)

const (
	gateNode  id.Node = 1
	worldNode id.Node = 2

	stream   = 1  // of the world
	ackEvery = 64 // replies, as clients of the framework do
)

// ServeTCP is a gate with clients over TCP. If a world was started before it, it leads there.
func ServeTCP(h *harness.Host) (addr string, err error) { return serveGate(h, tcp.New(tcp.Config{})) }

// ServeWS is a gate with clients over WebSocket.
func ServeWS(h *harness.Host) (addr string, err error) { return serveGate(h, ws.New(ws.Config{})) }

func serveGate(h *harness.Host, transport gate.Transport) (addr string, err error) {
	registry, err := wire.NewRegistry(benchpb.File_bench_proto)
	if err != nil {
		return "", err
	}
	view := cluster.NewStatic()
	for _, addr := range h.Upstream {
		view.Set(cluster.Member{Node: worldNode, Boot: id.Boot(worldNode), Type: "world", Addr: addr, State: cluster.Ready})
	}
	l := links(gateNode, "gate")
	g, err := gate.New(gate.Config{
		Self: l.Self, Registry: registry, View: view, Links: l,
		Listen:       []gate.Listen{{Transport: transport, Addr: "127.0.0.1:0"}},
		Routes:       []gate.Route{{Type: "world", Stream: stream, Pick: gate.PickLeast}},
		RateMessages: -1, RateBytes: -1, // or the clients of a benchmark would be refused
		Authenticate: func(_ context.Context, token string) (gate.Identity, error) {
			n, err := strconv.ParseInt(token, 10, 64)
			return gate.Identity{Player: n}, err
		},
	})
	if err != nil {
		return "", err
	}
	if err := errors.Join(g.Start(context.Background()), g.Open(context.Background())); err != nil {
		return "", err
	}
	return transport.Addr().String(), nil
}

type hero struct{}

func (*hero) echo(_ *actor.Context, m *benchpb.Echo) (*benchpb.Echoed, error) {
	return &benchpb.Echoed{Data: m.GetData()}, nil
}

// ServeWorld is a world with an actor for each player.
func ServeWorld(*harness.Host) (addr string, err error) {
	registry, err := wire.NewRegistry(benchpb.File_bench_proto)
	if err != nil {
		return "", err
	}
	server := link.NewServer(links(worldNode, "world"))
	lines := line.NewServer(line.Config{Registry: registry, Links: server, Types: []string{"world"}})
	players := actor.NewPool(actor.NewSystem(actor.Config{}), func(*actor.Context, int64) (*hero, error) { return &hero{}, nil }, actor.PoolConfig{})
	line.Handle(lines, players, (*hero).echo)
	if err := errors.Join(lines.Start(), server.Listen("127.0.0.1:0")); err != nil {
		return "", err
	}
	server.Start()
	return server.Addr(), nil
}

// DialTCP opens a session whose requests are Pings, which the gate itself answers with the same bytes.
func DialTCP(addr string, n int) (*harness.Session, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := hello(c, c, n, func(frame []byte) []byte { return frame }); err != nil {
		c.Close()
		return nil, err
	}
	ping, pong := pingPong()
	return &harness.Session{Conn: c, Request: ping, Answer: pong}, nil
}

// DialWS is DialTCP over WebSocket.
func DialWS(addr string, n int) (*harness.Session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, _, _, err := gobwas.Dial(ctx, "ws://"+addr)
	if err != nil {
		return nil, err
	}
	masked := func(frame []byte) []byte {
		return gobwas.MustCompileFrame(gobwas.MaskFrame(gobwas.NewBinaryFrame(frame)))
	}
	if err := hello(c, &unframed{Reader: c}, n, masked); err != nil {
		c.Close()
		return nil, err
	}
	ping, pong := pingPong()
	return &harness.Session{Conn: c, Request: masked(ping), Answer: gobwas.MustCompileFrame(gobwas.NewBinaryFrame(pong))}, nil
}

// An unframed reader takes the header off one WebSocket frame.
type unframed struct {
	io.Reader
	open bool
}

func (u *unframed) Read(b []byte) (int, error) {
	if !u.open {
		if _, err := gobwas.ReadHeader(u.Reader); err != nil {
			return 0, err
		}
		u.open = true
	}
	return u.Reader.Read(b)
}

func pingPong() (ping, pong []byte) {
	h := wire.Header{Kind: wire.Ping, Call: 1}
	ping = wire.Append(nil, h, []byte(harness.Payload))
	h.Kind = wire.Pong
	return ping, wire.Append(nil, h, []byte(harness.Payload))
}

// hello says hello as player n, and waits to be welcome.
func hello(w io.Writer, r io.Reader, n int, frame func([]byte) []byte) error {
	body, err := wire.MarshalAppend(nil, &wirepb.Hello{Protocol: wire.Version, Token: strconv.Itoa(n + 1)})
	if err != nil {
		return err
	}
	if _, err := w.Write(frame(wire.Append(nil, wire.Header{Kind: wire.Hello}, body))); err != nil {
		return err
	}
	h, _, err := receive(r)
	if err == nil && h.Kind != wire.Welcome {
		err = fmt.Errorf("answered Hello with %v", h.Kind)
	}
	return err
}

func receive(r io.Reader) (wire.Header, []byte, error) {
	head := make([]byte, wire.HeaderSize)
	if _, err := io.ReadFull(r, head); err != nil {
		return wire.Header{}, nil, err
	}
	h, err := wire.ParseHeader(head)
	if err != nil {
		return h, nil, err
	}
	body := make([]byte, h.Size)
	_, err = io.ReadFull(r, body)
	return h, body, err
}

// DialThrough opens a session whose requests go to the player's actor and back. Replies are reliable, so they are numbered, and
// acknowledged.
func DialThrough(addr string, n int) (*harness.Session, error) {
	s, err := DialTCP(addr, n)
	if err != nil {
		return nil, err
	}
	data := []byte(harness.Payload[:inField])
	request, err := wire.MarshalAppend(nil, &benchpb.Echo{Data: data})
	if err != nil {
		return nil, err
	}
	answer, err := wire.MarshalAppend(nil, &benchpb.Echoed{Data: data})
	if err != nil {
		return nil, err
	}
	h := wire.Header{Kind: wire.Request, Stream: stream, Message: 1, Call: 1}
	s.Request = wire.Append(nil, h, request)
	number, err := open(s.Conn, s.Request)
	if err != nil {
		s.Conn.Close()
		return nil, err
	}
	h.Kind, h.Message = wire.Reply, 2
	s.Answer = wire.Append(nil, h, answer)
	want := bytes.Clone(s.Answer)
	acked := number
	s.Received = func(answers []byte) (next []byte, err error) {
		for ; len(answers) > 0; answers = answers[len(want):] {
			number++
			h.Sequence = number
			wire.PutHeader(want, sized(h, len(answer)))
			if !bytes.Equal(answers[:len(want)], want) {
				return nil, fmt.Errorf("got %q, want %q", answers[:len(want)], want)
			}
		}
		if number-acked < ackEvery {
			return nil, nil
		}
		acked = number
		body, err := wire.MarshalAppend(nil, &wirepb.Ack{Received: []*wirepb.Mark{{Stream: stream, Sequence: number}}})
		return wire.Append(nil, wire.Header{Kind: wire.Ack}, body), err
	}
	return s, nil
}

func sized(h wire.Header, size int) wire.Header {
	h.Size = size
	return h
}

// open asks until the gate has its line to the world, and returns the number of the reply.
func open(c net.Conn, request []byte) (uint32, error) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := c.Write(request); err != nil {
			return 0, err
		}
		h, body, err := receive(c)
		if err != nil {
			return 0, err
		}
		if h.Kind == wire.Reply {
			return h.Sequence, nil
		}
		var e wirepb.Error
		if err := wire.Unmarshal(body, &e); err != nil {
			return 0, err
		}
		if err := wire.BodyError(&e); fault.CodeOf(err) != fault.Unavailable || time.Now().After(end) {
			return 0, fmt.Errorf("answered with %v: %w", h.Kind, err)
		}
	}
}
