package accept

import (
	"io"
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoop(t *testing.T) {
	t.Parallel()
	var l Loop
	if l.Addr() != nil {
		t.Error("an address before Listen")
	}
	if err := l.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	n := 0
	l.Serve(func(c net.Conn) func() {
		if n++; n == 1 {
			return nil // refused
		}
		return func() { _, _ = io.WriteString(c, "hello") }
	})
	for _, want := range []string{"", "hello", "hello"} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(c) // to the end: each connection is closed
		if string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.Close()
	}
	var taken Loop
	if err := taken.Listen(l.Addr().String()); err == nil {
		t.Error("listens where another one does")
	}
	l.Stop()
	l.Stop()
	taken.Stop()
}
