package direct

import (
	"bytes"
	"crypto/rand"
	"runtime"
	"strings"
	"testing"
	"time"

	"loumiao/framework/wire"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// TestTicketsThatOpenNothing has each of them hung up on without a word, and the honest player's own go on.
func TestTicketsThatOpenNothing(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(t *testing.T, n *node, o Offer) *forger{
		"one that was made up": func(_ *testing.T, n *node, _ Offer) *forger {
			f := n.come()
			f.send(f.hello(Ticket{1, 2, 3}, [KeySize]byte{}))
			return f
		},
		"none at all": func(_ *testing.T, n *node, _ Offer) *forger {
			f := n.come()
			f.send(make([]byte, TicketSize))
			return f
		},
		"another's, seen on the way, without the key": func(_ *testing.T, n *node, o Offer) *forger {
			f := n.come()
			f.send(f.hello(o.Ticket, [KeySize]byte{1}))
			return f
		},
		"with the key of the other direction": func(_ *testing.T, n *node, o Offer) *forger {
			f := n.come()
			f.send(f.hello(o.Ticket, o.Down))
			return f
		},
		"with what another ticket's key has sealed": func(_ *testing.T, n *node, o Offer) *forger {
			f, mine := n.come(), n.offer(666)
			f.send(f.hello(o.Ticket, mine.Up))
			return f
		},
		"with another frame than a ping": func(_ *testing.T, n *node, o Offer) *forger {
			f := n.come()
			f.send(o.Ticket[:], newSealer(o.Up).seal(nil, frameOf(act, 1)))
			return f
		},
		"one that has been replaced": func(_ *testing.T, n *node, o Offer) *forger {
			f, old := n.come(), n.offer(8)
			n.offer(8)
			f.send(f.hello(old.Ticket, old.Up))
			return f
		},
		"one that was used": func(t *testing.T, n *node, _ Offer) *forger {
			first, f, used := n.come(), n.come(), n.offer(8)
			hello := first.hello(used.Ticket, used.Up)
			first.send(hello)
			eventually(t, "the first is in", func() bool { return n.Count() == 1 })
			f.send(hello)
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, func(c *Config) { c.TicketTTL = enough })
			o := n.offer(7)
			f := attack(t, n, o)
			f.gone(0)
			p, err := n.dial(n.Addr().String(), o)
			if err != nil {
				t.Fatalf("the honest player's own ticket opens nothing: %v", err)
			}
			if err := p.Send(message(act, 3, nil)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "his messages arrive", func() bool { return len(n.received()) == 1 })
		})
	}
}

func TestATicketExpires(t *testing.T) {
	t.Parallel()
	n := start(t, func(c *Config) { c.TicketTTL = 50 * time.Millisecond })
	o := n.offer(7)
	if o.Valid != 50*time.Millisecond {
		t.Errorf("it is valid for %v", o.Valid)
	}
	time.Sleep(o.Valid) // its time has to be over, and there is nothing else to wait for
	f := n.come()
	f.send(f.hello(o.Ticket, o.Up))
	f.gone(0)
}

// TestTicketsAreBounded has room made by those that have expired.
func TestTicketsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	all := newTickets(3, time.Second)
	for i := range int64(3) {
		if _, err := all.offer(Holder{Player: i}, now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := all.offer(Holder{Player: 9}, now); err == nil || all.count() != 3 {
		t.Errorf("a fourth: %v", err)
	}
	if _, err := all.offer(Holder{Player: 1}, now); err != nil || all.count() != 3 {
		t.Errorf("another for the same holder: %v", err)
	}
	if _, err := all.offer(Holder{Player: 9}, now.Add(time.Second)); err != nil || all.count() != 1 {
		t.Errorf("after the others have expired: %v, %d", err, all.count())
	}
}

// TestRecordsThatWereTamperedWith end the line, and the node is told of nothing that comes after.
func TestRecordsThatWereTamperedWith(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(first, second []byte) [][]byte{
		"a bit":             func(a, b []byte) [][]byte { b[len(b)-20] ^= 1; return [][]byte{a, b} },
		"the proof":         func(a, b []byte) [][]byte { b[len(b)-1] ^= 1; return [][]byte{a, b} },
		"the length":        func(a, b []byte) [][]byte { b[1]--; return [][]byte{a, b} },
		"repeated":          func(a, b []byte) [][]byte { return [][]byte{a, a, b} },
		"swapped":           func(a, b []byte) [][]byte { return [][]byte{b, a} },
		"left out":          func(_, b []byte) [][]byte { return [][]byte{b} },
		"a length of none":  func(a, b []byte) [][]byte { return [][]byte{a, {0, 0}, b} },
		"a length of a lot": func(a, b []byte) [][]byte { return [][]byte{a, {0xff, 0xff}, b} },
		"not even sealed":   func(a, b []byte) [][]byte { return [][]byte{a, {0, 30}, frameOf(act, 9), b} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, nil)
			f, o := n.come(), n.offer(7)
			f.send(f.hello(o.Ticket, o.Up), bytes.Join(tamper(f.sealer.seal(nil, frameOf(act, 1)), f.sealer.seal(nil, frameOf(act, 2))), nil))
			f.gone(100)
			eventually(t, "the line has ended", func() bool { return n.ends() == 1 })
			if got := n.received(); len(got) > 1 || len(got) == 1 && got[0] != 1 {
				t.Errorf("the node was told %v", got)
			}
		})
	}
}

func TestAFloodEndsTheLine(t *testing.T) {
	t.Parallel()
	const rate = 20
	n := start(t, func(c *Config) { c.Rate = rate })
	honest := n.enter(1)
	f, o := n.come(), n.offer(7)
	began := time.Now()
	f.send(f.hello(o.Ticket, o.Up))
	for i := range int64(1000) {
		if _, err := f.Write(f.sealer.seal(nil, frameOf(act, i))); err != nil {
			break
		}
	}
	f.gone(100)
	took := time.Since(began) // on a busy machine it is allowed more, as it is no such flood
	if got := len(n.received()); float64(got) > 1+rate*(2+took.Seconds()) {
		t.Errorf("%d messages of a flood reached the node in %v", got, took)
	}
	if err := honest.Send(message(act, 5000, nil)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the honest player is heard", func() bool { got := n.received(); return got[len(got)-1] == 5000 })
}

// TestAThousandWithoutATicket is not parallel: it looks at what the process has. The desk's part of it stays within its bounds, and a player with a ticket gets in.
func TestAThousandWithoutATicket(t *testing.T) {
	const all, pending = 1000, 50
	n := start(t, func(c *Config) {
		c.MaxPending = pending
		c.HandshakeTimeout = time.Hour
		c.MaxPerAddress = 2 * all
		c.TicketTTL = enough
	})
	goroutines := runtime.NumGoroutine()
	for i := range all {
		f := n.come()
		part := make([]byte, i%(TicketSize+20))
		_, _ = rand.Read(part)
		_, _ = f.Write(part)
		if i == all/2 {
			p := n.enter(1)
			p.Close()
		}
		if w := n.Waiting(); w > pending {
			t.Fatalf("%d wait without a ticket", w)
		}
	}
	p := n.enter(2)
	if err := p.Send(message(act, 1, nil)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "he is heard", func() bool { return len(n.received()) == 1 })
	eventually(t, "those that were pushed out are gone", func() bool {
		return n.listener.Count() <= pending+1 && runtime.NumGoroutine() <= goroutines+2*pending+20
	})
}

func FuzzGreeting(f *testing.F) {
	key := [KeySize]byte{1}
	d := &Desk{cfg: Config{Registry: registry(), Type: "zone"}.withDefaults(), tickets: newTickets(10, time.Hour)}
	id := Ticket{9}
	ping := newSealer(key).seal(nil, wire.Append(nil, wire.Header{Kind: wire.Ping, Call: 1}, nil))
	f.Add(append(id[:], ping...))
	f.Add(append(id[:], ping[:20]...))
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, b []byte) {
		offer := &ticket{Offer: Offer{Ticket: id, Up: key}, until: time.Now().Add(time.Hour)}
		d.tickets.all[id], d.tickets.of[offer.holder] = offer, offer
		got, _, _ := d.greet(bytes.NewReader(b))
		if honest := bytes.HasPrefix(b, append(id[:], ping...)); (got != nil) != honest {
			// Another Ping that the key has sealed cannot be found by chance.
			t.Fatalf("%x opens a line: %v", b, got != nil)
		}
		if (d.tickets.count() == 0) != (got != nil) {
			t.Fatal("an offer is used up by something that opens nothing")
		}
	})
}

func FuzzRecords(f *testing.F) {
	key := [KeySize]byte{1}
	s := newSealer(key)
	good := s.seal(s.seal(nil, frameOf(act, 1)), frameOf(act, 2))
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 100
		o, in := newOpener(key, limit), bytes.NewReader(b)
		for i := 1; ; i++ {
			frame, err := o.open(in)
			if err != nil {
				break
			}
			if !bytes.Equal(frame, frameOf(act, int64(i))) || i > 2 {
				t.Fatalf("%x is taken for a frame", frame)
			}
		}
		if cap(o.buf) > 2*limit {
			t.Fatalf("%d bytes were taken", cap(o.buf))
		}
	})
}
