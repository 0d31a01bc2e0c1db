package gate_test

import (
	"sync/atomic"
	"testing"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// TestNewcomersCanBeRefused lets nobody new in, and those who have a session go on with it.
func TestNewcomersCanBeRefused(t *testing.T) {
	t.Parallel()
	var closed atomic.Bool
	b := startBackend(t, worldNode)
	g, addr := startReal(t, cluster.NewStatic(b.member), func(c *gate.Config) {
		c.Admit = func(who gate.Identity) error {
			if closed.Load() {
				return fault.Errorf(fault.Unavailable, "closed for %d", who.Player)
			}
			return nil
		}
	})
	s := &stack{Gate: g, addrs: map[string]string{"tcp": addr}}
	openStream(t, s.enter(t, "tcp", "1"), 1) // its line is up
	c := s.travel(t, "7")
	closed.Store(true)
	_ = c.conn.Close()
	c.comeBack(t, s)
	c.goOn(t)

	newcomer := s.dial(t, "tcp")
	newcomer.hello(&wirepb.Hello{Protocol: wire.Version, Token: "8"})
	newcomer.expectError(wire.Kick, 0, fault.Unavailable)
	bold := s.dial(t, "tcp") // pretends to have a session
	bold.hello(&wirepb.Hello{Protocol: wire.Version, Token: "8", Resume: make([]byte, 24)})
	bold.expectError(wire.Kick, 0, fault.StartOver)
	if anonymous := s.enter(t, "tcp", ""); anonymous == nil {
		t.Error("an anonymous session was refused")
	}
}
