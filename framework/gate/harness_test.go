package gate_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/gatepb"
	"loumiao/framework/gate/internal/selfsigned"
	"loumiao/framework/gate/kcp"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/gate/ws"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/trace"
	"loumiao/framework/udp"
	"loumiao/framework/udp/udptest"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, udptest.Library()...) }

var (
	// calm is for clients that a test has say nothing for as long as it waits for something else.
	calm = udp.Config{Idle: 2 * patience}
	// swift is for so many conversations that the last word of some is lost.
	swift = udp.Config{Idle: 10 * time.Second}
)

const patience = 30 * time.Second // for what must happen

// The messages of these tests, and the streams of the types that they go to.
const (
	enter  = 1 // to world, any player: opens the stream
	reply  = 2
	act    = 3 // to world, bound
	tick   = 4 // droppable
	login  = 5 // to account, anybody
	join   = 6 // to zone, bound
	note   = 7
	lineUp = 8 // to queue
	nobody = 9 // to a type that has no route

	streamWorld, streamZone, streamQueue, streamAccount = 1, 2, 3, 4
)

func registry(t testing.TB) *wire.Registry {
	t.Helper()
	r, err := wire.NewRegistry(gatepb.File_gatetest_proto)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Nodes of these tests.
const (
	gateNode  id.Node = 1
	worldNode id.Node = 30
	otherNode id.Node = 31
	zoneNode  id.Node = 40
	queueNode id.Node = 50
	accNode   id.Node = 60
)

func peer(n id.Node, typ string) link.Peer { return link.Peer{Node: n, Boot: 1, Type: typ} }

var (
	world = peer(worldNode, "world")
	zone  = peer(zoneNode, "zone")
)

func view() *cluster.Static {
	member := func(n id.Node, typ string) cluster.Member {
		return cluster.Member{Node: n, Boot: 1, Type: typ, State: cluster.Ready, Addr: "127.0.0.1:1"}
	}
	return cluster.NewStatic(member(worldNode, "world"), member(zoneNode, "zone"), member(queueNode, "queue"), member(accNode, "account"))
}

// A frame is one that went either way.
type frame struct {
	wire.Header
	body []byte
}

func (f frame) String() string {
	return fmt.Sprintf("%s stream %d message %d call %d seq %d %q", f.Kind, f.Stream, f.Message, f.Call, f.Sequence, f.body)
}

// An event is something that the gate told its lines.
type event struct {
	what    string // "attach", "detach", "forward", "ack"
	node    id.Node
	session id.Session
	info    line.SessionInfo
	stream  uint8
	code    fault.Code
	frame   frame
}

// fakeLines is the backends: it records what the gate says, and answers requests of messages enter, act and login like an echo.
type fakeLines struct {
	down   line.Downstream
	events chan event
	quiet  bool // records and answers nothing

	settled chan struct{} // closed when there are lines to all; nil: at once

	finds func(route uint8, resets, received uint32) []id.Node // which nodes are asked for a session; nil: none

	mu     sync.Mutex
	broken map[id.Node]bool // nodes without a line
	full   bool             // no line takes messages
}

func (f *fakeLines) Start() error               { return nil }
func (f *fakeLines) Stop(context.Context) error { return nil }
func (f *fakeLines) Settle(ctx context.Context) error {
	if f.settled == nil {
		return nil
	}
	select {
	case <-f.settled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
func (f *fakeLines) Flush() {}

func (f *fakeLines) cut(n id.Node) {
	f.mu.Lock()
	f.broken[n] = true
	f.mu.Unlock()
}

// fill has the lines take no more messages.
func (f *fakeLines) fill() {
	f.mu.Lock()
	f.full = true
	f.mu.Unlock()
}

// mend has there be a line to the node again, and says so.
func (f *fakeLines) mend(p link.Peer) {
	f.mu.Lock()
	delete(f.broken, p.Node)
	f.mu.Unlock()
	f.down.Up(p)
}

func (f *fakeLines) record(e event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken[e.node] {
		return fault.New(fault.Unavailable, "no line")
	}
	if !f.quiet {
		f.events <- e
	}
	return nil
}

func (f *fakeLines) Attach(n id.Node, s line.SessionInfo) error {
	return f.record(event{what: "attach", node: n, session: s.ID, info: s, stream: s.Stream})
}

func (f *fakeLines) Detach(n id.Node, s id.Session, stream uint8, code fault.Code) error {
	return f.record(event{what: "detach", node: n, session: s, stream: stream, code: code})
}

func (f *fakeLines) ForwardTraced(_ trace.Ref, n id.Node, s id.Session, h wire.Header, body []byte) error {
	return f.Forward(n, s, h, body)
}

func (f *fakeLines) Forward(n id.Node, s id.Session, h wire.Header, body []byte) error {
	f.mu.Lock()
	full := f.full
	f.mu.Unlock()
	if full {
		return fault.New(fault.Overloaded, "the line is full")
	}
	return f.record(event{what: "forward", node: n, session: s, stream: h.Stream, frame: frame{h, append([]byte(nil), body...)}})
}

func (f *fakeLines) Ack(n id.Node, s id.Session, stream uint8, sequence uint32) error {
	return f.record(event{what: "ack", node: n, session: s, stream: stream, frame: frame{Header: wire.Header{Sequence: sequence}}})
}

func (f *fakeLines) Find(s line.SessionInfo, received uint32) []id.Node {
	if f.finds == nil {
		return nil
	}
	return f.finds(s.Stream, s.Resets, received)
}

func (f *fakeLines) Resume(n id.Node, s line.SessionInfo, received uint32) error {
	return f.record(event{what: "resume", node: n, session: s.ID, stream: s.Stream, info: s, frame: frame{Header: wire.Header{Sequence: received}}})
}

func (f *fakeLines) GoOn(n id.Node, s line.SessionInfo, sent uint32) error {
	return f.record(event{what: "go on", node: n, session: s.ID, stream: s.Stream, info: s, frame: frame{Header: wire.Header{Sequence: sent}}})
}

func (f *fakeLines) Held(n id.Node, s id.Session, stream uint8) error {
	return f.record(event{what: "held", node: n, session: s, stream: stream})
}

// next is the next thing that the gate told its lines.
func (f *fakeLines) next(t testing.TB, what string) event {
	t.Helper()
	select {
	case e := <-f.events:
		if e.what != what {
			t.Fatalf("the gate's lines got %s %+v, want %s", e.what, e, what)
		}
		return e
	case <-time.After(patience):
		t.Fatalf("the gate's lines got nothing, want %s", what)
		return event{}
	}
}

// send has a backend send one frame.
func (f *fakeLines) send(from link.Peer, s id.Session, h wire.Header, body []byte) {
	f.down.Deliver(from, s, h, body)
	f.down.Flush()
}

// A stack is a gate with fake backends, listening for TCP and WebSocket, plain and with TLS.
type stack struct {
	*gate.Gate
	lines *fakeLines
	view  *cluster.Static
	addrs map[string]string // by what eachTransport calls them
	tls   *tls.Config       // trusts the gate

	shut    bool   // started and not opened
	preface []byte // what clients send before anything else
}

// start starts a gate. Tokens are "player:NUMBER".
func start(t testing.TB, change func(*gate.Config)) *stack {
	t.Helper()
	return startAs(t, &stack{}, change)
}

// startAs is start for a stack that has some of its parts already.
func startAs(t testing.TB, s *stack, change func(*gate.Config)) *stack {
	t.Helper()
	s.view, s.addrs = view(), map[string]string{}
	s.lines = &fakeLines{events: make(chan event, 100_000), broken: map[id.Node]bool{}}
	var serverTLS *tls.Config
	serverTLS, s.tls = selfsigned.Pair(t)
	transports := map[string]gate.Transport{
		"tcp": tcp.New(tcp.Config{}), "ws": ws.New(ws.Config{Path: "/ws", HandshakeTimeout: patience}),
		"kcp": kcp.New(kcp.Config{UDP: calm}), "kcps": kcp.New(kcp.Config{UDP: calm, TLS: serverTLS, HandshakeTimeout: patience}),
		"tls": tcp.New(tcp.Config{TLS: serverTLS, HandshakeTimeout: patience}), "wss": ws.New(ws.Config{Path: "/ws", TLS: serverTLS, HandshakeTimeout: patience}),
	}
	cfg := gate.Config{
		Self: peer(gateNode, "gate"), Registry: registry(t), View: s.view, HandshakeTimeout: patience,
		Routes: []gate.Route{
			{Type: "world", Stream: streamWorld, Pick: gate.PickLeast}, {Type: "zone", Stream: streamZone},
			{Type: "queue", Stream: streamQueue, Pick: gate.PickSingle}, {Type: "account", Stream: streamAccount, Pick: gate.PickLeast},
		},
		Authenticate: func(_ context.Context, token string) (gate.Identity, error) {
			n, err := strconv.ParseInt(strings.TrimPrefix(token, "player:"), 10, 64)
			if err != nil {
				return gate.Identity{}, fault.New(fault.Unauthenticated, "the token is forged")
			}
			return gate.Identity{Player: n, Account: n + 1000, Area: 7}, nil
		},
		Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	}
	for _, transport := range transports {
		cfg.Listen = append(cfg.Listen, gate.Listen{Transport: transport, Addr: "127.0.0.1:0"})
	}
	if change != nil {
		change(&cfg)
	}
	g, err := gate.NewWithLines(cfg, func(d line.Downstream) gate.Lines { s.lines.down = d; return s.lines })
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Gate = g
	if !s.shut {
		if err := g.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, transport := range transports {
		s.addrs[name] = transport.Addr().String()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

// testWriter logs to the test, for as long as it runs.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

// A client is one that a test plays.
type client struct {
	t    testing.TB
	conn net.Conn
	ws   bool
	json bool
	r    *bufio.Reader
	id   id.Session
}

// connect opens what the transport is over.
func (s *stack) connect(t testing.TB, transport string) (net.Conn, error) {
	if strings.HasPrefix(transport, "kcp") {
		return udp.Dial(t.Context(), s.addrs[transport])
	}
	return net.Dial("tcp", s.addrs[transport])
}

func (s *stack) dial(t testing.TB, transport string) *client {
	t.Helper()
	c := &client{t: t, ws: strings.HasPrefix(transport, "ws")}
	conn, err := s.connect(t, transport)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(s.preface); err != nil {
		t.Fatal(err)
	}
	c.conn = conn
	switch {
	case c.ws:
		dialer := gobwas.Dialer{TLSConfig: s.tls, NetDial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
		c.conn, c.r, _, err = dialer.Dial(t.Context(), transport+"://"+s.addrs[transport]+"/ws")
	case transport == "tls", transport == "kcps":
		secure := tls.Client(conn, s.tls)
		c.conn, err = secure, secure.HandshakeContext(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.r == nil {
		c.r = bufio.NewReader(c.conn)
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.conn.Close() })
	return c
}

// enter connects and says hello; token "" is anonymous.
func (s *stack) enter(t testing.TB, transport, token string) *client {
	t.Helper()
	c := s.dial(t, transport)
	c.hello(&wirepb.Hello{Protocol: wire.Version, Token: token})
	c.welcome()
	return c
}

func (c *client) hello(h *wirepb.Hello) {
	c.t.Helper()
	header := wire.Header{Kind: wire.Hello}
	if c.json {
		header.Flags = wire.JSON
	}
	c.send(header, c.encode(h))
}

func (c *client) welcome() *wirepb.Welcome {
	c.t.Helper()
	var w wirepb.Welcome
	c.decode(c.expect(wire.Welcome).body, &w)
	c.id = id.Session(w.GetSession())
	return &w
}

func (c *client) encode(m proto.Message) []byte {
	c.t.Helper()
	encode := wire.MarshalAppend
	if c.json {
		encode = wire.MarshalJSON
	}
	b, err := encode(nil, m)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

func (c *client) decode(b []byte, m proto.Message) {
	c.t.Helper()
	decode := wire.Unmarshal
	if c.json {
		decode = wire.UnmarshalJSON
	}
	if err := decode(b, m); err != nil {
		c.t.Fatalf("%v: %q", err, b)
	}
}

func (c *client) send(h wire.Header, body []byte) {
	c.t.Helper()
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	if err := c.write(wire.Append(nil, h, body)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) write(b []byte) error {
	if c.ws {
		return wsutil.WriteClientBinary(c.conn, b)
	}
	_, err := c.conn.Write(b)
	return err
}

// recv is the next frame.
func (c *client) recv() (frame, error) {
	b := make([]byte, wire.HeaderSize)
	if c.ws {
		var err error
		b, err = wsutil.ReadServerBinary(struct {
			io.Reader
			io.Writer
		}{c.r, io.Discard})
		if err != nil {
			return frame{}, err
		}
	} else {
		if _, err := io.ReadFull(c.r, b); err != nil {
			return frame{}, err
		}
		h, err := wire.ParseHeader(b)
		if err != nil {
			return frame{}, err
		}
		b = append(b, make([]byte, h.Size)...)
		if _, err := io.ReadFull(c.r, b[wire.HeaderSize:]); err != nil {
			return frame{}, err
		}
	}
	h, body, err := wire.ParseFrame(b, wire.Limits{})
	return frame{h, body}, err
}

func (c *client) expect(kind wire.Kind) frame {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	f, err := c.recv()
	if err != nil {
		c.t.Fatalf("got %v, want a %s frame", err, kind)
	}
	if f.Kind != kind {
		c.t.Fatalf("got %v, want a %s frame", f, kind)
	}
	return f
}

// expectError is an Error for the call, or a Kick.
func (c *client) expectError(kind wire.Kind, call uint32, code fault.Code) {
	c.t.Helper()
	f := c.expect(kind)
	var e wirepb.Error
	c.decode(f.body, &e)
	if f.Call != call || fault.Code(e.GetCode()) != code {
		c.t.Fatalf("got %s for call %d: %s %q, want %s for call %d", f.Kind, f.Call, fault.Code(e.GetCode()), e.GetMessage(), code, call)
	}
}

// expectEnd reads until the gate has closed the connection.
func (c *client) expectEnd() {
	c.t.Helper()
	for {
		if _, err := c.recv(); err != nil {
			if isTimeout(err) {
				c.t.Fatal("the connection stays open")
			}
			return
		}
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never became true that " + what)
		}
	}
}

func eachTransport(t *testing.T, fn func(t *testing.T, transport string)) {
	for _, transport := range []string{"tcp", "ws", "kcp", "tls", "wss", "kcps"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			fn(t, transport)
		})
	}
}
