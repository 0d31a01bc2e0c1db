package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/fault"
	"loumiao/framework/id"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a handler that passes on copies of what it got.
type recorder struct {
	frames chan []byte
	closed chan error
	onEach func(c *Conn, frame []byte)
	ends   atomic.Int32 // of reads that brought frames
}

func newRecorder() *recorder {
	return &recorder{frames: make(chan []byte, 1024), closed: make(chan error, 2)}
}

func (r *recorder) Frame(c *Conn, frame []byte) {
	if r.onEach != nil {
		r.onEach(c, frame)
		return
	}
	r.frames <- bytes.Clone(frame)
}
func (r *recorder) Flush(*Conn)               { r.ends.Add(1) }
func (r *recorder) Closed(_ *Conn, err error) { r.closed <- err }

// next is the next frame. A connection that ends without one fails the test.
func (r *recorder) next(t *testing.T) []byte {
	t.Helper()
	select {
	case frame := <-r.frames:
		return frame
	case err := <-r.closed:
		r.closed <- err
		if len(r.frames) > 0 {
			return <-r.frames
		}
		t.Fatalf("the connection has ended, and no frame came: %v", err)
		return nil
	}
}

// patience is for what a busy machine may take its time for.
const patience = 30 * time.Second

func testConfig(node id.Node) Config {
	return Config{
		Self: Peer{Node: node, Boot: id.Boot(node) * 100, Type: "test"}, Key: bytes.Repeat([]byte{7}, KeySize),
		Heartbeat: patience, HandshakeTimeout: patience,
	}
}

// serve starts a server whose connections all go to h, and stops it at the end of the test.
func serve(t testing.TB, cfg Config, h Handler) (addr string, accepted <-chan *Conn) {
	t.Helper()
	s := NewServer(cfg)
	conns := make(chan *Conn, 64)
	s.Handle(RPC, func(c *Conn) Handler { conns <- c; return h })
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s.Addr(), conns
}

func connect(t testing.TB, addr string, cfg Config, h Handler) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), addr, cfg, RPC, Peer{}, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(errors.New("end of test")); <-c.Done() })
	return c
}

func put(frame []byte) func([]byte) []byte {
	return func(b []byte) []byte { return append(b, frame...) }
}

func TestFramesArriveInOrderBothWays(t *testing.T) {
	t.Parallel()
	there, here := newRecorder(), newRecorder()
	addr, accepted := serve(t, testConfig(2), there)
	c := connect(t, addr, testConfig(1), here)
	back := <-accepted
	if got, want := back.Peer(), testConfig(1).Self; got != want {
		t.Errorf("the server sees peer %v, want %v", got, want)
	}
	if got, want := c.Peer(), testConfig(2).Self; got != want {
		t.Errorf("the dialer sees peer %v, want %v", got, want)
	}
	sizes := []int{1, 2, 100, 4096, readBuffer - sizeLen, readBuffer, 3 * readBuffer, 1 << 20, 5}
	go func() {
		for i, n := range sizes {
			_ = c.Write(put(bytes.Repeat([]byte{byte(i)}, n)))
			_ = back.Append(put(bytes.Repeat([]byte{byte(i)}, n)))
			back.Flush()
		}
	}()
	for i, n := range sizes {
		for name, r := range map[string]*recorder{"to the server": there, "to the dialer": here} {
			if got := r.next(t); !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, n)) {
				t.Errorf("%s: frame %d has %d bytes, want %d bytes of %d", name, i, len(got), n, i)
			}
		}
	}
}

func TestManySendersEachInOrder(t *testing.T) {
	t.Parallel()
	const senders, each = 16, 2000
	var next [senders]atomic.Int32
	done := make(chan error, 1)
	var total atomic.Int32
	there := newRecorder()
	there.onEach = func(_ *Conn, f []byte) {
		var s, i int
		if _, err := fmt.Sscanf(string(f), "%d %d", &s, &i); err != nil || int(next[s].Load()) != i {
			select {
			case done <- fmt.Errorf("frame %q out of order: %v", f, err):
			default:
			}
		}
		next[s].Add(1)
		if total.Add(1) == senders*each {
			done <- nil
		}
	}
	addr, _ := serve(t, testConfig(2), there)
	c := connect(t, addr, testConfig(1), newRecorder())
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				fill := func(b []byte) []byte { return fmt.Appendf(b, "%d %d", s, i) }
				var err error
				switch s % 3 {
				case 0:
					err = c.Write(fill)
				case 1:
					err = c.Append(fill)
					c.Flush()
				case 2:
					err = c.WriteNow(fill, i%2 == 0)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestHandshakeRefusals(t *testing.T) {
	t.Parallel()
	other := testConfig(1)
	other.Key = bytes.Repeat([]byte{8}, KeySize)
	addr, _ := serve(t, testConfig(2), newRecorder())
	tests := []struct {
		name string
		cfg  Config
		role Role
		want Peer
		code fault.Code
		text string
	}{
		{"wrong key", other, RPC, Peer{}, fault.Unauthenticated, "another link key"},
		{"nobody serves the role", testConfig(1), Line, Peer{}, fault.Unavailable, "nothing of this role"},
		{"another node", testConfig(1), RPC, Peer{Node: 3}, fault.Unavailable, "belongs to test 2/c8 now"},
		{"another boot", testConfig(1), RPC, Peer{Node: 2, Boot: 9}, fault.Unavailable, "belongs to test 2/c8 now"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := Dial(t.Context(), addr, tt.cfg, tt.role, tt.want, newRecorder())
			if err == nil {
				c.Close(errStopped)
				t.Fatal("connected")
			}
			if fault.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %q (%v), want %v: ...%q", err, fault.CodeOf(err), tt.code, tt.text)
			}
		})
	}
}

// A dialer without the key that knows the protocol is refused as well: the server checks its proof.
func TestServerChecksTheProof(t *testing.T) {
	t.Parallel()
	addr, accepted := serve(t, testConfig(2), newRecorder())
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_, _ = nc.Write(newHello(RPC, testConfig(1).Self).append(nil))
	if _, err := io.ReadFull(nc, make([]byte, 1+helloSize+macSize)); err != nil {
		t.Fatal(err)
	}
	_, _ = nc.Write(make([]byte, macSize))
	verdict, _ := io.ReadAll(nc)
	if !bytes.Equal(verdict, []byte{refusedKey}) {
		t.Errorf("verdict %v, want %v", verdict, []byte{refusedKey})
	}
	if len(accepted) != 0 {
		t.Error("a handler was made for a peer without the key")
	}
}

func TestUnfinishedHandshakesAreBounded(t *testing.T) {
	t.Parallel()
	cfg := testConfig(2)
	cfg.HalfOpen = 4
	cfg.HandshakeTimeout = time.Minute // the number must do it
	there := newRecorder()
	addr, _ := serve(t, cfg, there)
	var stuck []net.Conn
	for range 20 {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		stuck = append(stuck, nc)
	}
	for i, nc := range stuck[:16] { // pushed out by those that came later
		if _, err := nc.Read(make([]byte, 1)); err == nil {
			t.Errorf("connection %d was served", i)
		}
	}
	c := connect(t, addr, testConfig(1), newRecorder()) // an honest one gets through
	if err := c.Write(put([]byte("hi"))); err != nil {
		t.Error(err)
	}
	there.next(t)
}

func TestUnfinishedHandshakeTimesOut(t *testing.T) {
	t.Parallel()
	cfg := testConfig(2)
	cfg.HandshakeTimeout = 50 * time.Millisecond
	addr, _ := serve(t, cfg, newRecorder())
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_, _ = nc.Write([]byte(magic))
	if _, err := nc.Read(make([]byte, 1)); err == nil {
		t.Error("the server answered half a hello")
	}
}

func TestDialGivesUp(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := testConfig(1)
	cfg.HandshakeTimeout = 20 * time.Millisecond
	if _, err := Dial(t.Context(), l.Addr().String(), cfg, RPC, Peer{}, newRecorder()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("silent listener: %v, want unavailable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ctx, l.Addr().String(), testConfig(1), RPC, Peer{}, newRecorder()); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("cancelled: %v, want cancelled", err)
	}
}

func TestCloseSendsWhatIsQueued(t *testing.T) {
	t.Parallel()
	there, here := newRecorder(), newRecorder()
	addr, _ := serve(t, testConfig(2), there)
	c := connect(t, addr, testConfig(1), here)
	big := bytes.Repeat([]byte{1}, 4<<20)
	if err := c.Write(put(big)); err != nil {
		t.Fatal(err)
	}
	c.Close(nil)
	if err := c.Write(put([]byte("late"))); fault.CodeOf(err) != fault.Lost {
		t.Errorf("write after close: %v, want lost", err)
	}
	if got := there.next(t); !bytes.Equal(got, big) {
		t.Errorf("got %d bytes, want %d", len(got), len(big))
	}
	for name, r := range map[string]*recorder{"server": there, "dialer": here} {
		if err := <-r.closed; fault.CodeOf(err) != fault.Lost {
			t.Errorf("%s: closed with %v, want lost", name, err)
		}
	}
	<-c.Done()
	if len(here.closed)+len(there.closed) != 0 {
		t.Error("closed twice")
	}
}

func TestWriteLimits(t *testing.T) {
	t.Parallel()
	cfg := testConfig(1)
	cfg.MaxFrame, cfg.MaxQueued = 1000, 3000
	there := newRecorder()
	block, blocked := make(chan struct{}), make(chan struct{})
	var once sync.Once
	there.onEach = func(*Conn, []byte) { once.Do(func() { close(blocked) }); <-block } // a peer that does not read
	scfg := testConfig(2)
	scfg.MaxFrame = 1000
	addr, _ := serve(t, scfg, there)
	t.Cleanup(func() { close(block) })
	c := connect(t, addr, cfg, newRecorder())
	if err := c.Write(put(make([]byte, 1001))); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("1001 bytes: %v, want too_large", err)
	}
	if err := c.Write(put(make([]byte, 1000))); err != nil {
		t.Errorf("1000 bytes: %v", err)
	}
	<-blocked
	for { // fills the kernel's buffers first
		err := c.Write(put(make([]byte, 1000)))
		if fault.CodeOf(err) == fault.Overloaded {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if q := c.Queued(); q > cfg.MaxQueued {
			t.Fatalf("%d bytes queued, the limit is %d", q, cfg.MaxQueued)
		}
	}
}

func TestPanicInFillLeavesTheLinkUsable(t *testing.T) {
	t.Parallel()
	there := newRecorder()
	addr, _ := serve(t, testConfig(2), there)
	c := connect(t, addr, testConfig(1), newRecorder())
	func() {
		defer func() { _ = recover() }()
		_ = c.Append(func(b []byte) []byte { _ = append(b, "half a fr"...); panic("broken message") })
	}()
	_ = c.Append(func([]byte) []byte { return nil })
	if err := c.Write(put([]byte("whole"))); err != nil {
		t.Fatal(err)
	}
	if got := there.next(t); string(got) != "whole" {
		t.Errorf("got %q", got)
	}
}

// Two peers that answer every frame with two must run into the limit, not into each other.
func TestReadersThatAnswerDoNotLockUp(t *testing.T) {
	t.Parallel()
	full := make(chan struct{})
	var once sync.Once
	echo := newRecorder()
	echo.onEach = func(c *Conn, f []byte) {
		for range 2 {
			if fault.CodeOf(c.Write(put(f))) == fault.Overloaded {
				once.Do(func() { close(full) })
			}
		}
	}
	addr, _ := serve(t, testConfig(2), echo)
	c := connect(t, addr, testConfig(1), echo)
	if err := c.Write(put(make([]byte, 1<<10))); err != nil {
		t.Fatal(err)
	}
	<-full
}

func TestGarbageAfterTheHandshakeClosesTheLink(t *testing.T) {
	t.Parallel()
	there := newRecorder()
	addr, _ := serve(t, testConfig(2), there)
	c := connect(t, addr, testConfig(1), newRecorder())
	_, _ = c.nc.Write([]byte{0, 0, 0, 1, 7, 255, 255, 255, 255})
	if err := <-there.closed; fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("closed with %v, want too_large", err)
	}
	if len(there.frames) != 1 || there.ends.Load() != 1 {
		t.Errorf("%d frames before, %d flushes after them", len(there.frames), there.ends.Load())
	}
}

func TestConfigReportsEverything(t *testing.T) {
	t.Parallel()
	err := Config{MaxFrame: -1, MaxQueued: -1, Heartbeat: -1, HandshakeTimeout: -1, HalfOpen: -1, Self: Peer{Type: strings.Repeat("x", 64)}}.Validate()
	for _, field := range []string{"Self: node", "Self: type", "Key", "MaxFrame", "MaxQueued", "Heartbeat", "HandshakeTimeout", "HalfOpen"} {
		if !strings.Contains(err.Error(), "link: "+field) {
			t.Errorf("%s is not reported", field)
		}
	}
	if err := testConfig(1).Validate(); err != nil {
		t.Error(err)
	}
}
