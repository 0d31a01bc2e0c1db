//go:build unix && !race

package gate_test

import (
	"net"
	"testing"
)

// TestIdleSessionsCostLittle is not parallel: it looks at what the whole process has. The clients' ends are in it too, and cost what plain connections do. Under the race detector
// all goroutines take more.
func TestIdleSessionsCostLittle(t *testing.T) {
	const n = 1000
	for transport, most := range map[string]int{"tcp": 5 << 10, "ws": 8 << 10} {
		t.Run(transport, func(t *testing.T) {
			addr, trust := startEcho(t, transport)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			var conns []net.Conn
			defer func() {
				for _, c := range conns {
					c.Close()
				}
			}()
			open := func() {
				c, _, _ := dialEcho(t, transport, addr, trust)
				conns = append(conns, c)
			}
			for range 100 { // what does not grow with them is there then
				open()
			}
			start := measure(t).memory
			for range n / 2 {
				c := dialRaw(t, listener.Addr().String())
				accepted, err := listener.Accept()
				if err != nil {
					t.Fatal(err)
				}
				conns = append(conns, c, accepted)
			}
			plain := measure(t).memory
			for range n {
				open()
			}
			oneEnd := (plain - start) / n
			each := (measure(t).memory-plain)/n - oneEnd
			t.Logf("%d bytes a session, and %d a client", each, oneEnd)
			if each > most {
				t.Errorf("an idle session costs %d bytes; at most %d are little", each, most)
			}
		})
	}
}
