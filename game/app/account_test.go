package app_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

// TestLogInWithoutHTTP has players come in over one TCP or WebSocket connection each, by every login of the game's own protocol, and play.
func TestLogInWithoutHTTP(t *testing.T) {
	requires(t, "account")
	t.Parallel()
	eachStack(t, func(t *testing.T, s *stack) {
		s.up(t)
		ticket, err := s.ticket(t.Context(), "finds-the-gates")
		if err != nil {
			t.Fatal(err)
		}
		var last *pb.LoginReply
		in := func(m proto.Message, webSocket bool) (*player, error) {
			opts := s.options
			opts.JSON = webSocket
			opts.LogIn = func(ctx context.Context, ask client.Ask) (string, error) {
				reply, err := ask(ctx, m)
				if err != nil {
					return "", err
				}
				last = reply.(*pb.LoginReply)
				return last.GetToken(), nil
			}
			return s.tryConnect(t, address(ticket.Gates[0], webSocket), opts)
		}
		enters := func(m proto.Message, webSocket bool) int64 {
			t.Helper()
			p, err := in(m, webSocket)
			if err != nil {
				t.Fatalf("%T: %v", m, err)
			}
			if got := p.enter().GetProfile().GetPlayer(); got != last.GetPlayer() {
				t.Fatalf("%T logs in player %d, who enters as %d", m, last.GetPlayer(), got)
			}
			_ = p.Close()
			return last.GetPlayer()
		}
		ann := enters(&pb.Register{Name: "Ann", Password: "correct horse"}, false)
		if got := enters(&pb.PasswordLogin{Name: "ann", Password: "correct horse"}, true); got != ann {
			t.Errorf("Ann registers as player %d and logs in as %d", ann, got)
		}
		if got := enters(&pb.RefreshLogin{Refresh: last.GetRefresh()}, false); got != ann {
			t.Errorf("Ann registers as player %d and goes on as %d", ann, got)
		}
		if got := enters(&pb.GuestLogin{Device: "device-of-a-test-finds-the-gates", Area: 1}, false); got != ticket.Player {
			t.Errorf("the device logs in as player %d by HTTP, and as %d without", ticket.Player, got)
		}
		bound := map[string]bool{}
		p, err := in(&pb.GuestLogin{Device: "device-of-a-guest-who-binds"}, false)
		if err != nil {
			t.Fatal(err)
		}
		guest := last.GetPlayer()
		for _, i := range ask[*pb.IdentitiesReply](p, &pb.BindIdentity{Kind: "password", Name: "Bea", Secret: "correct horse"}).GetIdentities() {
			bound[i.GetKind()] = true
		}
		if !bound["password"] || !bound["device"] {
			t.Errorf("a guest who binds a name has %v", bound)
		}
		if _, err := try[*pb.IdentitiesReply](p, &pb.BindIdentity{Kind: "device", Secret: "device-of-a-test-finds-the-gates"}); fault.CodeOf(err) != fault.AlreadyExists {
			t.Errorf("another's device is bound: %v", err)
		}
		logins := ask[*pb.LoginsReply](p, &pb.ListLogins{}).GetLogins()
		if len(logins) == 0 || logins[0].GetId() == "" || logins[0].GetUsedMs() == 0 {
			t.Fatalf("logins: %v", logins)
		}
		if left := ask[*pb.LoginsReply](p, &pb.EndLogin{Id: logins[0].GetId()}).GetLogins(); len(left) != len(logins)-1 {
			t.Errorf("%d logins; after one was ended, %d", len(logins), len(left))
		}
		if left := ask[*pb.LoginsReply](p, &pb.EndLogin{}).GetLogins(); len(left) != 0 {
			t.Errorf("after all logins were ended: %v", left)
		}
		if n := len(ask[*pb.IdentitiesReply](p, &pb.UnbindIdentity{Kind: "device"}).GetIdentities()); n != 1 {
			t.Errorf("%d identities are left", n)
		}
		if _, err := try[*pb.IdentitiesReply](p, &pb.UnbindIdentity{Kind: "password"}); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("the last identity is unbound: %v", err)
		}
		_ = p.Close()
		if got := enters(&pb.PasswordLogin{Name: "bea", Password: "correct horse"}, false); got != guest {
			t.Errorf("the guest was player %d, and with a name is %d", guest, got)
		}
		for name, test := range map[string]struct {
			m    proto.Message
			want fault.Code
		}{
			"a wrong password":   {&pb.PasswordLogin{Name: "ann", Password: "incorrect horse"}, fault.Unauthenticated},
			"a name that is had": {&pb.Register{Name: "ANN", Password: "correct horse"}, fault.AlreadyExists},
			"no such area":       {&pb.GuestLogin{Device: "0123456789abcdef", Area: 1 << 20}, fault.NotFound},
			"a used-up refresh":  {&pb.RefreshLogin{Refresh: ticket.Refresh + "x"}, fault.Unauthenticated},
			"somebody's account": {&pb.ListIdentities{}, fault.Unauthenticated},
			"no such channel":    {&pb.ExternalLogin{Channel: "arcade", Ticket: "x"}, fault.NotFound},
			"not without a name": {&pb.EnterQueue{}, fault.Unauthenticated},
		} {
			if _, err := in(test.m, false); fault.CodeOf(err) != test.want {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
		}
	})
}

// tryConnect is a client that may be refused.
func (s *stack) tryConnect(t *testing.T, addr string, opts client.Options) (*player, error) {
	t.Helper()
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := &player{t: t, pushes: make(chan proto.Message, 4096)}
	opts.Registry = registry
	opts.OnPush = func(m proto.Message) {
		select {
		case p.pushes <- m:
		default: // a test that does not look at them
		}
	}
	if p.Conn, err = client.Dial(ctx, addr, opts); err == nil {
		t.Cleanup(func() { _ = p.Close() })
	}
	return p, err
}
