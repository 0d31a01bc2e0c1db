package line

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line/internal/linepb"
	"loumiao/framework/wire"
)

func TestRequestIsAnswered(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	g.attach(b, world)

	g.request(b, world, 77, &linepb.Enter{})
	e := g.expect("deliver")
	want := wire.Header{Size: len(e.body), Kind: wire.Reply, Stream: 1, Message: 102, Call: 77, Sequence: 1}
	if e.head != want || e.session != world.ID || e.from != 1 {
		t.Fatalf("answered with %+v, want the header %+v", e, want)
	}
	if got := decode(t, e, &linepb.EnterReply{}).GetPlayer(); got != world.Player {
		t.Fatalf("the actor of player %d answered", got)
	}
	s := receive(t, b.entered, "the session")
	if s.ID != world.ID || s.Player != world.Player || s.Account != world.Account || s.Area != world.Area {
		t.Fatalf("the session is %+v", s)
	}
	if b.srv.Sessions() != 1 || b.srv.Gates() != 1 || s.Gone() {
		t.Fatalf("%d sessions at %d gates, gone: %v", b.srv.Sessions(), b.srv.Gates(), s.Gone())
	}
}

func TestRequestsThatFail(t *testing.T) {
	t.Parallel()
	anonymous := SessionInfo{ID: 2, Stream: 1, Type: "world"}
	stranger := SessionInfo{ID: 3, Stream: 1, Type: "world", Player: 300}
	visitor := SessionInfo{ID: 4, Stream: 2, Type: "zone", Player: 400}
	nobody := SessionInfo{ID: 5, Stream: 1, Type: "world", Player: 500}
	tests := map[string]struct {
		from SessionInfo
		m    proto.Message
		body string // in place of m's
		code fault.Code
		text string // part of the message
		not  string // and this is not
	}{
		"message without a handler":    {from: world, m: &linepb.Orphan{}, code: fault.Unimplemented},
		"message to another type":      {from: visitor, m: &linepb.Echo{}, code: fault.Forbidden},
		"message without a reply":      {from: world, m: &linepb.Note{}, code: fault.Invalid, text: "no reply"},
		"message for servers to send":  {from: world, m: &linepb.News{}, code: fault.Unimplemented},
		"body that is none":            {from: world, m: &linepb.Echo{}, body: "\xff\xff\xff", code: fault.Invalid, text: "Echo"},
		"player who did not enter":     {from: stranger, m: &linepb.Echo{}, code: fault.NotOwner, text: "enter first"},
		"session without a player":     {from: anonymous, m: &linepb.Enter{}, code: fault.Unauthenticated},
		"session not attached":         {from: nobody, m: &linepb.Enter{}, code: fault.Unavailable},
		"room that is not there":       {from: world, m: &linepb.Ask{Room: 12345}, code: fault.NotFound},
		"room refused by its key":      {from: world, m: &linepb.Ask{Room: -1}, code: fault.Forbidden, text: "not your room"},
		"panic of a key":               {from: world, m: &linepb.Ask{Room: -2}, code: fault.Internal, not: "no such room"},
		"error of a handler":           {from: world, m: &linepb.Echo{Number: -1}, code: fault.FailedPrecondition, text: "not enough gold"},
		"error with details":           {from: world, m: &linepb.Echo{Number: -2}, code: fault.Internal, not: "secret"},
		"reply that is too large":      {from: world, m: &linepb.Echo{Number: -4}, code: fault.TooLarge},
		"error text that is not UTF-8": {from: world, m: &linepb.Echo{Number: -6}, code: fault.NotFound},
		"panic of a handler":           {from: world, m: &linepb.Echo{Number: -3}, code: fault.Internal, not: "handler"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, 1, func(b *backend, cfg *Config) { cfg.Types = append(cfg.Types, "zone") })
			g := newGate(t, 9, b.member)
			g.enter(b, world)
			for _, s := range []SessionInfo{anonymous, stranger, visitor} {
				g.attach(b, s)
			}
			if tt.body == "" {
				g.request(b, tt.from, 5, tt.m)
			} else {
				h := wire.Header{Kind: wire.Request, Stream: tt.from.Stream, Message: b.srv.cfg.Registry.IDOf(tt.m), Call: 5}
				if err := g.lines.Forward(1, tt.from.ID, h, []byte(tt.body)); err != nil {
					t.Fatal(err)
				}
				g.lines.Flush()
			}
			e := g.expect("deliver")
			code, text := e.failed(t)
			if code != tt.code || !strings.Contains(text, tt.text) || (tt.not != "" && strings.Contains(text, tt.not)) {
				t.Errorf("answered %v: %q", code, text)
			}
			if e.head.Call != 5 || e.session != tt.from.ID || e.head.Stream != tt.from.Stream || e.head.Message != 0 {
				t.Errorf("the answer is for %+v", e)
			}
			// And the line serves on.
			g.request(b, world, 6, &linepb.Enter{})
			if e := g.expect("deliver"); e.head.Kind != wire.Reply || e.head.Call != 6 {
				t.Errorf("afterwards: %+v", e)
			}
		})
	}
}

func TestReplyThatIsNil(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	g.enter(b, world)
	g.request(b, world, 5, &linepb.Echo{Number: -5})
	if e := g.expect("deliver"); e.head.Kind != wire.Reply || len(e.body) != 0 {
		t.Fatalf("a nil reply is an empty one, not %+v", e)
	}
}

func TestSendOfARequestIsHandledAndNotAnswered(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	g.enter(b, world)
	g.send(b, world, 0, &linepb.Enter{})
	receive(t, b.entered, "the session")
	g.request(b, world, 8, &linepb.Echo{})
	if e := g.expect("deliver"); e.head.Call != 8 || e.head.Sequence != 2 {
		t.Fatalf("got %+v", e)
	}
}

func TestHandlersByKeyAndByActor(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	g.attach(b, world)
	anonymous := SessionInfo{ID: 1 << 60, Stream: 1, Type: "world"}
	g.attach(b, anonymous)
	if _, err := b.rooms.Create(5); err != nil {
		t.Fatal(err)
	}

	g.send(b, world, 0, &linepb.Shout{Room: -1, Number: 1}) // the key panics
	g.send(b, world, 0, &linepb.Shout{Room: 6, Number: 2})  // no such room
	g.send(b, world, 0, &linepb.Shout{Room: 5, Number: 3})
	if n := receive(t, b.noted, "a shout"); n != 3 {
		t.Fatalf("shout %d was handled", n)
	}
	g.request(b, world, 1, &linepb.Ask{Room: 5})
	if got := decode(t, g.expect("deliver"), &linepb.EchoReply{}).GetNumber(); got != 5 {
		t.Fatalf("room %d answered", got)
	}
	g.request(b, anonymous, 2, &linepb.Knock{})
	if got := decode(t, g.expect("deliver"), &linepb.KnockReply{}).GetSession(); got != uint64(anonymous.ID) {
		t.Fatalf("the handler saw session %d", got)
	}
	if _, there := b.rooms.Get(6); there {
		t.Fatal("a client made a room")
	}
}

func TestDeferredAnswer(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, func(b *backend, _ *Config) { b.later = make(chan actor.Responder, 1) })
	g := newGate(t, 9, b.member)
	g.attach(b, world)
	if _, err := b.rooms.Create(5); err != nil {
		t.Fatal(err)
	}
	g.request(b, world, 3, &linepb.Ask{Room: 5})
	r := receive(t, b.later, "the responder")
	r.Respond(&linepb.EchoReply{Number: 9}, nil)
	r.Respond(&linepb.EchoReply{Number: 10}, nil)
	if e := g.expect("deliver"); decode(t, e, &linepb.EchoReply{}).GetNumber() != 9 || e.head.Call != 3 {
		t.Fatalf("got %+v", e)
	}

	g.request(b, world, 4, &linepb.Ask{Room: 5})
	receive(t, b.later, "the responder").Respond(&linepb.EnterReply{}, nil) // of another type
	if code, _ := g.expect("deliver").failed(t); code != fault.Internal {
		t.Fatalf("a reply of the wrong type ends with %v", code)
	}
}

func TestRepeatedMessagesAreDropped(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	g.enter(b, world)
	for _, sequence := range []uint32{1, 2, 2, 1, 3, 0, 0, 2, 4} {
		g.send(b, world, sequence, &linepb.Note{Number: int64(sequence)})
	}
	for _, want := range []int64{1, 2, 3, 0, 0, 4} {
		if got := receive(t, b.noted, "a note"); got != want {
			t.Fatalf("note %d, want %d", got, want)
		}
	}
	if got := b.srv.stats.repeated.Load(); got != 3 {
		t.Fatalf("%d counted as repeated", got)
	}
}

func TestFullMailboxAnswersOverloaded(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	b := newBackend(t, 1, func(b *backend, _ *Config) { b.hold = hold })
	g := newGate(t, 9, b.member)
	g.enter(b, world)
	const notes = 500 // the mailbox holds 64, and the handler waits
	g.send(b, world, 0, &linepb.Note{})
	receive(t, b.noted, "the first note at its handler") // a worker that came later would make room
	for i := 1; i < notes; i++ {
		g.send(b, world, 0, &linepb.Note{Number: int64(i)})
	}
	g.request(b, world, 7, &linepb.Echo{})
	if code, _ := g.expect("deliver").failed(t); code != fault.Overloaded {
		t.Fatalf("answered %v", code)
	}
	// The line itself was never blocked: another player is served.
	other := SessionInfo{ID: 2, Stream: 1, Type: "world", Player: 200}
	g.enter(b, other)
	close(hold)
	if refused := b.srv.stats.refused.Load(); refused < notes-100 || refused > notes {
		t.Fatalf("%d of %d notes and a request counted as refused", refused, notes)
	}
}

func TestPushesArriveInOrderAndNumbered(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	s := g.enter(b, world) // its reply is number 1

	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.Push(&linepb.News{Number: 1}))
	check(s.Push(&linepb.Glimpse{Number: 2}))
	s.Bind("zone", 44)
	check(s.Push(&linepb.News{Number: 3}))
	check(b.srv.Multicast([]*Session{s}, &linepb.Glimpse{Number: 4}))
	check(b.srv.Multicast([]*Session{s}, &linepb.News{Number: 5}))
	check(b.srv.Broadcast(&linepb.Glimpse{Number: 6}))
	s.Unbind("zone")
	s.Kick(fault.Replaced, "elsewhere")

	push := func(sequence uint32, message uint16) wire.Header {
		return wire.Header{Kind: wire.Push, Stream: 1, Message: message, Sequence: sequence}
	}
	all := push(0, 107)
	all.Stream = 0
	want := []event{
		{what: "deliver", session: 1, head: push(2, 106)},
		{what: "deliver", session: 1, head: push(0, 107)},
		{what: "bind", session: 1, typ: "zone", node: 44},
		{what: "deliver", session: 1, head: push(3, 106)},
		{what: "multicast", sessions: []id.Session{1}, head: push(0, 107)},
		{what: "deliver", session: 1, head: push(4, 106)},
		{what: "broadcast", head: all},
		{what: "unbind", session: 1, typ: "zone"},
		{what: "kick", session: 1, code: fault.Replaced, reason: "elsewhere"},
	}
	for i, w := range want {
		got := g.next()
		got.from, got.body, got.head.Size = 0, nil, 0
		if fmt.Sprint(got) != fmt.Sprint(w) {
			t.Fatalf("event %d:\ngot  %+v\nwant %+v", i, got, w)
		}
	}
}

func TestNumbersLeaveInOrder(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	s := g.enter(b, world)
	const senders, each = 8, 200
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := range each {
				if err := s.Push(&linepb.News{Number: int64(i*each + n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	next := make([]int64, senders)
	for n := range uint32(senders * each) {
		e := g.expect("deliver")
		if e.head.Sequence != n+2 {
			t.Fatalf("frame %d came after %d", e.head.Sequence, n+1)
		}
		number := decode(t, e, &linepb.News{}).GetNumber()
		sender := number / each
		if number%each != next[sender] {
			t.Fatalf("message %d of sender %d came when %d was due", number%each, sender, next[sender])
		}
		next[sender]++
	}
	wg.Wait()
}

func TestMessagesThatCannotBePushed(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	s := g.enter(b, world)
	tests := map[string]struct {
		err  error
		code fault.Code
	}{
		"without a number":       {s.Push(&linepb.Inner{}), fault.Internal},
		"from clients":           {s.Push(&linepb.Echo{}), fault.Internal},
		"nil":                    {s.Push(nil), fault.Internal},
		"too large":              {s.Push(&linepb.Glimpse{Data: make([]byte, 2<<20)}), fault.TooLarge},
		"not UTF-8":              {s.Push(&linepb.News{Text: "\xff"}), fault.Internal},
		"reliable broadcast":     {b.srv.Broadcast(&linepb.News{}), fault.Invalid},
		"multicast from clients": {b.srv.Multicast([]*Session{s}, &linepb.Echo{}), fault.Internal},
		"too large multicast":    {b.srv.Multicast([]*Session{s}, &linepb.Glimpse{Data: make([]byte, 2<<20)}), fault.TooLarge},
	}
	for name, tt := range tests {
		if got := fault.CodeOf(tt.err); got != tt.code {
			t.Errorf("%s: %v", name, tt.err)
		}
	}
	// None of them used a number up.
	if err := s.Push(&linepb.News{}); err != nil {
		t.Fatal(err)
	}
	if e := g.expect("deliver"); e.head.Sequence != 2 {
		t.Fatalf("the next one has number %d", e.head.Sequence)
	}
}

func TestMulticastIsOneFrameForAGate(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	gates := []*gate{newGate(t, 8, b.member), newGate(t, 9, b.member)}
	var sessions []*Session
	for i := range 50 {
		info := SessionInfo{ID: id.Session(i + 1), Stream: 1, Type: "world", Player: int64(i + 1)}
		sessions = append(sessions, gates[i%2].enter(b, info))
	}
	// One is gone by then.
	if err := gates[0].lines.Detach(1, 1, 1, fault.OK); err != nil {
		t.Fatal(err)
	}
	await(t, "detached", sessions[0].Gone)
	for round := range 3 {
		if err := b.srv.Multicast(sessions, &linepb.Glimpse{Number: int64(round)}); err != nil {
			t.Fatal(err)
		}
		for i, g := range gates {
			e := g.expect("multicast")
			want := 25 - (1 - i)
			if len(e.sessions) != want || slices.ContainsFunc(e.sessions, func(s id.Session) bool { return int(s-1)%2 != i || s == 1 }) {
				t.Fatalf("gate %d: for %v", i, e.sessions)
			}
			if decode(t, e, &linepb.Glimpse{}).GetNumber() != int64(round) {
				t.Fatal("another message")
			}
		}
	}
	if err := b.srv.Broadcast(&linepb.Glimpse{}); err != nil {
		t.Fatal(err)
	}
	for _, g := range gates {
		g.expect("broadcast")
	}
}

func TestAcknowledgedFramesAreForgotten(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	s := g.enter(b, world)
	for range 9 {
		if err := s.Push(&linepb.News{}); err != nil {
			t.Fatal(err)
		}
	}
	kept := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.stream.replay.frames
	}
	if kept() != 10 {
		t.Fatalf("%d frames kept", kept())
	}
	if err := g.lines.Ack(1, world.ID, world.Stream, 7); err != nil {
		t.Fatal(err)
	}
	await(t, "three frames left", func() bool { return kept() == 3 })
}

func TestDetachTellsWhoWatches(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end  func(*gate, *backend)
		code fault.Code
	}{
		"the client left":   {func(g *gate, _ *backend) { _ = g.lines.Detach(1, world.ID, world.Stream, fault.OK) }, fault.OK},
		"it was replaced":   {func(g *gate, _ *backend) { _ = g.lines.Detach(1, world.ID, world.Stream, fault.Replaced) }, fault.Replaced},
		"attached again":    {func(g *gate, b *backend) { g.attach(b, world) }, fault.Replaced},
		"the line broke":    {func(g *gate, _ *backend) { g.view.Remove(1) }, fault.Lost},
		"the gate stopped":  {func(g *gate, _ *backend) { g.stop() }, fault.Lost},
		"the backend stops": {func(_ *gate, b *backend) { _ = b.srv.Stop(context.Background()) }, fault.ShuttingDown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, 1, nil)
			g := newGate(t, 9, b.member)
			s := g.enter(b, world)
			player, _ := b.players.Get(world.Player)
			s.Watch(player) // watching twice is watching once
			tt.end(g, b)
			d := receive(t, b.detached, "the end of the session")
			if d.Session != s || d.Code != tt.code {
				t.Fatalf("told of %v, %v", d.Session.ID, d.Code)
			}
			if err := s.Push(&linepb.News{}); err != ErrDetached {
				t.Errorf("push says %v", err)
			}
			if err := s.Push(&linepb.Glimpse{}); err != ErrDetached {
				t.Errorf("droppable push says %v", err)
			}
			if err := b.srv.Multicast([]*Session{s}, &linepb.News{}); err != nil {
				t.Errorf("multicast says %v", err)
			}
			s.Bind("zone", 1)
			s.Kick(fault.Slow, "")
			s.Watch(player) // at once: and so not the first one's second copy
			if again := receive(t, b.detached, "being told at once"); again.Session != s || again.Code != tt.code {
				t.Fatalf("told late of %v, %v", again.Session.ID, again.Code)
			}
		})
	}
}

// A gate's end must be told to every actor, one whose mailbox is full included.
func TestDetachReachesFullMailboxes(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	b := newBackend(t, 1, func(b *backend, _ *Config) { b.hold = hold })
	g := newGate(t, 9, b.member)
	// One actor watches more sessions than its mailbox holds, and is busy.
	g.enter(b, world)
	player, _ := b.players.Get(world.Player)
	const sessions = 300
	for i := range sessions {
		info := SessionInfo{ID: id.Session(1000 + i), Stream: 1, Type: "world", Player: int64(1000 + i)}
		g.enter(b, info).Watch(player)
	}
	g.send(b, world, 0, &linepb.Note{})
	g.view.Remove(1)
	await(t, "all sessions are gone", func() bool { return b.srv.Sessions() == 0 })
	close(hold)
	seen := map[id.Session]int{}
	for range 1 + 2*sessions { // each session's own player watches it, too
		seen[receive(t, b.detached, "the end of a session").Session.ID]++
	}
	for i := range sessions {
		if n := seen[id.Session(1000+i)]; n != 2 {
			t.Fatalf("session %d ended %d times", 1000+i, n)
		}
	}
}

func TestStoppedActorsAreNotWatchedFor(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, nil)
	g := newGate(t, 9, b.member)
	s := g.enter(b, world)
	for i := range 50 {
		room, err := b.rooms.Create(int64(i))
		if err != nil {
			t.Fatal(err)
		}
		s.Watch(room)
		b.rooms.Remove(int64(i))
		receive(t, room.Done(), "the room's end")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.watchers); n > 2 {
		t.Fatalf("%d actors are still remembered", n)
	}
}

func TestOneNodeOfTwoTypes(t *testing.T) {
	t.Parallel()
	b := newBackend(t, 1, func(_ *backend, cfg *Config) { cfg.Types = append(cfg.Types, "zone") })
	g := newGate(t, 9, b.member)
	asWorld := g.enter(b, world)
	asZone := SessionInfo{ID: world.ID, Stream: 2, Type: "zone", Player: world.Player}
	g.attach(b, asZone)
	g.request(b, asZone, 1, &linepb.Orphan{})
	if e := g.expect("deliver"); e.head.Stream != 2 || e.head.Sequence != 1 {
		t.Fatalf("the zone's stream is not its own: %+v", e)
	}
	if err := g.lines.Detach(1, world.ID, 2, fault.OK); err != nil {
		t.Fatal(err)
	}
	await(t, "the zone's session is gone", func() bool { return b.srv.Sessions() == 1 })
	if asWorld.Gone() {
		t.Fatal("and the world's with it")
	}
}
