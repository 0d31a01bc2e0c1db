package line

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line/internal/linepb"
	"loumiao/framework/wire"
)

// keptWorld is a session that is kept for a client who may come back.
var keptWorld = SessionInfo{ID: 1, Stream: 1, Type: "world", Player: 100, Account: 10, Area: 3, Grace: time.Hour}

// find asks one backend for the session, and returns its answer.
func (g *gate) find(s SessionInfo, player int64, received uint32) Found {
	g.t.Helper()
	s.Player = player
	if asked := g.lines.Find(s, received); len(asked) != 1 {
		g.t.Fatalf("asked %v; there is one world", asked)
	}
	return g.expect("found").found
}

func (g *gate) resume(b *backend, s SessionInfo, received uint32) {
	g.t.Helper()
	if err := g.lines.Resume(b.member.Node, s, received); err != nil {
		g.t.Fatal("resume:", err)
	}
}

// TestResume cuts a client off in several ways; by another gate it then misses nothing and repeats nothing.
func TestResume(t *testing.T) {
	t.Parallel()
	cuts := map[string]func(t *testing.T, b *backend, g *gate){
		"the client's connection breaks": func(t *testing.T, b *backend, g *gate) {
			if err := g.lines.Detach(b.member.Node, keptWorld.ID, keptWorld.Stream, fault.Lost); err != nil {
				t.Fatal(err)
			}
		},
		"the gate dies":      func(_ *testing.T, _ *backend, g *gate) { g.stop() },
		"nobody has noticed": func(*testing.T, *backend, *gate) {},
	}
	for name, cut := range cuts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, 1, nil)
			first, second := newGate(t, 8, b.member), newGate(t, 9, b.member)
			s := first.enter(b, keptWorld) // number 1 is the reply
			s.Bind("zone", 40)
			push(t, s, 2)
			push(t, s, 3)
			first.send(b, keptWorld, 5, &linepb.Note{Number: 5})
			receive(t, b.noted, "note 5")

			cut(t, b, first)
			await(t, "the backend knows", func() bool { return name == "nobody has noticed" || b.srv.stats.kept.Load() == 1 })
			push(t, s, 4)

			if f := second.find(keptWorld, 100, 2); !f.Found || f.Received != 5 || f.Stream != 1 {
				t.Fatalf("found: %+v", f)
			}
			second.resume(b, keptWorld, 2)
			if e := second.expect("bind"); e.typ != "zone" || e.node != 40 {
				t.Errorf("bound: %+v", e)
			}
			push(t, s, 5)
			for want := uint32(3); want <= 5; want++ {
				e := second.expect("deliver")
				if n := decode(t, e, &linepb.News{}).GetNumber(); e.head.Sequence != want || n != int64(want) || e.session != keptWorld.ID {
					t.Errorf("got %+v with %d; want number %d", e.head, n, want)
				}
			}
			second.send(b, keptWorld, 5, &linepb.Note{Number: 500}) // a repetition
			second.send(b, keptWorld, 6, &linepb.Note{Number: 6})
			if n := receive(t, b.noted, "note 6"); n != 6 {
				t.Errorf("note %d was taken; want 6", n)
			}
			if name == "nobody has noticed" { // the older gate's client is nobody's any more, and its end is no end of the session
				first.forward(b, keptWorld, wire.Header{Kind: wire.Request, Call: 9, Sequence: 7}, &linepb.Echo{})
				for e := first.next(); ; e = first.next() {
					if e.head.Call == 9 {
						if code, _ := e.failed(t); code != fault.Unavailable {
							t.Errorf("the older gate is answered %v", code)
						}
						break
					}
				}
				if err := first.lines.Detach(b.member.Node, keptWorld.ID, keptWorld.Stream, fault.OK); err != nil {
					t.Fatal(err)
				}
				first.attach(b, SessionInfo{ID: 77, Stream: 1, Type: "world"}) // behind it in line
				await(t, "the detachment is read", func() bool { return b.srv.book.get(attachment{77, 1}) != nil })
			}
			push(t, s, 6)
			if e := second.expect("deliver"); e.head.Sequence != 6 || s.Gone() {
				t.Errorf("got %+v; gone: %v", e, s.Gone())
			}
			if kept := b.srv.stats.kept.Load(); kept != 0 {
				t.Errorf("%d sessions are kept", kept)
			}
			// It can be cut again, and leaves in the end.
			if err := second.lines.Detach(b.member.Node, keptWorld.ID, keptWorld.Stream, fault.OK); err != nil {
				t.Fatal(err)
			}
			if d := receive(t, b.detached, "detached"); d.Session != s || d.Code != fault.OK {
				t.Errorf("detached: %+v", d)
			}
		})
	}
}

func push(t *testing.T, s *Session, number int64) {
	t.Helper()
	if err := s.Push(&linepb.News{Number: number}); err != nil {
		t.Fatal(err)
	}
}

// TestNotFound has gates look for what cannot be resumed.
func TestNotFound(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, func(_ *backend, c *Config) { c.ReplayFrames = 2 })
	g := newGate(t, 9, b.member)
	s := g.enter(b, keptWorld)
	other := keptWorld
	other.ID = 2
	reset := keptWorld
	reset.Resets = 1
	for name, f := range map[string]Found{
		"another session":               g.find(other, 100, 1),
		"another player":                g.find(keptWorld, 101, 1),
		"another stream of that number": g.find(reset, 100, 1),
	} {
		if f.Found {
			t.Errorf("%s is found: %+v", name, f)
		}
	}
	if f := g.find(keptWorld, 100, 1); !f.Found {
		t.Errorf("the session is not found: %+v", f)
	}
	push(t, s, 2) // which waits for whoever has asked
	g.resume(b, keptWorld, 1)
	g.expect("deliver")
	for n := int64(3); n <= 4; n++ {
		push(t, s, n)
		g.expect("deliver")
	}
	if f := g.find(keptWorld, 100, 1); f.Found { // number 2 is gone
		t.Errorf("found, though a frame is missing: %+v", f)
	}
	if d := receive(t, b.detached, "detached"); d.Code != fault.Lost {
		t.Errorf("detached: %+v", d)
	}
	g.resume(b, keptWorld, 4)
	if e := g.expect("unbind"); e.typ != "world" || e.session != keptWorld.ID {
		t.Errorf("resuming what is gone: %+v", e)
	}
}

// TestAnEarlierConnectionHasNoEffect has a backend read late what the gate of a connection before has sent.
func TestAnEarlierConnectionHasNoEffect(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	early, late := newGate(t, 8, b.member), newGate(t, 9, b.member)
	first, second := keptWorld, keptWorld
	first.Turn, second.Turn = 1, 2
	s := early.enter(b, first)
	if f := late.find(second, 100, 1); !f.Found {
		t.Fatalf("found: %+v", f)
	}
	if f := early.find(first, 100, 1); f.Found {
		t.Errorf("found for the earlier connection: %+v", f)
	}
	early.resume(b, first, 1)
	if e := early.expect("unbind"); e.session != first.ID {
		t.Errorf("%+v", e)
	}
	late.resume(b, second, 1)
	early.attach(b, first)
	early.request(b, first, 5, &linepb.Echo{})
	if code, _ := early.next().failed(t); code != fault.Unavailable {
		t.Errorf("the earlier connection is answered %v", code)
	}
	push(t, s, 2)
	if e := late.expect("deliver"); e.head.Sequence != 2 {
		t.Errorf("the later connection gets %+v", e)
	}
}

// TestKeptSessionEnds in each way that it can without a client.
func TestKeptSessionEnds(t *testing.T) {
	t.Parallel()
	ends := map[string]struct {
		grace time.Duration
		end   func(t *testing.T, b *backend, g *gate, s *Session)
		code  fault.Code
	}{
		"nobody comes back": {time.Millisecond, func(*testing.T, *backend, *gate, *Session) {}, fault.Lost},
		"it is kicked": {time.Hour, func(_ *testing.T, _ *backend, _ *gate, s *Session) {
			s.Kick(fault.Replaced, "elsewhere")
		}, fault.Replaced},
		"it is attached anew":  {time.Hour, func(_ *testing.T, b *backend, g *gate, _ *Session) { g.attach(b, keptWorld) }, fault.Replaced},
		"the backend stops":    {time.Hour, func(_ *testing.T, b *backend, _ *gate, _ *Session) { go b.stop() }, fault.ShuttingDown},
		"its grace is nothing": {0, func(*testing.T, *backend, *gate, *Session) {}, fault.Lost},
	}
	for name, c := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, 1, nil)
			g := newGate(t, 9, b.member)
			info := keptWorld
			info.Grace = c.grace
			s := g.enter(b, info)
			if err := g.lines.Detach(b.member.Node, info.ID, info.Stream, fault.Lost); err != nil {
				t.Fatal(err)
			}
			if c.grace == time.Hour {
				await(t, "the session is kept", func() bool { return b.srv.stats.kept.Load() == 1 })
				push(t, s, 1)
				if err := s.Push(&linepb.Glimpse{}); err != nil {
					t.Errorf("what may be lost, to a client who is away: %v", err)
				}
			}
			c.end(t, b, g, s)
			if d := receive(t, b.detached, "detached"); d.Session != s || d.Code != c.code {
				t.Errorf("detached with %v; want %v", d.Code, c.code)
			}
			await(t, "none is kept", func() bool { return b.srv.stats.kept.Load() == 0 })
			if err := s.Push(&linepb.News{}); err != ErrDetached || !s.Gone() {
				t.Errorf("pushing to it then: %v; gone: %v", err, s.Gone())
			}
		})
	}
}

// TestResumeRandomly moves a session between gates at random, each of which goes away in one of several ways, while both sides send. Whatever happens, the
// client gets every number once and in order, and so does the backend.
func TestResumeRandomly(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	b := newBackend(t, 1, func(_ *backend, c *Config) { c.ReplayFrames = 1 << 12 })
	gates := []*gate{newGate(t, 8, b.member), newGate(t, 9, b.member), newGate(t, 10, b.member)}
	at, info := gates[0], keptWorld
	s := at.enter(b, info)
	var pushed, got uint32 = 1, 1 // numbers of the backend's: sent, received by the client
	var sent, taken uint32        // numbers of the client's: sent, known to be taken
	var heard []int64             // what the backend was sent, in order
	listen := func(n int) {       // the client reads up to n frames
		for range n {
			select {
			case e := <-at.events:
				if e.what != "deliver" || e.head.Sequence == 0 {
					continue
				}
				if e.head.Sequence != got+1 {
					t.Fatalf("number %d comes after %d", e.head.Sequence, got)
				}
				got++
			default:
				return
			}
		}
	}
	for step := range 400 {
		switch rng.IntN(8) {
		case 0, 1, 2:
			pushed++
			push(t, s, int64(pushed))
		case 3, 4:
			sent++
			at.send(b, info, sent, &linepb.Note{Number: int64(sent)})
		case 5:
			listen(rng.IntN(10))
		case 6:
			if err := at.lines.Ack(b.member.Node, info.ID, info.Stream, got); err != nil {
				t.Fatal(err)
			}
		default:
			switch rng.IntN(3) {
			case 0:
				if err := at.lines.Detach(b.member.Node, info.ID, info.Stream, fault.Lost); err != nil {
					t.Fatal(err)
				}
			case 1:
				at.stop()
				i := rng.IntN(len(gates))
				for gates[i] != at {
					i = (i + 1) % len(gates)
				}
				gates[i] = newGate(t, id.Node(20+step), b.member)
			}
			at = gates[rng.IntN(len(gates))]
			for len(at.events) > 0 {
				<-at.events // what came for the connection before
			}
			info.Turn++
			f := at.findAmong(info, got)
			if !f.Found || f.Received > sent || f.Received < taken {
				t.Fatalf("step %d: found %+v; the client has sent %d, and %d was taken before", step, f, sent, taken)
			}
			taken = f.Received
			at.resume(b, info, got)
			for n := taken + 1; n <= sent; n++ {
				at.send(b, info, n, &linepb.Note{Number: int64(n)})
			}
		}
	}
	for got < pushed {
		e := at.expect("deliver")
		if e.head.Sequence != got+1 {
			t.Fatalf("number %d comes after %d", e.head.Sequence, got)
		}
		got++
	}
	for len(heard) < int(sent) {
		heard = append(heard, receive(t, b.noted, fmt.Sprintf("note %d", len(heard)+1)))
	}
	for i, n := range heard {
		if n != int64(i+1) {
			t.Fatalf("note %d is %d", i+1, n)
		}
	}
}

// findAmong is find on a gate that may still be given frames of an earlier connection.
func (g *gate) findAmong(s SessionInfo, received uint32) Found {
	g.t.Helper()
	g.lines.Find(s, received)
	for {
		if e := g.next(); e.what == "found" {
			return e.found
		}
	}
}
