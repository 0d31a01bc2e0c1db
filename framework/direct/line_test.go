package direct

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/udp/udptest"
	"loumiao/framework/wire"
)

func upTo(n int64) (all []int64) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

// expect wants messages in order.
func (p *player) expect(t *testing.T, want []int64) {
	t.Helper()
	for _, n := range want {
		select {
		case got := <-p.got:
			if got != n {
				t.Fatalf("message %d came, and %d was to come", got, n)
			}
		case <-time.After(enough):
			t.Fatalf("message %d does not come", n)
		}
	}
}

// TestGreeting has a node send something as soon as it is told of a line: it comes after the Pong with which a line begins.
func TestGreeting(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	n.greet = message(tell, 1, nil)
	n.enter(7).expect(t, upTo(1))
}

func TestBothWays(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]*udptest.Faults{"well": nil, "badly": {Drop: 15, Swap: 20, Twice: 10, Seed: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, func(c *Config) {
				c.Rate = 10_000
				c.HandshakeTimeout, c.TicketTTL, c.Silence, c.patience = enough, enough, enough, enough
			})
			addr := n.Addr().String()
			if faults != nil {
				proxy := udptest.NewProxy(t, addr, *faults)
				addr = proxy.Addr()
				defer proxy.Heal()
			}
			p, err := n.dial(addr, n.offer(7))
			if err != nil {
				t.Fatal(err)
			}
			const many = 300
			for i := range int64(many) {
				if err := p.Send(message(act, i+1, make([]byte, i))); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "all has arrived", func() bool { return len(n.received()) == many })
			if !slices.Equal(n.received(), upTo(many)) {
				t.Errorf("what has arrived is %v", n.received())
			}
			l := n.opened()[0]
			if l.Player != 7 || l.Room != 5 {
				t.Errorf("the line is %v's", l.Holder)
			}
			go func() {
				for i := range int64(many) {
					_ = l.Send(message(tell, i+1, make([]byte, 50)))
				}
			}()
			p.expect(t, upTo(many))
		})
	}
}

func TestOnlyWhatIsDeclaredForTheDirection(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	p := n.enter(7)
	eventually(t, "the line is open", func() bool { return len(n.opened()) == 1 })
	if err := p.Send(message(tell, 1, nil)); fault.CodeOf(err) != fault.Internal {
		t.Errorf("a client sends a node's message: %v", err)
	}
	if err := n.opened()[0].Send(message(act, 1, nil)); fault.CodeOf(err) != fault.Internal {
		t.Errorf("a node sends a client's message: %v", err)
	}
	if err := n.opened()[0].Send(message(tell, 1, make([]byte, MaxFrame))); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("too large a message: %v", err)
	}
}

func TestEitherSideEndsALine(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	p, q := n.enter(7), n.enter(8)
	p.Close()
	eventually(t, "the node is told", func() bool { return n.ends() == 1 && n.Count() == 1 })
	for _, l := range n.opened() {
		l.Close()
	}
	q.Wait()
	if err := q.Send(message(act, 1, nil)); !errors.Is(err, ErrClosed) {
		t.Errorf("sending on a line that has ended: %v", err)
	}
	eventually(t, "the node is told", func() bool { return n.ends() == 2 && n.Count() == 0 })
}

func TestSilenceEndsALine(t *testing.T) {
	t.Parallel()
	const silence = 3 * time.Second // a Ping goes each second, and may be late on a busy machine
	n := start(t, func(c *Config) { c.Silence, c.patience = silence, silence })
	proxy := udptest.NewProxy(t, n.Addr().String(), udptest.Faults{})
	p, err := n.dial(proxy.Addr(), n.offer(7))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
		t.Fatal("a line on which Pings go ends")
	case <-time.After(silence + time.Second):
	}
	proxy.Block(true)
	eventually(t, "the node has noticed", func() bool { return n.ends() == 1 })
	select {
	case <-p.Done():
	case <-time.After(enough):
		t.Fatal("the client does not notice")
	}
}

func TestUDPIsBlocked(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	proxy := udptest.NewProxy(t, n.Addr().String(), udptest.Faults{})
	proxy.Block(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, proxy.Addr(), n.offer(7), registry(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dialling says %v", err)
	}
}

// TestAClientThatDoesNotRead is not waited for.
func TestAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	f := n.come()
	o := n.offer(7)
	f.send(f.hello(o.Ticket, o.Up))
	eventually(t, "the line is open", func() bool { return len(n.opened()) == 1 })
	l := n.opened()[0]
	for range 1000 {
		if err := l.Send(message(tick, 1, make([]byte, 1000))); err != nil {
			t.Fatalf("a droppable message: %v", err)
		}
	}
	var err error
	for range 1000 {
		if err = l.Send(message(tell, 1, make([]byte, 1000))); err != nil {
			break
		}
	}
	if fault.CodeOf(err) != fault.Slow {
		t.Errorf("sending says %v", err)
	}
	eventually(t, "the line has ended", func() bool { return n.ends() == 1 })
}

func TestANodeThatRefuses(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	n.refuse = errRefused
	if _, err := n.dial(n.Addr().String(), n.offer(7)); err == nil {
		t.Error("there is a line")
	}
}

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	if _, err := Listen("127.0.0.1:0", Config{MaxBody: 1 << 20, Silence: time.Millisecond}); err == nil {
		t.Fatal("it is taken")
	} else {
		for _, part := range []string{"Registry", "Type", "Handler", "MaxBody", "Silence"} {
			if !contains(err.Error(), part) {
				t.Errorf("%v does not name %s", err, part)
			}
		}
	}
}

// TestAFrameOfEverySort ends the line of whoever sends what does not belong there, and tells the node nothing of it.
func TestAFrameOfEverySort(t *testing.T) {
	t.Parallel()
	with := func(h wire.Header) []byte { return wire.Append(nil, h, nil) }
	for name, frame := range map[string][]byte{
		"another type's message": frameOf(other, 1),
		"a node's message":       with(wire.Header{Kind: wire.Send, Message: tell}),
		"no message at all":      with(wire.Header{Kind: wire.Send, Message: 99}),
		"a request":              with(wire.Header{Kind: wire.Request, Message: act, Call: 1}),
		"a push":                 with(wire.Header{Kind: wire.Push, Message: act}),
		"a hello":                with(wire.Header{Kind: wire.Hello}),
		"a number":               with(wire.Header{Kind: wire.Send, Message: act, Sequence: 1}),
		"a stream":               with(wire.Header{Kind: wire.Send, Message: act, Stream: 4}),
		"compressed":             with(wire.Header{Kind: wire.Send, Message: act, Flags: wire.Compressed}),
		"a ping with a body":     wire.Append(nil, wire.Header{Kind: wire.Ping}, []byte("x")),
		"a broken body":          wire.Append(nil, wire.Header{Kind: wire.Send, Message: act}, []byte{8}),
		"half a frame":           frameOf(act, 1)[:20-6],
		"two frames":             append(frameOf(act, 1), frameOf(act, 2)...),
		"nothing":                {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, nil)
			f, o := n.come(), n.offer(7)
			f.send(f.hello(o.Ticket, o.Up), f.sealer.seal(nil, frame))
			f.gone(100)
			eventually(t, "the line has ended", func() bool { return n.ends() == 1 })
			if got := n.received(); len(got) != 0 {
				t.Errorf("the node was told %v", got)
			}
		})
	}
}
