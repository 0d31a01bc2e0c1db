package gate_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/id"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

func TestWelcomeSaysWhatTheClientNeeds(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, func(c *gate.Config) { c.Heartbeat = 3 * time.Second; c.MaxBody = 5000 })
		c := s.dial(t, transport)
		c.hello(&wirepb.Hello{Protocol: 1, Client: "1.0.0", Token: "player:5"})
		w := c.welcome()
		beat := uint32(3000)
		if strings.HasPrefix(transport, "kcp") {
			beat = 600 // its end would not be noticed otherwise
		}
		if w.GetProtocol() != 1 || w.GetSession() == 0 || w.GetHeartbeatMs() != beat || w.GetMaxBody() != 5000 || len(w.GetStreams()) != 4 {
			t.Errorf("welcome: %v", w)
		}
		if n := s.Count(); n != 1 {
			t.Errorf("%d sessions, want 1", n)
		}
	})
}

func TestARequestGoesToABackendAndItsReplyBack(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, nil)
		c := s.enter(t, transport, "player:5")
		c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 11, Sequence: 1}, []byte("hi"))
		a := s.lines.next(t, "attach")
		if a.node != worldNode || a.info.Player != 5 || a.info.Account != 1005 || a.info.Area != 7 || a.info.Type != "world" || a.info.Stream != streamWorld {
			t.Errorf("attached: %+v", a)
		}
		f := s.lines.next(t, "forward")
		if f.frame.Call != 11 || f.frame.Sequence != 1 || string(f.frame.body) != "hi" {
			t.Errorf("forwarded: %v", f.frame)
		}
		s.lines.send(world, c.id, wire.Header{Kind: wire.Reply, Stream: streamWorld, Message: reply, Call: 11, Sequence: 1}, []byte("yo"))
		if r := c.expect(wire.Reply); r.Call != 11 || r.Sequence != 1 || r.Message != reply || string(r.body) != "yo" {
			t.Errorf("reply: %v", r)
		}
		// The stream is open now: a message that needs it open goes through, to the same node.
		c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: act}, nil)
		if f := s.lines.next(t, "forward"); f.node != worldNode || f.frame.Kind != wire.Send {
			t.Errorf("forwarded: %+v", f)
		}
		c.conn.Close()
		if d := s.lines.next(t, "detach"); d.session != c.id || d.node != worldNode {
			t.Errorf("detached: %+v", d)
		}
		eventually(t, "the session is gone", func() bool { return s.Count() == 0 })
	})
}

func TestJSONSessionsAreTranslated(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, nil)
		c := s.dial(t, transport)
		c.json = true
		c.hello(&wirepb.Hello{Protocol: 1, Token: "player:5"})
		c.welcome()
		c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 1}, []byte(`{"number":"9007199254740993"}`))
		s.lines.next(t, "attach")
		body := s.lines.next(t, "forward").frame.body
		if want := []byte{8, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10}; !bytes.Equal(body, want) {
			t.Errorf("forwarded % x, want % x", body, want)
		}
		h := wire.Header{Kind: wire.Reply, Stream: streamWorld, Message: reply, Call: 1}
		s.lines.send(world, c.id, h, body)
		if got := strings.ReplaceAll(string(c.expect(wire.Reply).body), " ", ""); got != `{"number":"9007199254740993"}` {
			t.Errorf("reply: %s", got)
		}
		e, _ := wire.MarshalAppend(nil, wire.ErrorBody(fault.New(fault.NotFound, "no such mail")))
		s.lines.send(world, c.id, wire.Header{Kind: wire.Error, Stream: streamWorld, Call: 2}, e)
		c.expectError(wire.Error, 2, fault.NotFound)
		c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 3}, []byte(`{"nonsense":1}`))
		c.expectError(wire.Error, 3, fault.Invalid)
		c.send(wire.Header{Kind: wire.Ack}, []byte(`{"received":[{"stream":1,"sequence":4}]}`))
		if a := s.lines.next(t, "ack"); a.stream != 1 || a.frame.Sequence != 4 {
			t.Errorf("ack: %+v", a)
		}
		s.Kick(c.id, 0, fault.Forbidden, "bye")
		c.expectError(wire.Kick, 0, fault.Forbidden)
		c.expectEnd()
	})
}

func TestHelloIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hello *wirepb.Hello
		code  fault.Code
	}{
		"another protocol":  {&wirepb.Hello{Protocol: 2, Client: "1.4.0"}, fault.Version},
		"an old client":     {&wirepb.Hello{Protocol: 1, Client: "1.3.9"}, fault.Version},
		"no version":        {&wirepb.Hello{Protocol: 1}, fault.Version},
		"a version of junk": {&wirepb.Hello{Protocol: 1, Client: "new"}, fault.Version},
		"a forged token":    {&wirepb.Hello{Protocol: 1, Client: "2.0.0", Token: "admin"}, fault.Unauthenticated},
		"nobody's token":    {&wirepb.Hello{Protocol: 1, Client: "2.0.0", Token: "player:0"}, fault.Unauthenticated},
		"a resume":          {&wirepb.Hello{Protocol: 1, Client: "2.0.0", Resume: []byte("x")}, fault.StartOver},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *gate.Config) { c.MinClient = "1.4" })
			c := s.dial(t, "tcp")
			c.hello(test.hello)
			c.expectError(wire.Kick, 0, test.code)
			c.expectEnd()
			eventually(t, "no session is left", func() bool { return s.Count() == 0 })
		})
	}
}

func TestMessagesAreRefused(t *testing.T) {
	t.Parallel()
	request := func(stream uint8, message uint16) wire.Header {
		return wire.Header{Kind: wire.Request, Stream: stream, Message: message, Call: 9}
	}
	for name, test := range map[string]struct {
		token string
		h     wire.Header
		code  fault.Code
	}{
		"no such number":                 {"player:1", request(streamWorld, 500), fault.Unimplemented},
		"the highest number":             {"player:1", request(streamWorld, 65535), fault.Unimplemented},
		"a message of servers":           {"player:1", request(streamWorld, reply), fault.Unimplemented},
		"another stream":                 {"player:1", request(streamZone, enter), fault.Invalid},
		"the gate's own stream":          {"player:1", request(0, enter), fault.Invalid},
		"a stream that does not exist":   {"player:1", request(200, enter), fault.Invalid},
		"a type without a route":         {"player:1", request(streamWorld, nobody), fault.Unavailable},
		"anonymous, for players":         {"", request(streamWorld, enter), fault.Unauthenticated},
		"not bound, and never picked":    {"player:1", request(streamZone, join), fault.FailedPrecondition},
		"not bound, though it is picked": {"player:1", request(streamWorld, act), fault.FailedPrecondition},
		"anonymous and not bound":        {"", request(streamWorld, act), fault.FailedPrecondition},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			c := s.enter(t, "tcp", test.token)
			send := test.h
			send.Kind, send.Call = wire.Send, 0
			c.send(send, nil) // refused too, in silence
			c.send(test.h, nil)
			c.expectError(wire.Error, 9, test.code)
			c.send(wire.Header{Kind: wire.Ping, Call: 1}, nil)
			c.expect(wire.Pong)
			if n := len(s.lines.events); n != 0 {
				t.Errorf("%d events reached the lines", n)
			}
		})
	}
}

func TestAnonymousMessagesPass(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.enter(t, "tcp", "")
	c.send(wire.Header{Kind: wire.Request, Stream: streamAccount, Message: login, Call: 1}, nil)
	if a := s.lines.next(t, "attach"); a.node != accNode || a.info.Player != 0 {
		t.Errorf("attached: %+v", a)
	}
	s.lines.next(t, "forward")
}

func TestPingBringsItsBodyBack(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		c := start(t, nil).enter(t, transport, "")
		c.send(wire.Header{Kind: wire.Ping, Call: 77}, []byte("now"))
		if f := c.expect(wire.Pong); f.Call != 77 || string(f.body) != "now" {
			t.Errorf("got %v", f)
		}
	})
}

func TestNobodyThereIsUnavailableAndTheNextIsTried(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.lines.cut(worldNode)
	c := s.enter(t, "tcp", "player:1")
	h := wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 1}
	c.send(h, nil)
	c.expectError(wire.Error, 1, fault.Unavailable)

	s.view.Set(cluster.Member{Node: otherNode, Boot: 1, Type: "world", State: cluster.Ready, Addr: "127.0.0.1:1"})
	c.send(h, nil) // to the one whose line is up, however the dice fall
	if a := s.lines.next(t, "attach"); a.node != otherNode {
		t.Errorf("attached to %d, want %d", a.node, otherNode)
	}
}

func TestPickMindsAreaStateAndOwner(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *gate.Config) {
		c.Routes[0].Pick = gate.PickOwner
		c.Owner = func(_ context.Context, player int64) (id.Node, error) {
			switch player {
			case 2:
				return otherNode, nil
			case 3:
				return 34, nil
			}
			return 0, nil
		}
	})
	member := cluster.Member{Boot: 1, Type: "world", State: cluster.Ready, Addr: "127.0.0.1:1"}
	add := func(n id.Node, area uint16, state cluster.State) {
		m := member
		m.Node, m.Area, m.State = n, area, state
		s.view.Set(m)
	}
	add(worldNode, 8, cluster.Ready)    // another area
	add(otherNode, 7, cluster.Draining) // takes nobody new, but has player 2
	add(33, 7, cluster.Ready)
	add(34, 7, cluster.Standby) // serves nobody, whatever it has
	for player, want := range map[string]id.Node{"player:1": 33, "player:2": otherNode, "player:3": 33} {
		c := s.enter(t, "tcp", player)
		c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
		if a := s.lines.next(t, "attach"); a.node != want {
			t.Errorf("%s went to %d, want %d", player, a.node, want)
		}
		s.lines.next(t, "forward")
	}
}

func TestSessionsSpreadOverNodes(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.view.Set(cluster.Member{Node: otherNode, Boot: 1, Type: "world", State: cluster.Ready, Addr: "127.0.0.1:1"})
	count := map[id.Node]int{}
	for i := range 20 {
		c := s.enter(t, "tcp", fmt.Sprint("player:", i+1))
		c.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
		count[s.lines.next(t, "attach").node]++
		s.lines.next(t, "forward")
	}
	if count[worldNode] != 10 || count[otherNode] != 10 {
		t.Errorf("20 sessions on two nodes: %v", count)
	}
}

func TestASecondLoginReplacesTheFirst(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, nil)
		first := s.enter(t, transport, "player:5")
		first.send(wire.Header{Kind: wire.Send, Stream: streamWorld, Message: enter}, nil)
		s.lines.next(t, "attach")
		s.lines.next(t, "forward")
		second := s.enter(t, transport, "player:5")
		if d := s.lines.next(t, "detach"); d.session != first.id || d.code != fault.Replaced {
			t.Errorf("detached: %+v", d)
		}
		first.expectError(wire.Kick, 0, fault.Replaced)
		first.expectEnd()
		first.conn.Close()
		eventually(t, "the first session is gone", func() bool { return s.Count() == 1 })
		third := s.enter(t, transport, "player:5") // the first one's end has not freed the second one's place
		second.expectError(wire.Kick, 0, fault.Replaced)
		third.send(wire.Header{Kind: wire.Ping}, nil)
		third.expect(wire.Pong)
	})
}

func TestASessionOnAnotherGateIsReplaced(t *testing.T) {
	t.Parallel()
	shared := &sharedSessions{holders: map[int64]gate.Holder{5: {Node: 99, Session: 1234, Turn: 5678}}}
	type kick struct {
		gate.Holder
		code fault.Code
	}
	kicked := make(chan kick, 1)
	s := start(t, func(c *gate.Config) {
		c.Sessions = shared
		c.KickRemote = func(_ context.Context, h gate.Holder, code fault.Code) error {
			kicked <- kick{h, code}
			return nil
		}
	})
	c := s.enter(t, "tcp", "player:5")
	if got := <-kicked; got != (kick{gate.Holder{Node: 99, Session: 1234, Turn: 5678}, fault.Replaced}) {
		t.Errorf("kicked %+v", got)
	}
	c.conn.Close()
	eventually(t, "the place is free", func() bool { return shared.holder(5) == gate.Holder{} })
}

type sharedSessions struct {
	mu      sync.Mutex
	holders map[int64]gate.Holder
	last    uint64 // turn that was given out
}

func (s *sharedSessions) holder(player int64) gate.Holder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holders[player]
}

func (s *sharedSessions) Claim(_ context.Context, player int64, h gate.Holder, again bool) (turn uint64, previous *gate.Holder, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, held := s.holders[player]; held {
		if again && before.Session != h.Session {
			return 0, nil, gate.ErrReplaced
		}
		previous = &before
	}
	h.Turn = max(gate.NextTurn(time.Now(), previous), s.last+1)
	s.last = h.Turn
	s.holders[player] = h
	return h.Turn, previous, nil
}

func (s *sharedSessions) Release(_ context.Context, player int64, h gate.Holder) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders[player] == h {
		delete(s.holders, player)
	}
	return nil
}

func TestDrainAndStop(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, nil)
		old := s.enter(t, transport, "player:1")
		s.Drain()
		late := s.dial(t, transport)
		late.hello(&wirepb.Hello{Protocol: 1})
		late.expectError(wire.Kick, 0, fault.ShuttingDown)
		old.send(wire.Header{Kind: wire.Ping}, nil)
		old.expect(wire.Pong)
		half := s.dial(t, "tcp") // says nothing
		stopped := make(chan error, 1)
		go func() { stopped <- s.Stop(context.Background()) }()
		old.expectError(wire.Kick, 0, fault.ShuttingDown)
		old.expectEnd()
		half.expectEnd()
		old.conn.Close()
		half.conn.Close()
		late.conn.Close()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if err := s.Stop(context.Background()); err != nil {
			t.Errorf("a second stop: %v", err)
		}
	})
}

func TestStopCutsThoseWhoDoNotListen(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for range 10 {
		s.enter(t, "tcp", "") // none of them reads or closes
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Stop(ctx)
	if n := s.Count(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestConfigSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := gate.New(gate.Config{
		MinClient: "x", MaxBody: -1, Heartbeat: time.Microsecond,
		Routes:   []gate.Route{{Type: "a", Stream: 1}, {Type: "a", Stream: 2}, {Type: "b", Stream: 1}, {Type: "c", Stream: 3, Pick: gate.PickOwner}},
		Sessions: &sharedSessions{},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"Self.Node", "Registry", "View", "Listen", "KickRemote", "MinClient", "MaxBody", "Heartbeat", "Routes[1].Type", "Routes[2].Stream", "Owner",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s:\n%v", want, err)
		}
	}
}

// TestALaterHelloInJSON is told what is wrong, although it has fields that this version does not know.
func TestALaterHelloInJSON(t *testing.T) {
	t.Parallel()
	c := start(t, nil).dial(t, "tcp")
	c.json = true
	c.send(wire.Header{Kind: wire.Hello, Flags: wire.JSON}, []byte(`{"protocol":2,"client":"9.0.0","later":{"more":1}}`))
	c.expectError(wire.Kick, 0, fault.Version)
}
