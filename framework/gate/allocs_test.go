//go:build !race

package gate_test

import (
	"io"
	"testing"
)

// Not parallel: it counts allocations. They are those of both ends.
func TestEchoAllocatesNothing(t *testing.T) {
	for _, transport := range []string{"tcp", "ws"} {
		addr, _ := startEcho(t, transport)
		c, request, answer := dialEcho(t, transport, addr, nil)
		defer c.Close()
		got := make([]byte, len(answer))
		if allocs := testing.AllocsPerRun(10_000, func() {
			if _, err := c.Write(request); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, got); err != nil || string(got) != string(answer) {
				t.Fatalf("got %q, %v; want %q", got, err, answer)
			}
		}); allocs != 0 {
			t.Errorf("%v allocations for each echo over %s", allocs, transport)
		}
	}
}
