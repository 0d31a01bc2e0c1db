package sock

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"loumiao/framework/gate/internal/selfsigned"
)

// securePair is both ends of a TLS connection: a client's, and a socket that has begun.
func securePair(t *testing.T, version uint16, wrapClient, wrapServer func(net.Conn) net.Conn) (*tls.Conn, *Socket) {
	t.Helper()
	server, client := selfsigned.Pair(t)
	client.MinVersion, client.MaxVersion = version, version
	a, b := pair(t)
	c := tls.Client(wrapClient(a), client)
	shaken := make(chan error, 1)
	go func() { shaken <- c.Handshake() }()
	s := New(wrapServer(b))
	_ = b.SetDeadline(time.Now().Add(patience))
	if err := s.StartTLS(server); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	_ = b.SetDeadline(time.Time{})
	s.Begin()
	return c, s
}

func same(c net.Conn) net.Conn { return c }

// eachVersion runs with both versions of TLS, each way.
func eachVersion(t *testing.T, fn func(t *testing.T, version uint16, wrap func(net.Conn) net.Conn)) {
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWay(t, func(t *testing.T, wrap func(net.Conn) net.Conn) { fn(t, version, wrap) })
		})
	}
}

// inPieces writes a few bytes at a time, so that records arrive in parts.
type inPieces struct{ net.Conn }

func (c inPieces) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = c.Conn.Write(b[n:min(len(b), n+1+len(b)/7)])
		n += m
	}
	return n, err
}

func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * i >> 4)
	}
	return b
}

func TestEverythingIsReadInOrderUnderTLS(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version uint16, wrap func(net.Conn) net.Conn) {
		c, s := securePair(t, version, func(c net.Conn) net.Conn { return inPieces{c} }, wrap)
		want := pattern(200_000)
		go func() {
			for rest, n := want, 1; len(rest) > 0; n = n*3%50_021 + 1 {
				n := min(n, len(rest))
				if _, err := c.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
			c.Close()
		}()
		var got []byte
		for {
			buf, err := s.ReadBuffer()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				break
			}
			if len(buf.Bytes()) == 0 {
				t.Fatal("a read that brought nothing")
			}
			got = append(got, buf.Bytes()...)
			buf.Release()
		}
		if !bytes.Equal(got, want) {
			t.Errorf("read %d bytes, want %d; or they differ", len(got), len(want))
		}
		if s.tls.link.in != nil {
			t.Error("a buffer is kept though nothing is left in it")
		}
	})
}

// TestEverythingIsWrittenInOrderUnderTLS writes to an end that does not read for a while, so that records are left half written again and again.
func TestEverythingIsWrittenInOrderUnderTLS(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version uint16, wrap func(net.Conn) net.Conn) {
		c, s := securePair(t, version, same, wrap)
		// Small buffers, so that they are full soon.
		_ = c.NetConn().(*net.TCPConn).SetReadBuffer(32 << 10)
		if tc, ok := s.under.(*net.TCPConn); ok {
			_ = tc.SetWriteBuffer(32 << 10)
		}
		want := pattern(3 << 20)
		rest, short := want, 0
		try := func(size int) {
			n, err := s.TryWrite(rest[:min(size, len(rest))])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
			if n < size {
				short++
			}
		}
		for i := 1; short < 3 && len(rest) > 0; i++ { // until the kernel is full, and once more
			try(i * 1000)
		}
		if short < 3 && s.raw != nil {
			t.Fatal("the kernel took everything")
		}
		got := make(chan []byte)
		go func() {
			b := make([]byte, len(want))
			n, _ := io.ReadFull(c, b)
			got <- b[:n]
		}()
		for turn := 0; len(rest) > 0; turn++ {
			try(100_000)
			if turn%3 == 0 {
				n := min(100_000, len(rest))
				if err := s.WriteAll(rest[:n], patience); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
		}
		if b := <-got; !bytes.Equal(b, want) {
			t.Errorf("read %d bytes, want %d; or they differ", len(b), len(want))
		}
		if l := s.tls; l.skip != 0 || l.link.out != nil {
			t.Errorf("%d bytes and %v are kept though everything is written", l.skip, l.link.out)
		}
		if s.raw == nil {
			return // the test's connection cannot be closed by half
		}
		s.CloseWrite(patience)
		if n, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the end: %d bytes and %v", n, err)
		}
	})
}

func TestAnEndThatDoesNotReadHoldsNobodyUpUnderTLS(t *testing.T) {
	t.Parallel()
	_, s := securePair(t, tls.VersionTLS13, same, same)
	block := make([]byte, 1<<20)
	for {
		n, err := s.TryWrite(block)
		if err != nil {
			t.Fatal(err)
		}
		if n < len(block) {
			if held := len(s.tls.link.out.b); held > maxCipher {
				t.Errorf("%d bytes wait encrypted", held)
			}
			break
		}
	}
	if err := s.WriteAll(block, 20*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing to an end that does not read: %v", err)
	}
}

func TestAnswersOfTLSItselfAreBounded(t *testing.T) {
	t.Parallel()
	l := &link{begun: true}
	var err error
	for n := 0; err == nil; n += 1000 {
		if n > maxCipher {
			t.Fatalf("%d bytes wait", n)
		}
		_, err = l.Write(make([]byte, 1000))
	}
	if !errors.Is(err, errFull) {
		t.Error(err)
	}
}

func TestWhatIsNoTLSIsRefused(t *testing.T) {
	t.Parallel()
	server, _ := selfsigned.Pair(t)
	for name, test := range map[string]string{"frames": "\x00\x00\x00\x0c\x03\x00\x00\x00", "nothing more": "\x16\x03\x01\x02\x00\x01"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := pair(t)
			_, _ = a.Write([]byte(test))
			_ = b.SetDeadline(time.Now().Add(20 * time.Millisecond))
			if err := New(b).StartTLS(server); err == nil {
				t.Error("the handshake succeeded")
			}
		})
	}
}

func TestTheClientBehindAProxy(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	s := New(b)
	if got := s.RemoteAddr().String(); got != a.LocalAddr().String() {
		t.Errorf("the client is at %s", got)
	}
	real := &net.TCPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 5}
	s.ComeFrom(real)
	if got := s.RemoteAddr(); got != real {
		t.Errorf("the client is at %s, want %s", got, real)
	}
}
