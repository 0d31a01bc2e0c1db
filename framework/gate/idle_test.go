//go:build linux && !race

package gate_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"loumiao/framework/gate/tcp"
	"loumiao/framework/gate/ws"
)

// idleGate has this test be the gate of another one.
const idleGate = "TEST_IDLE_GATE"

// TestIdleConnections measures the memory, as the system counts it, of a gate in a process of its own: what it holds for a client that is silent, over 10,000 of each transport, or as many
// as a process may have files for.
func TestIdleConnections(t *testing.T) {
	if os.Getenv(idleGate) != "" {
		serveIdle(t)
		return
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	n := min(10_000, (int(min(limit.Cur, 1<<20))-1500)/2)
	if n < 1000 {
		t.Skipf("only %d files may be open", limit.Cur)
	}
	addrs, memory := startIdle(t)
	all := 0
	for i, transport := range []struct {
		name string
		most int
	}{{"tcp", 5 << 10}, {"ws", 8 << 10}} {
		openIdle(t, transport.name, addrs[i], 200) // what does not grow with them is there then
		before := memory()
		openIdle(t, transport.name, addrs[i], n)
		all = memory()
		each := (all - before) / n
		t.Logf("%d bytes for each of %d clients over %s", each, n, transport.name)
		if each > transport.most {
			t.Errorf("an idle connection over %s costs %d bytes; at most %d are little", transport.name, each, transport.most)
		}
	}
	t.Logf("%d clients: %d MB", 2*n, all>>20)
	if all > 1<<30/10_000*n {
		t.Errorf("%d idle clients cost %d MB; 20,000 are to fit into a gigabyte", 2*n, all>>20)
	}
}

// startIdle starts a gate in another process, and returns where it takes TCP and WebSocket, and what asks for its memory in bytes.
func startIdle(t *testing.T) (addrs []string, memory func() int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestIdleConnections$")
	cmd.Env = append(os.Environ(), idleGate+"=1")
	cmd.Stderr = os.Stderr
	ask, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ask.Close(); _ = cmd.Wait() })
	said := bufio.NewScanner(out)
	next := func() string {
		if !said.Scan() {
			t.Fatal("the gate ended: ", said.Err())
		}
		return said.Text()
	}
	return strings.Fields(next()), func() int {
		t.Helper()
		if _, err := ask.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
		bytes, err := strconv.Atoi(next())
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
}

// serveIdle is that other process: it says where the gate is, and for each line that it reads how much memory it has.
func serveIdle(t *testing.T) {
	overTCP, overWS := tcp.New(tcp.Config{}), ws.New(ws.Config{})
	serveEcho(t, overTCP, overWS)
	fmt.Println(overTCP.Addr(), overWS.Addr())
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		for range 4 {
			runtime.GC()
		}
		debug.FreeOSMemory()
		pages, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Fatal(err)
		}
		resident, err := strconv.Atoi(strings.Fields(string(pages))[1])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(resident * os.Getpagesize())
	}
}

// openIdle opens n sessions, some at a time, which stay for the test.
func openIdle(t *testing.T, transport, addr string, n int) {
	t.Helper()
	var mu sync.Mutex
	var conns []net.Conn
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
	})
	var dialers sync.WaitGroup
	for first := range 16 {
		dialers.Go(func() {
			for i := first; i < n && !t.Failed(); i += 16 {
				c, _, _ := dialEcho(t, transport, addr, nil)
				mu.Lock()
				conns = append(conns, c)
				mu.Unlock()
			}
		})
	}
	dialers.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
