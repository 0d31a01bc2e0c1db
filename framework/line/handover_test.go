package line

import (
	"bytes"
	"testing"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/line/internal/linepb"
	"loumiao/framework/wire"
)

// heldFor waits until the player's actor was told that nothing more comes.
func (b *backend) heldFor(t *testing.T, s *Session) {
	t.Helper()
	if h := receive(t, b.held, "held"); h.Session != s {
		t.Fatalf("held: %+v", h)
	}
}

func (b *backend) ref(t *testing.T, s *Session) actor.Ref {
	t.Helper()
	ref, ok := b.players.Get(s.Player)
	if !ok {
		t.Fatal("the player is not there")
	}
	return ref
}

// TestHandover moves a stream from one backend to another while its client sends: both directions go on where they were, with and without a gate that has the
// client, and what the client has not acknowledged is there when it comes back.
func TestHandover(t *testing.T) {
	t.Parallel()
	for name, info := range map[string]SessionInfo{"kept for its client": keptWorld, "not kept": world} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newBackend(t, 1, nil), newBackend(t, 2, nil)
			g := newGate(t, 8, a.member, b.member)
			s := g.enter(a, info) // number 1 is the reply
			s.Own(4, "")
			s.Bind("zone", 40)
			push(t, s, 2)
			g.send(a, info, 5, &linepb.Note{Number: 5})
			s.Hold(a.ref(t, s))
			for _, what := range []string{"own", "bind", "deliver", "hold"} {
				g.expect(what)
			}
			if _, err := s.Export(); err != ErrNotHeld {
				t.Fatalf("exported before the client is held: %v", err)
			}
			g.send(a, info, 6, &linepb.Note{Number: 6})
			if err := g.lines.Held(a.member.Node, info.ID, info.Stream); err != nil {
				t.Fatal(err)
			}
			a.heldFor(t, s)
			if len(a.noted) != 2 {
				t.Fatalf("%d notes were taken before the client was held; want 2", len(a.noted))
			}
			push(t, s, 3)
			h, err := s.Export()
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Push(&linepb.News{}); err != ErrDetached || !s.Gone() {
				t.Errorf("pushed after the export: %v", err)
			}
			if _, err := s.Export(); err != ErrDetached {
				t.Errorf("exported twice: %v", err)
			}
			moved, err := b.srv.Adopt(h.State)
			if err != nil {
				t.Fatal(err)
			}
			if moved.ID != s.ID || moved.Player != s.Player || moved.Account != s.Account || moved.Area != s.Area {
				t.Errorf("adopted: %+v", moved)
			}
			moved.Own(5, "")
			push(t, moved, 4) // before the gate is there
			h.Move(b.member.Node)
			g.expect("deliver") // 3
			if e := g.expect("move"); e.node != b.member.Node || e.sent != 3 || e.session != s.ID {
				t.Fatalf("moved: %+v", e)
			}
			if err := g.lines.GoOn(b.member.Node, info, 3); err != nil {
				t.Fatal(err)
			}
			if e := g.expect("own"); e.own != (own{s.ID, info.Stream, 5, ""}) {
				t.Errorf("owned: %+v", e.own)
			}
			if e := g.expect("bind"); e.typ != "zone" || e.node != 40 {
				t.Errorf("bound: %+v", e)
			}
			if e := g.expect("deliver"); e.head.Sequence != 4 {
				t.Errorf("number %d comes after 3", e.head.Sequence)
			}
			g.request(b, info, 1, &linepb.Enter{})
			g.expect("deliver") // 5
			g.send(b, info, 6, &linepb.Note{Number: 600})
			g.send(b, info, 7, &linepb.Note{Number: 7})
			if n := receive(t, b.noted, "note 7"); n != 7 {
				t.Errorf("note %d was taken; want 7", n)
			}
			if info.Grace == 0 {
				return
			}
			if f := g.lookFor(a, b, info, 1); f.Received != 7 || f.Epoch != 5 {
				t.Fatalf("found: %+v", f)
			}
			g.resume(b, info, 1)
			g.expect("own")
			g.expect("bind")
			for want := uint32(2); want <= 5; want++ {
				if e := g.expect("deliver"); e.head.Sequence != want {
					t.Errorf("number %d is sent again; want %d", e.head.Sequence, want)
				}
			}
		})
	}
}

// lookFor asks both backends for the session, and returns the answer of the one that has it.
func (g *gate) lookFor(a, b *backend, info SessionInfo, received uint32) Found {
	g.t.Helper()
	if asked := g.lines.Find(info, received); len(asked) != 2 {
		g.t.Fatalf("asked %v", asked)
	}
	var found []event
	for range 2 {
		if e := g.expect("found"); e.found.Found {
			found = append(found, e)
		}
	}
	if len(found) != 1 || found[0].from != b.member.Node {
		g.t.Fatalf("found: %+v", found)
	}
	return found[0].found
}

// TestHoldOfAClientWhoIsAway needs no gate, and is told again when the client has come back in between.
func TestHoldOfAClientWhoIsAway(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 8, b.member)
	s := g.enter(b, keptWorld)
	detach := func() {
		t.Helper()
		if err := g.lines.Detach(b.member.Node, keptWorld.ID, keptWorld.Stream, fault.Lost); err != nil {
			t.Fatal(err)
		}
		await(t, "the client is away", func() bool { return b.srv.stats.kept.Load() == 1 })
	}
	s.Hold(b.ref(t, s))
	g.expect("hold")
	detach() // instead of an answer
	b.heldFor(t, s)
	if !g.find(keptWorld, 100, 1).Found {
		t.Fatal("not found")
	}
	if _, err := s.Export(); err != ErrNotHeld {
		t.Fatalf("exported while its client comes back: %v", err)
	}
	g.resume(b, keptWorld, 1)
	g.expect("hold")
	detach()
	b.heldFor(t, s)
	h, err := s.Export()
	if err != nil {
		t.Fatal(err)
	}
	h.Move(9) // there is nobody to tell
	h.Abandon()
	if kept := b.srv.stats.kept.Load(); kept != 0 || b.srv.Sessions() != 0 {
		t.Errorf("%d sessions are kept of %d", kept, b.srv.Sessions())
	}
}

// TestExportWaitsForAnswers refuses a session whose client waits for an answer that would be lost.
func TestExportWaitsForAnswers(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, func(b *backend, _ *Config) { b.later = make(chan actor.Responder, 1) })
	g := newGate(t, 8, b.member)
	s := g.enter(b, keptWorld)
	if _, err := b.rooms.Create(7); err != nil {
		t.Fatal(err)
	}
	g.request(b, keptWorld, 2, &linepb.Ask{Room: 7})
	answer := receive(t, b.later, "an ask")
	g.request(b, keptWorld, 3, &linepb.Ask{Room: 8}) // which is not there
	g.expect("deliver")
	s.Hold(b.ref(t, s))
	g.expect("hold")
	if err := g.lines.Held(b.member.Node, keptWorld.ID, keptWorld.Stream); err != nil {
		t.Fatal(err)
	}
	b.heldFor(t, s)
	if _, err := s.Export(); err != ErrUnanswered {
		t.Errorf("exported with a request that is not answered: %v", err)
	}
	answer.Respond(&linepb.EchoReply{}, nil)
	g.expect("deliver")
	h, err := s.Export()
	if err != nil {
		t.Fatalf("not exported after the answer: %v", err)
	}
	h.Abandon()
	if e := g.expect("unbind"); e.typ != "world" {
		t.Errorf("unbound: %+v", e)
	}
}

// TestFenced ends a session at once whose gate has seen a newer epoch, however long it would be kept.
func TestFenced(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 8, b.member)
	s := g.enter(b, keptWorld)
	if err := g.lines.Detach(b.member.Node, keptWorld.ID, keptWorld.Stream, fault.Fenced); err != nil {
		t.Fatal(err)
	}
	if d := receive(t, b.detached, "detached"); d.Session != s || d.Code != fault.Fenced {
		t.Errorf("detached: %+v", d)
	}
}

// TestAdopt refuses what it cannot serve, and lets an adopted session end whose gate never comes.
func TestAdopt(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	other := keptWorld
	other.Type = "zone"
	state := func(info SessionInfo) []byte { return newSession(b.srv, nil, info).appendState(nil) }
	if _, err := b.srv.Adopt(state(other)); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a stream of another type: %v", err)
	}
	if _, err := b.srv.Adopt([]byte("nonsense")); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("nonsense: %v", err)
	}
	later := keptWorld
	later.Turn = 9
	if _, err := b.srv.Adopt(state(later)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.srv.Adopt(state(keptWorld)); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a session that a later connection has: %v", err)
	}
	brief := SessionInfo{ID: 5, Stream: 1, Type: "world", Grace: time.Millisecond, Turn: 9}
	s, err := b.srv.Adopt(state(brief))
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.unkeep()
	s.keepFor(time.Millisecond)
	s.mu.Unlock()
	await(t, "it ends", s.Gone)
}

// FuzzState reads the state of a session from any bytes: what is accepted is a session that can be written and read again.
func FuzzState(f *testing.F) {
	srv := NewServer(Config{})
	s := newSession(srv, nil, keptWorld)
	f.Add(s.appendState(nil))
	s.stream.received = 7
	s.Bind("zone", 40)
	for _, body := range []string{"one", "", "three"} {
		if err := s.sendNumbered(wire.Header{Kind: wire.Push, Stream: s.number, Message: 107}, []byte(body)); err != nil {
			f.Fatal(err)
		}
	}
	s.stream.ack(1)
	f.Add(s.appendState(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := srv.readState(b)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("error %v is not invalid", err)
			}
			return
		}
		state := s.appendState(nil)
		if len(state) > len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(state))
		}
		again, err := srv.readState(state)
		if err != nil {
			t.Fatalf("written, it cannot be read: %v", err)
		}
		if len(again.bound) < 2 && !bytes.Equal(again.appendState(nil), state) {
			t.Fatalf("written again:\n%x\nfrom\n%x", again.appendState(nil), state)
		}
	})
}
