package gate_test

import (
	"context"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/id"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// slowAnswers is a registry whose first answer takes until the test lets it.
type slowAnswers struct {
	gate.SessionRegistry
	asked, answer chan struct{}
}

func (r *slowAnswers) Claim(ctx context.Context, player int64, h gate.Holder, again bool) (uint64, *gate.Holder, error) {
	turn, previous, err := r.SessionRegistry.Claim(ctx, player, h, again)
	if previous == nil {
		close(r.asked)
		<-r.answer
	}
	return turn, previous, err
}

// TestALaterClaimEndsAnEarlierOneThatIsStillOnItsWay has the registry's answer to a connection come after that to the next one, which has ended the earlier one
// before there was anything to end.
func TestALaterClaimEndsAnEarlierOneThatIsStillOnItsWay(t *testing.T) {
	t.Parallel()
	registry := &slowAnswers{SessionRegistry: gate.NewOnlyGate(), asked: make(chan struct{}), answer: make(chan struct{})}
	s := start(t, func(c *gate.Config) {
		c.Sessions = registry
		c.KickRemote = func(context.Context, gate.Holder, fault.Code) error { return nil }
	})
	early := s.dial(t, "tcp")
	early.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:1"})
	select {
	case <-registry.asked:
	case <-time.After(patience):
		t.Fatal("the registry is not asked")
	}
	late := s.enter(t, "tcp", "player:1")
	close(registry.answer)
	early.expectError(wire.Kick, 0, fault.Replaced)
	early.expectEnd()
	eventually(t, "one session is left", func() bool { return s.Count() == 1 })
	late.send(wire.Header{Kind: wire.Ping}, nil)
	late.expect(wire.Pong)
	if s.Kick(id.Session(12345), 67, fault.Replaced, "nobody") {
		t.Error("nobody was kicked")
	}
	if n := s.MissedKicks(); n != 0 {
		t.Errorf("%d kicks are kept for nobody", n)
	}
}
