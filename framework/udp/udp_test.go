package udp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/udp/udptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, udptest.Library()...) }

const patience = 20 * time.Second // for what must happen

// listen starts a listener that serves each conversation, until the test ends.
func listen(t *testing.T, cfg Config, serve func(net.Conn)) *Listener {
	t.Helper()
	l, err := Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
		l.Wait()
	})
	return l
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

func dial(t *testing.T, addr string) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := Dial(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// expectEcho sends some bytes and wants them back.
func expectEcho(t *testing.T, c net.Conn, size int) {
	t.Helper()
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(i * 7)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := c.Write(sent)
		failed <- err
	}()
	got := make([]byte, size)
	_, err := io.ReadFull(c, got)
	if err := errors.Join(err, <-failed); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, sent) {
		t.Fatal("what comes back is not what was sent")
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %s: %s", patience, what)
		}
	}
}

func TestAStreamOfBytes(t *testing.T) {
	t.Parallel()
	l := listen(t, Config{}, echo)
	for _, size := range []int{1, 1000, 300_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			c := dial(t, l.Addr().String())
			expectEcho(t, c, size)
			if c.RemoteAddr().String() != l.Addr().String() {
				t.Errorf("the other side is %v", c.RemoteAddr())
			}
		})
	}
}

// TestABadNetwork loses, swaps and repeats datagrams, those of the opening included.
func TestABadNetwork(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			l := listen(t, Config{}, echo)
			proxy := udptest.NewProxy(t, l.Addr().String(), udptest.Faults{Drop: 20, Swap: 20, Twice: 10, Seed: seed})
			c := dial(t, proxy.Addr())
			expectEcho(t, c, 100_000)
			if proxy.Lost() == 0 {
				t.Error("the network was not bad")
			}
			proxy.Heal() // for the last word, which nobody repeats
			_ = c.Close()
			eventually(t, "the listener is told", func() bool { return l.Count() == 0 })
		})
	}
}

func TestTheOtherSideIsToldOfTheEnd(t *testing.T) {
	t.Parallel()
	l := listen(t, Config{}, func(c net.Conn) {
		b := make([]byte, 10)
		_, _ = c.Read(b)
		_, _ = c.Write([]byte("last"))
		_, _ = c.Read(b) // until the client has closed
	})
	c := dial(t, l.Addr().String())
	if _, err := c.Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if n, err := c.Read(b); err != nil || string(b[:n]) != "last" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	_ = c.Close()
	eventually(t, "the listener has forgotten the conversation", func() bool { return l.Count() == 0 })

	// And the other way round, also at once.
	closing := listen(t, Config{}, func(net.Conn) {})
	for range 200 {
		c = dial(t, closing.Addr().String())
		if _, err := c.Read(b); err != io.EOF {
			t.Fatalf("reading ends with %v", err)
		}
		if _, err := c.Write(b); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("writing ends with %v", err)
		}
	}
}

func TestSilenceEndsAConversation(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	l := listen(t, Config{Idle: 300 * time.Millisecond}, func(c net.Conn) {
		_, err := io.Copy(io.Discard, c)
		ended <- err
	})
	proxy := udptest.NewProxy(t, l.Addr().String(), udptest.Faults{})
	c := dial(t, proxy.Addr())
	proxy.Block(true)
	if err := <-ended; !errors.Is(err, ErrIdle) {
		t.Errorf("ends with %v", err)
	}
	eventually(t, "the listener has forgotten the conversation", func() bool { return l.Count() == 0 })
	_ = c.Close()
}

func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0") // and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if c, err := Dial(ctx, pc.LocalAddr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dialling says %v, %v", c, err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{"of an address": {MaxPerAddress: 3}, "of all": {MaxConversations: 3}, "of those that wait": {Backlog: 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := Listen("127.0.0.1:0", cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Wait()
			defer l.Close()
			var first *Conn
			for range 3 {
				first = dial(t, l.Addr().String())
			}
			if _, err := Dial(t.Context(), l.Addr().String()); !errors.Is(err, errRefused) {
				t.Fatalf("one too many: %v", err)
			}
			_ = first.Close()
			eventually(t, "its place is free", func() bool { return l.Count() == 2 })
			if name != "of those that wait" {
				dial(t, l.Addr().String())
			}
		})
	}
}

// A stranger sends datagrams by hand.
type stranger struct {
	t  *testing.T
	pc *net.UDPConn
}

func newStranger(t *testing.T, to net.Addr) stranger {
	t.Helper()
	pc, err := net.DialUDP("udp", nil, to.(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return stranger{t, pc}
}

func (s stranger) send(b []byte) {
	s.t.Helper()
	if _, err := s.pc.Write(b); err != nil {
		s.t.Fatal(err)
	}
}

// answer is what comes within the time; nil: nothing.
func (s stranger) answer(within time.Duration) []byte {
	s.t.Helper()
	_ = s.pc.SetReadDeadline(time.Now().Add(within))
	b := make([]byte, largest)
	n, err := s.pc.Read(b)
	if err != nil {
		return nil
	}
	return b[:n]
}

// open is the challenge for an Open.
func (s stranger) open(nonce byte) opening {
	s.t.Helper()
	s.send(opening{kind: open, nonce: [nonceSize]byte{nonce}}.as(open))
	o, ok := parseOpening(s.answer(patience))
	if !ok || o.kind != challenge {
		s.t.Fatalf("an Open is answered with %v", o)
	}
	return o
}

const moment = 50 * time.Millisecond // for what must not happen

// TestStrangersGetNoMoreThanTheySend sends everything that is not a conversation from an address that has none: it is answered with as much at
// most, and nothing is kept.
func TestStrangersGetNoMoreThanTheySend(t *testing.T) {
	t.Parallel()
	l := listen(t, Config{}, echo)
	good := newStranger(t, l.Addr()).open(1)
	kcpPush := append([]byte{9, 0, 0, 0, 81, 0, 128, 0}, make([]byte, 16)...)
	for name, test := range map[string]struct {
		send   []byte
		answer int
	}{
		"an open":                      {opening{}.as(open), openingSize},
		"an open of another version":   {append(opening{}.as(open)[:5:5], append([]byte{2}, opening{}.as(open)[6:]...)...), 0},
		"an open that is longer":       {append(opening{}.as(open), 0), 0},
		"an open that is shorter":      {opening{}.as(open)[:openingSize-1], 0},
		"a challenge":                  {good.as(challenge), 0},
		"begun":                        {good.as(begun), 0},
		"a cookie of another address":  {good.as(begin), 0},
		"a cookie that was made up":    {opening{conv: 7, cookie: [cookieSize]byte{1}}.as(begin), 0},
		"a bye":                        {good.as(bye), 0},
		"KCP that pushes":              {kcpPush, 0},
		"KCP that asks for the window": {append([]byte{9, 0, 0, 0, 83, 0, 128, 0}, make([]byte, 16)...), 0},
		"KCP with error correction":    {append([]byte{9, 0, 0, 0, 0xf1, 0}, kcpPush...), 0},
		"nothing":                      {[]byte{}, 0},
		"noise":                        {bytes.Repeat([]byte{0xa5}, 1200), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStranger(t, l.Addr())
			s.send(test.send)
			if got := s.answer(moment); len(got) != test.answer {
				t.Errorf("%d bytes are answered with %d", len(test.send), len(got))
			}
			if n := l.Count(); n != 0 {
				t.Errorf("there are %d conversations", n)
			}
		})
	}
}

func TestACookieGoesStale(t *testing.T) {
	t.Parallel()
	k, from, now := newBakery(), netip.MustParseAddrPort("192.0.2.1:4000"), time.Unix(1_000_000, 0)
	o := opening{conv: 5, nonce: [nonceSize]byte{1}}
	o.cookie = k.bake(o, from, now)
	other := o
	other.conv++
	for name, test := range map[string]struct {
		o    opening
		from netip.AddrPort
		at   time.Time
		good bool
	}{
		"at once":                     {o, from, now, true},
		"after a while":               {o, from, now.Add(fresh), true},
		"too late":                    {o, from, now.Add(2 * fresh), false},
		"from another port":           {o, netip.MustParseAddrPort("192.0.2.1:4001"), now, false},
		"from another address":        {o, netip.MustParseAddrPort("192.0.2.2:4000"), now, false},
		"for another conversation":    {other, from, now, false},
		"of the address, as IPv6 has": {o, netip.MustParseAddrPort("[::ffff:192.0.2.1]:4000"), now, true},
	} {
		if got := k.good(test.o, test.from, test.at); got != test.good {
			t.Errorf("%s: good is %v", name, got)
		}
	}
	if newBakery().good(o, from, now) {
		t.Error("another bakery's cookie is good")
	}
}

// TestAConversationIsNotTakenOver has somebody else claim a conversation's number, from his own address and, as one who can write any sender's, from the client's:
// he cannot end it, nor begin another one in its place.
func TestAConversationIsNotTakenOver(t *testing.T) {
	t.Parallel()
	l := listen(t, Config{}, echo)
	c := dial(t, l.Addr().String())
	expectEcho(t, c, 10)
	push := append([]byte{0, 0, 0, 0, 81, 0, 128, 0}, make([]byte, 16)...)
	number := func(b []byte, n uint32) []byte {
		b = bytes.Clone(b)
		b[0], b[1], b[2], b[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
		return b
	}
	mine, _ := netip.ParseAddrPort(c.LocalAddr().String())
	forged := c.opening
	forged.cookie[0]++
	for name, b := range map[string][]byte{
		"a bye with another cookie":            forged.as(bye),
		"a begin with another cookie":          forged.as(begin),
		"another number, counting from 0":      number(push, c.opening.conv+1),
		"a broken segment of its own":          append(number(push, c.opening.conv), 1, 2, 3),
		"an acknowledgement of what was never": number(append([]byte{0, 0, 0, 0, 82, 0, 128, 0, 0xff, 0xff, 0xff, 0xff}, bytes.Repeat([]byte{0x7f}, 12)...), c.opening.conv),
	} {
		l.take(b, mine) // as it comes from the socket
		s := newStranger(t, l.Addr())
		s.send(b)
		if got := s.answer(moment); got != nil {
			t.Errorf("%s, from elsewhere, is answered with %x", name, got)
		}
		expectEcho(t, c, 5000)
	}
	if l.Count() != 1 {
		t.Errorf("there are %d conversations", l.Count())
	}
}

// TestAFloodOfOpenings is what costs a listener nothing but time.
func TestAFloodOfOpenings(t *testing.T) {
	l := listen(t, Config{}, echo)
	honest := dial(t, l.Addr().String())
	expectEcho(t, honest, 10)
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	r := rand.New(rand.NewPCG(1, 2))
	s := newStranger(t, l.Addr())
	const flood = 20_000
	for i := range flood {
		o := opening{kind: open}
		for j := range o.nonce {
			o.nonce[j] = byte(r.Uint32())
		}
		say := open
		if i%2 == 1 {
			o.conv, say = r.Uint32()|1, begin
		}
		_, _ = s.pc.Write(o.as(say))
	}
	expectEcho(t, honest, 10_000)
	newcomer := dial(t, l.Addr().String())
	expectEcho(t, newcomer, 100)
	if n := l.Count(); n != 2 {
		t.Errorf("there are %d conversations", n)
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("the flood has taken %d bytes", grown)
	}
}

// TestWhatIsNotReadIsBounded has a client send and send to somebody who does not read.
func TestWhatIsNotReadIsBounded(t *testing.T) {
	t.Parallel()
	wait := make(chan struct{})
	l := listen(t, Config{}, func(net.Conn) { <-wait })
	defer close(wait)
	c := dial(t, l.Addr().String())
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	n := 0
	for {
		m, err := c.Write(make([]byte, 10_000))
		n += m
		if err != nil {
			break
		}
	}
	if most := 4 * up * datagram; n > most {
		t.Errorf("%d bytes were taken, want %d at most", n, most)
	}
}

func FuzzDatagram(f *testing.F) {
	sum := sha256.Sum256([]byte("seed"))
	f.Add(opening{}.as(open), sum[:])
	f.Add(opening{conv: 1}.as(begin), []byte{1, 0, 0, 0, 81, 0, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4})
	f.Add(opening{conv: 1}.as(bye), []byte{1, 0, 0, 0, 82, 0, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	from := netip.MustParseAddrPort("127.0.0.1:9") // where nobody is
	f.Fuzz(func(t *testing.T, stranger, friend []byte) {
		l := newListener(Config{})
		pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Skip(err)
		}
		defer pc.Close()
		l.pc = pc
		if o, ok := parseOpening(stranger); ok && !bytes.Equal(o.as(o.kind), stranger) {
			t.Fatalf("%x is read as %+v", stranger, o)
		}
		l.take(stranger, from)
		if l.Count() != 0 {
			t.Fatalf("%x has begun a conversation", stranger)
		}
		o := opening{conv: 1}
		if !l.add(o, from) {
			t.Fatal("there is no room")
		}
		c := l.find(place{from, 1})
		for i := range 3 { // whatever comes of a conversation, in pieces too
			l.take(friend[min(i, len(friend)):], from)
		}
		l.take(stranger, from)
		_ = c.SetReadDeadline(time.Unix(1, 0))
		_, _ = c.Read(make([]byte, 64))
		_ = c.Close()
		if l.Count() != 0 {
			t.Fatal("the conversation goes on after its end")
		}
	})
}
