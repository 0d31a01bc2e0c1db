//go:build unix

package gate_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/selfsigned"
	"loumiao/framework/gate/kcp"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/gate/ws"
	"loumiao/framework/wire"
)

// openings is how connections begin that never become sessions: what they send, by what they seem to be. Each could go on.
func openings(t *testing.T) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"tcp":   wire.AppendHeader(nil, wire.Header{Kind: wire.Hello, Size: 100})[:15],
		"kcp":   wire.AppendHeader(nil, wire.Header{Kind: wire.Hello, Size: 100})[:15],
		"ws":    []byte("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"),
		"tls":   clientHello(t)[:50],
		"wss":   clientHello(t)[:200],
		"proxy": proxyHeader("203.0.113.9:4000")[:20],
	}
}

// clientHello is what a TLS client sends first.
func clientHello(t *testing.T) []byte {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		_ = tls.Client(there, &tls.Config{ServerName: "gate.example.com"}).Handshake() // which fails when the pipe closes
	}()
	b := make([]byte, 4096)
	n, err := here.Read(b)
	if err != nil || n < 201 {
		t.Fatalf("a TLS client begins with %d bytes and %v", n, err)
	}
	return b[:n]
}

// guarded starts a gate with the ways in of openings, whose transports have the given timeout and whose gate has none that matters.
func guarded(t *testing.T, timeout time.Duration, change func(*gate.Config)) *stack {
	t.Helper()
	server, trust := selfsigned.Pair(t)
	ways := map[string]gate.Transport{
		"tcp":   tcp.New(tcp.Config{HandshakeTimeout: timeout}),
		"kcp":   kcp.New(kcp.Config{HandshakeTimeout: timeout, UDP: swift}),
		"ws":    ws.New(ws.Config{HandshakeTimeout: timeout, Path: "/ws"}),
		"tls":   tcp.New(tcp.Config{HandshakeTimeout: timeout, TLS: server}),
		"wss":   ws.New(ws.Config{HandshakeTimeout: timeout, Path: "/ws", TLS: server}),
		"proxy": tcp.New(tcp.Config{HandshakeTimeout: timeout, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
	}
	s := start(t, func(c *gate.Config) {
		for _, way := range ways {
			c.Listen = append(c.Listen, gate.Listen{Transport: way, Addr: "127.0.0.1:0"})
		}
		c.HandshakeTimeout = time.Hour
		if change != nil {
			change(c)
		}
	})
	for name, way := range ways {
		s.addrs[name] = way.Addr().String()
	}
	s.tls = trust
	return s
}

// A footprint is what this process has taken.
type footprint struct{ files, goroutines, memory int }

func measure(t *testing.T) footprint {
	t.Helper()
	for range 2 { // what is in a sync.Pool stays through one
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := footprint{goroutines: runtime.NumGoroutine(), memory: int(m.HeapAlloc + m.StackInuse)}
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil { // elsewhere, only the rest is looked at
		f.files = len(entries)
	}
	return f
}

// halfOpen is how many connections to open: 10,000, or as many as this process may have files for at both ends.
func halfOpen(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Skip(err)
	}
	n := min(10_000, (int(min(limit.Cur, 1<<20))-1000)/2)
	if n < 1000 {
		t.Skipf("only %d files may be open", limit.Cur)
	}
	return n
}

// TestTenThousandHalfOpenConnections is not parallel: it looks at what the whole process has. The gate's end of them has to stay within its bounds, at each way in,
// while clients that go on are let in.
func TestTenThousandHalfOpenConnections(t *testing.T) {
	const pending = 200
	all := halfOpen(t)
	for way, opening := range openings(t) {
		n := all
		if way != "tcp" {
			n = min(n, 2000)
		}
		each := 2 << 10 // bytes of a client's end
		if way == "kcp" {
			n, each = min(n, 1000), 40<<10 // of one address there may not be many more
		}
		t.Run(fmt.Sprintf("%s, %d", way, n), func(t *testing.T) {
			s := guarded(t, time.Hour, func(c *gate.Config) { c.MaxPending = pending })
			before := measure(t)
			conns := make([]net.Conn, 0, n)
			defer func() {
				for _, c := range conns {
					c.Close()
				}
			}()
			// taken waits until the gate has accepted all of them, which they show by pushing out those before them. Until then they wait in the kernel, and push out
			// whoever comes by another way meanwhile.
			taken := func() {
				t.Helper()
				out := conns[len(conns)-1-pending]
				_ = out.SetReadDeadline(time.Now().Add(patience))
				if _, err := out.Read(make([]byte, 1)); isTimeout(err) {
					t.Fatal("nobody is pushed out")
				}
			}
			for i := range n {
				c, err := s.connect(t, way)
				if err != nil {
					t.Fatalf("connection %d: %v", i, err)
				}
				conns = append(conns, c)
				_, _ = c.Write(opening) // one that was pushed out already does not take it
				if i == n/2 {
					taken()
					s.enter(t, "tls", "player:1").conn.Close()
				}
			}
			taken()
			honest := s.enter(t, "ws", "player:2")
			honest.send(wire.Header{Kind: wire.Ping}, nil)
			honest.expect(wire.Pong)

			var now footprint
			allowed := footprint{
				files:      before.files + n + pending + 50,         // the clients' ends are in this process too
				goroutines: before.goroutines + 2*pending + 50,      // one that reads, and perhaps one that shakes hands
				memory:     before.memory + n*each + pending*64<<10, // the same, and what a handshake takes
			}
			eventually(t, "the gate has got rid of those that were pushed out", func() bool {
				now = measure(t)
				return s.Waiting() <= pending && now.files <= allowed.files && now.goroutines <= allowed.goroutines
			})
			if now.memory > allowed.memory {
				t.Errorf("%d half-open connections: %+v before and %+v after, allowed %+v", n, before, now, allowed)
			}
			for _, c := range conns {
				c.Close()
			}
			conns = conns[:0]
			eventually(t, "nobody waits any more", func() bool { return s.Waiting() == 0 })
			honest.send(wire.Header{Kind: wire.Ping}, nil)
			honest.expect(wire.Pong)
		})
	}
}

// TestHandshakesThatNeverFinish goes on with each opening byte by byte, which is no way to keep a connection for longer than the timeout.
func TestHandshakesThatNeverFinish(t *testing.T) {
	t.Parallel()
	const timeout = 300 * time.Millisecond
	endless := map[string][]byte{
		"ws":    []byte("GET /ws HTTP/1.1\r\n"),
		"tls":   {0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x3f, 0xfc}, // a ClientHello of 16 KiB
		"wss":   {0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x3f, 0xfc},
		"proxy": append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x21, 0x11, 0x04, 0x00),
	}
	for way, opening := range endless {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := guarded(t, timeout, nil)
			c, err := net.Dial("tcp", s.addrs[way])
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patience))
			closed := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, c)
				closed <- err
			}()
			_, _ = c.Write(opening)
			drip := time.NewTicker(10 * time.Millisecond) // far from enough to finish in time
			defer drip.Stop()
			for {
				select {
				case err := <-closed:
					if isTimeout(err) {
						t.Fatal("the connection stays open")
					}
					eventually(t, "its place is free", func() bool { return s.Waiting() == 0 })
					s.preface = nil
					s.enter(t, "tcp", "player:1")
					return
				case <-drip.C:
					_, _ = c.Write([]byte("a"))
				}
			}
		})
	}
}

// TestASlowWriterIsCutOff has a client begin a frame and never end it: bytes are no sign of life, frames are.
func TestASlowWriterIsCutOff(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, func(c *gate.Config) { c.Heartbeat = 100 * time.Millisecond })
		c := s.enter(t, transport, "player:1")
		frame := wire.Append(nil, wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, make([]byte, 16<<10))
		if c.ws {
			frame = append([]byte{0x82, 0xfe, 0x40, 0x10, 0, 0, 0, 0}, frame...)
		}
		kicked := make(chan error, 1)
		go func() {
			f, err := c.recv()
			if err == nil && f.Kind != wire.Kick {
				err = fmt.Errorf("got %v", f)
			}
			kicked <- err
		}()
		drip := time.NewTicker(5 * time.Millisecond)
		defer drip.Stop()
		for _, b := range frame {
			select {
			case err := <-kicked:
				if isTimeout(err) {
					t.Error("the session stays open")
				}
				eventually(t, "the session is gone", func() bool { return s.Count() == 0 })
				return
			case <-drip.C:
				_, _ = c.conn.Write([]byte{b})
			}
		}
		t.Error("a whole frame could be sent, byte by byte")
	})
}
