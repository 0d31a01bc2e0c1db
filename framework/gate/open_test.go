package gate_test

import (
	"context"
	"testing"

	"loumiao/framework/gate"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// TestOpen has clients that come while the gate does not know the cluster yet wait at the door, and be let in once it does.
func TestOpen(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"tcp", "kcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			s := startAs(t, &stack{shut: true}, nil)
			s.lines.settled = make(chan struct{})
			c := s.dial(t, transport)
			c.hello(&wirepb.Hello{Protocol: wire.Version, Token: "player:1"})

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Open(ctx); err == nil {
				t.Fatal("it has opened without lines")
			}
			if n := s.Count(); n != 0 {
				t.Fatalf("%d sessions before it is open", n)
			}
			close(s.lines.settled)
			if err := s.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.welcome()
			if err := s.Open(t.Context()); err == nil {
				t.Fatal("it opens twice")
			}
		})
	}
}

// TestOpenNeedsStart has a gate that does not listen, or not any more, stay shut.
func TestOpenNeedsStart(t *testing.T) {
	t.Parallel()
	s := startAs(t, &stack{shut: true}, func(*gate.Config) {})
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context()); err == nil {
		t.Fatal("a gate that has stopped opens")
	}
}
