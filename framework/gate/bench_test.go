package gate_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/selfsigned"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/gate/ws"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// echoLines answers every request at once, from the session's own goroutine: what is measured is the gate.
type echoLines struct {
	down  line.Downstream
	mu    sync.Mutex
	batch []echo
	spare []echo
}

type echo struct {
	session id.Session
	h       wire.Header
	body    [64]byte
}

func (e *echoLines) Start() error                                        { return nil }
func (*echoLines) Settle(context.Context) error                          { return nil }
func (e *echoLines) Stop(context.Context) error                          { return nil }
func (e *echoLines) Attach(id.Node, line.SessionInfo) error              { return nil }
func (e *echoLines) Detach(id.Node, id.Session, uint8, fault.Code) error { return nil }
func (*echoLines) Find(line.SessionInfo, uint32) []id.Node               { return nil }

func (*echoLines) Resume(id.Node, line.SessionInfo, uint32) error { return nil }
func (*echoLines) GoOn(id.Node, line.SessionInfo, uint32) error   { return nil }
func (*echoLines) Held(id.Node, id.Session, uint8) error          { return nil }

func (e *echoLines) Ack(id.Node, id.Session, uint8, uint32) error { return nil }

func (e *echoLines) ForwardTraced(_ trace.Ref, n id.Node, s id.Session, h wire.Header, body []byte) error {
	return e.Forward(n, s, h, body)
}

func (e *echoLines) Forward(_ id.Node, s id.Session, h wire.Header, body []byte) error {
	h.Kind, h.Message = wire.Reply, reply
	item := echo{session: s, h: h}
	copy(item.body[:], body)
	e.mu.Lock()
	e.batch = append(e.batch, item)
	e.mu.Unlock()
	return nil
}

var worldPeer = link.Peer{Node: worldNode, Boot: 1, Type: "world"}

func (e *echoLines) Flush() {
	e.mu.Lock()
	batch := e.batch
	e.batch, e.spare = e.spare, nil
	e.mu.Unlock()
	for i := range batch {
		e.down.Deliver(worldPeer, batch[i].session, batch[i].h, batch[i].body[:])
	}
	e.down.Flush()
	e.mu.Lock()
	e.spare = batch[:0]
	e.mu.Unlock()
}

// BenchmarkEcho measures echoes of 64 bytes: through a gate (over TCP, WebSocket and TLS), and by a plain TCP server that writes back what it reads, in turn, in one
// process. Clients of both are the same code but for the framing, and check what comes back.
func BenchmarkEcho(b *testing.B) {
	for _, load := range []struct{ clients, inFlight int }{{100, 1}, {100, 16}, {1000, 1}} {
		name := strconv.Itoa(load.clients) + "x" + strconv.Itoa(load.inFlight)
		b.Run("raw/"+name, func(b *testing.B) {
			addr := rawEcho(b)
			benchmarkEcho(b, load.clients, load.inFlight, func() (net.Conn, []byte, []byte) {
				c := dialRaw(b, addr)
				message := make([]byte, wire.HeaderSize+64)
				return c, message, message
			})
		})
		for _, transport := range []string{"tcp", "ws", "tls"} {
			b.Run(transport+"/"+name, func(b *testing.B) {
				addr, trust := startEcho(b, transport)
				benchmarkEcho(b, load.clients, load.inFlight, func() (net.Conn, []byte, []byte) { return dialEcho(b, transport, addr, trust) })
			})
		}
	}
}

func rawEcho(b testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var conns sync.WaitGroup
	b.Cleanup(func() { l.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	return l.Addr().String()
}

func dialRaw(b testing.TB, addr string) net.Conn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// startEcho starts a gate, and returns where, and how TLS clients trust it.
func startEcho(b testing.TB, transport string) (addr string, trust *tls.Config) {
	var cfg tcp.Config
	if transport == "tls" {
		cfg.TLS, trust = selfsigned.Pair(b)
	}
	var t gate.Transport = tcp.New(cfg)
	if transport == "ws" {
		t = ws.New(ws.Config{})
	}
	serveEcho(b, t)
	return t.Addr().String(), trust
}

// serveEcho starts a gate that answers every request at once.
func serveEcho(b testing.TB, transports ...gate.Transport) {
	var listen []gate.Listen
	for _, t := range transports {
		listen = append(listen, gate.Listen{Transport: t, Addr: "127.0.0.1:0"})
	}
	lines := &echoLines{}
	g, err := gate.NewWithLines(gate.Config{
		Self: peer(gateNode, "gate"), Registry: registry(b), View: view(), Listen: listen,
		Routes:       []gate.Route{{Type: "world", Stream: streamWorld, Pick: gate.PickLeast}},
		RateMessages: -1, RateBytes: -1, MaxPending: 100_000, HandshakeTimeout: time.Minute, Heartbeat: time.Minute,
		Authenticate: func(context.Context, string) (gate.Identity, error) {
			return gate.Identity{Player: players.Add(1)}, nil
		},
	}, func(d line.Downstream) gate.Lines { lines.down = d; return lines })
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(g.Start(b.Context()), g.Open(b.Context())); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = g.Stop(ctx)
	})
}

var players atomic.Int64

// dialEcho opens a session, and returns it with a request and its reply as they look on the connection.
func dialEcho(b testing.TB, transport, addr string, trust *tls.Config) (c net.Conn, request, answer []byte) {
	hello, _ := wire.MarshalAppend(nil, &wirepb.Hello{Protocol: 1, Token: "t"})
	body := []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	wrap := func(f []byte) []byte { return f }
	unwrapped := func(f []byte) []byte { return f }
	if transport == "ws" {
		var err error
		if c, _, _, err = gobwas.Dial(context.Background(), "ws://"+addr); err != nil {
			b.Fatal(err)
		}
		wrap = func(f []byte) []byte { return gobwas.MustCompileFrame(gobwas.MaskFrame(gobwas.NewBinaryFrame(f))) }
		unwrapped = func(f []byte) []byte { return gobwas.MustCompileFrame(gobwas.NewBinaryFrame(f)) }
	} else {
		c = dialRaw(b, addr)
	}
	if transport == "tls" {
		c = tls.Client(c, trust)
	}
	if _, err := c.Write(wrap(wire.Append(nil, wire.Header{Kind: wire.Hello}, hello))); err != nil {
		b.Fatal(err)
	}
	head := make([]byte, wire.HeaderSize)
	if transport == "ws" {
		h, err := gobwas.ReadHeader(c)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, c, h.Length); err != nil {
			b.Fatal(err)
		}
	} else {
		if _, err := io.ReadFull(c, head); err != nil {
			b.Fatal(err)
		}
		h, err := wire.ParseHeader(head)
		if err != nil || h.Kind != wire.Welcome {
			b.Fatal(h, err)
		}
		if _, err := io.CopyN(io.Discard, c, int64(h.Size)); err != nil {
			b.Fatal(err)
		}
	}
	h := wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 1}
	request = wrap(wire.Append(nil, h, body))
	h.Kind, h.Message = wire.Reply, reply
	return c, request, unwrapped(wire.Append(nil, h, body))
}

// benchmarkEcho sends b.N messages in all, each client keeping so many in flight.
func benchmarkEcho(b *testing.B, clients, inFlight int, dial func() (net.Conn, []byte, []byte)) {
	type player struct {
		conn            net.Conn
		request, answer []byte
	}
	players := make([]player, clients)
	for i := range players {
		c, request, answer := dial()
		full := make([]byte, 0, inFlight*len(request))
		for range inFlight {
			full = append(full, request...)
		}
		players[i] = player{c, full, answer}
		defer c.Close()
	}
	rounds := b.N/(clients*inFlight) + 1
	b.ReportAllocs()
	b.ResetTimer()
	var done sync.WaitGroup
	for _, p := range players {
		done.Go(func() {
			buf := make([]byte, inFlight*len(p.answer))
			for range rounds {
				if _, err := p.conn.Write(p.request); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(p.conn, buf); err != nil {
					b.Error(err)
					return
				}
				if string(buf[:len(p.answer)]) != string(p.answer) {
					b.Errorf("got %q, want %q", buf[:len(p.answer)], p.answer)
					return
				}
			}
		})
	}
	done.Wait()
	b.ReportMetric(float64(rounds*clients*inFlight)/b.Elapsed().Seconds()/1000, "k/s")
}
