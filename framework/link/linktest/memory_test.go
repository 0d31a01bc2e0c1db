package linktest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/link/linktest"
)

// TestMemory goes within a bubble, as it is meant to.
func TestMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := linktest.NewMemory()
		l, other := m.Listen(), m.Listen()
		defer other.Close()
		if l.Addr().String() == other.Addr().String() {
			t.Fatalf("two listen at %v", l.Addr())
		}
		go func() {
			if nc, err := m.Dial(t.Context(), l.Addr().String()); err == nil {
				time.Sleep(time.Hour)
				_, _ = nc.Write([]byte("x"))
				nc.Close()
			}
		}()
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(nc); string(b) != "x" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := m.Dial(ctx, l.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dialling whoever does not accept: %v", err)
		}
		dialed := make(chan error, 1)
		go func() {
			_, err := m.Dial(t.Context(), l.Addr().String())
			dialed <- err
		}()
		synctest.Wait()
		l.Close()
		l.Close() // again, which does nothing
		if err := <-dialed; err == nil {
			t.Error("dialed whoever has stopped to listen meanwhile")
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept after the end: %v", err)
		}
		if _, err := m.Dial(t.Context(), l.Addr().String()); err == nil {
			t.Error("dialed whoever does not listen any more")
		}
	})
}
