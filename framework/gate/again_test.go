package gate_test

import (
	"net/netip"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// TestAnAnonymousSessionLogsIn has a client that came as nobody say Hello again with a token, on the same connection.
func TestAnAnonymousSessionLogsIn(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		s := start(t, nil)
		c := s.dial(t, transport)
		c.hello(&wirepb.Hello{Protocol: 1})
		before := c.welcome()

		c.send(wire.Header{Kind: wire.Request, Stream: streamAccount, Message: login, Call: 1, Sequence: 1}, nil)
		a := s.lines.next(t, "attach")
		if a.info.Player != 0 || a.info.Address != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("attached: %+v", a.info)
		}
		s.lines.next(t, "forward")

		c.hello(&wirepb.Hello{Protocol: 1, Token: "player:5"})
		if d := s.lines.next(t, "detach"); d.session != a.session || d.node != accNode {
			t.Errorf("detached: %+v", d)
		}
		after := c.welcome()
		if after.GetSession() == before.GetSession() || len(after.GetResume()) == 0 || s.Count() != 1 {
			t.Errorf("welcome %v after %v; %d sessions", after, before, s.Count())
		}
		// A late answer to the session that was anonymous is not for this one.
		s.lines.send(peer(accNode, "account"), a.session, wire.Header{Kind: wire.Reply, Stream: streamAccount, Message: reply, Call: 1, Sequence: 1}, nil)
		c.send(wire.Header{Kind: wire.Request, Stream: streamWorld, Message: enter, Call: 2, Sequence: 1}, nil)
		if a := s.lines.next(t, "attach"); a.info.Player != 5 || uint64(a.session) != after.GetSession() {
			t.Errorf("attached: %+v", a.info)
		}
		s.lines.next(t, "forward")
		s.lines.send(world, c.id, wire.Header{Kind: wire.Reply, Stream: streamWorld, Message: reply, Call: 2, Sequence: 1}, nil)
		if r := c.expect(wire.Reply); r.Call != 2 {
			t.Errorf("reply: %v", r)
		}

		c.hello(&wirepb.Hello{Protocol: 1, Token: "player:6"})
		c.expectError(wire.Kick, 0, fault.Invalid)
	})
}

// TestASecondHelloIsCheckedLikeTheFirst has anonymous clients say what does not let them in.
func TestASecondHelloIsCheckedLikeTheFirst(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hello *wirepb.Hello
		json  bool
		want  fault.Code
	}{
		"no token":       {&wirepb.Hello{Protocol: 1}, false, fault.Invalid},
		"a forged token": {&wirepb.Hello{Protocol: 1, Token: "forged"}, false, fault.Unauthenticated},
		"other bodies":   {&wirepb.Hello{Protocol: 1, Token: "player:5"}, true, fault.Invalid},
		"protocol 2":     {&wirepb.Hello{Protocol: 2, Token: "player:5"}, false, fault.Version},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *gate.Config) { c.MaxSessions = 1 })
			c := s.dial(t, "tcp")
			c.hello(&wirepb.Hello{Protocol: 1})
			c.welcome()
			if test.json {
				c.send(wire.Header{Kind: wire.Hello, Flags: wire.JSON}, []byte(`{"protocol":1,"token":"player:5"}`))
			} else {
				c.hello(test.hello)
			}
			c.expectError(wire.Kick, 0, test.want)
			eventually(t, "the session is gone", func() bool { return s.Count() == 0 })
		})
	}
}
