package linktest

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ends is a proxy and the two ends of one connection through it.
func ends(t *testing.T) (p *Proxy, dialer, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p = NewProxy(t, l.Addr().String())
	return p, dial(t, p), accept(t, l)
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func accept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func send(t *testing.T, nc net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(nc, s); err != nil {
		t.Fatal(err)
	}
}

// expect reads what must come, whenever it does.
func expect(t *testing.T, nc net.Conn, want string) {
	t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// silence reads for a moment and must get nothing.
func silence(t *testing.T, nc net.Conn) {
	t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	var b [1]byte
	var late net.Error
	if n, err := nc.Read(b[:]); n != 0 || !errors.As(err, &late) || !late.Timeout() {
		t.Fatalf("got %d bytes, %v, want silence", n, err)
	}
}

func TestProxyPassesOnBothWaysAndTheEnd(t *testing.T) {
	t.Parallel()
	_, dialer, server := ends(t)
	send(t, dialer, "question")
	expect(t, server, "question")
	send(t, server, "answer")
	expect(t, dialer, "answer")
	if err := dialer.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(server); len(b) != 0 || err != nil {
		t.Errorf("got %q, %v, want the end", b, err)
	}
	send(t, server, "last words")
	expect(t, dialer, "last words")
}

func TestProxyDoesHarmOneWayAtATime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		harm  func(*Proxy)
		after string // what arrives of "lost" and "kept" once healed
	}{
		{"hold", func(p *Proxy) { p.Hold(Up) }, "lostkept"},
		{"lose", func(p *Proxy) { p.Lose(Up) }, "kept"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, dialer, server := ends(t)
			tt.harm(p)
			send(t, dialer, "lost")
			silence(t, server)
			send(t, server, "the other way is open")
			expect(t, dialer, "the other way is open")
			p.Heal()
			send(t, dialer, "kept")
			expect(t, server, tt.after)
		})
	}
}

func TestProxyTakesItsTime(t *testing.T) {
	t.Parallel()
	const d = 50 * time.Millisecond
	tests := []struct {
		name string
		harm func(*Proxy)
	}{
		{"delay", func(p *Proxy) { p.Delay(Down, d) }},
		{"slow", func(p *Proxy) { p.Slow(Down, int(5*time.Second/d)) }}, // ten bytes take 2 d, but nobody waits after the last
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, dialer, server := ends(t)
			tt.harm(p)
			start := time.Now()
			send(t, server, "0123456789")
			expect(t, dialer, "0123456789")
			if took := time.Since(start); took < d {
				t.Errorf("it took %v, want at least %v", took, d)
			}
		})
	}
}

func TestProxyCutsAndRefuses(t *testing.T) {
	t.Parallel()
	p, dialer, server := ends(t)
	send(t, dialer, "x")
	expect(t, server, "x")
	p.Hold(Up) // even what is held is cut
	p.Cut()
	for _, nc := range []net.Conn{dialer, server} {
		var b [1]byte
		_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		var late net.Error
		if _, err := nc.Read(b[:]); err == nil || errors.As(err, &late) && late.Timeout() {
			t.Errorf("after the cut: %v", err)
		}
	}
	p.Refuse()
	refused := dial(t, p)
	if b, err := io.ReadAll(refused); len(b) != 0 {
		t.Errorf("refused, and yet got %q, %v", b, err)
	}
	p.Heal()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.Retarget(l.Addr().String())
	again := dial(t, p)
	send(t, again, "x")
	expect(t, accept(t, l), "x")
	if n := p.Conns(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
