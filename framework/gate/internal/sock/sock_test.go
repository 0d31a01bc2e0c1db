package sock

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute // for what must happen: megabytes under the race detector, too

// pair is both ends of a TCP connection.
func pair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	_ = a.SetDeadline(time.Now().Add(patience))
	return a, b
}

// plain hides what a socket can do, so that the portable way is taken.
type plain struct{ net.Conn }

func eachWay(t *testing.T, fn func(t *testing.T, wrap func(net.Conn) net.Conn)) {
	t.Run("fast", func(t *testing.T) { t.Parallel(); fn(t, func(c net.Conn) net.Conn { return c }) })
	t.Run("portable", func(t *testing.T) { t.Parallel(); fn(t, func(c net.Conn) net.Conn { return plain{c} }) })
}

func TestEverythingIsReadInOrder(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, wrap func(net.Conn) net.Conn) {
		a, b := pair(t)
		s := New(wrap(b))
		want := make([]byte, 300_000)
		for i := range want {
			want[i] = byte(i * i >> 4)
		}
		go func() {
			for rest, n := want, 1; len(rest) > 0; n = n*3%50_021 + 1 {
				n := min(n, len(rest))
				if _, err := a.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
			a.Close()
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
	})
}

func TestAnEndThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, wrap func(net.Conn) net.Conn) {
		_, b := pair(t)
		s := New(wrap(b))
		block := make([]byte, 1<<20)
		for { // until the kernel takes no more; the portable way leaves that to WriteAll at once
			n, err := s.TryWrite(block)
			if err != nil {
				t.Fatal(err)
			}
			if n < len(block) {
				break
			}
		}
		for i := 0; ; i++ {
			err := s.WriteAll(block, 20*time.Millisecond)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			if err != nil || i > 1000 {
				t.Fatalf("a gigabyte was written to an end that does not read: %v", err)
			}
		}
	})
}

func TestWriteAllArrives(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	s := New(b)
	want := bytes.Repeat([]byte("0123456789"), 50_000)
	done := make(chan error, 1)
	go func() {
		n, _ := s.TryWrite(want)
		err := s.WriteAll(want[n:], patience)
		s.CloseWrite(patience)
		done <- err
	}()
	got, err := io.ReadAll(a)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes and %v", len(got), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestADeadlineEndsTheWait(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, wrap func(net.Conn) net.Conn) {
		_, b := pair(t)
		s := New(wrap(b))
		s.CloseWrite(10 * time.Millisecond)
		if _, err := s.ReadBuffer(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		s.Discard(10 * time.Millisecond)
	})
}
