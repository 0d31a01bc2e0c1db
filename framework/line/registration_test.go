package line

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/line/internal/linepb"
	"loumiao/framework/link"
)

func testServer(t *testing.T) *Server {
	t.Helper()
	return NewServer(Config{Registry: testRegistry(t), Links: link.NewServer(linkConfig(1, 1, "world")), Types: []string{"world"}})
}

// told is a handler that is never called.
func told[M any](*player, *actor.Context, M) error { return nil }

func asked[M, R any](*player, *actor.Context, M) (r R, err error) { return r, nil }

func TestWrongRegistrations(t *testing.T) {
	t.Parallel()
	door := func() actor.Ref { return actor.Ref{} }
	tests := map[string]struct {
		register func(*Server, *actor.Behavior[player])
		say      string
	}{
		"without a number": {func(s *Server, b *actor.Behavior[player]) { HandleActorSend(s, door, b, told[*linepb.Inner]) }, "has no number"},
		"from servers":     {func(s *Server, b *actor.Behavior[player]) { HandleActorSend(s, door, b, told[*linepb.News]) }, "from: CLIENT"},
		"to another type":  {func(s *Server, b *actor.Behavior[player]) { HandleActorSend(s, door, b, told[*linepb.Elsewhere]) }, `"zone"`},
		"reply of clients": {func(s *Server, b *actor.Behavior[player]) { HandleActor(s, door, b, asked[*linepb.Echo, *linepb.Note]) }, "from: SERVER"},
		"reply undeclared": {func(s *Server, b *actor.Behavior[player]) {
			HandleActor(s, door, b, asked[*linepb.Echo, *linepb.Inner])
		}, "from: SERVER"},
		"an interface": {func(s *Server, b *actor.Behavior[player]) { HandleActorSend(s, door, b, told[proto.Message]) }, "interface"},
		"twice": {func(s *Server, b *actor.Behavior[player]) {
			HandleActorSend(s, door, b, told[*linepb.Note])
			HandleActorSend(s, door, b, told[*linepb.Note])
		}, "already"},
		"player of an anonymous session": {func(s *Server, _ *actor.Behavior[player]) {
			pool := actor.NewPool(actor.NewSystem(actor.Config{}), func(*actor.Context, int64) (*player, error) { return nil, nil }, actor.PoolConfig{})
			Handle(s, pool, asked[*linepb.Knock, *linepb.KnockReply])
		}, "ANONYMOUS"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testServer(t)
			tt.register(s, actor.NewBehavior[player]())
			if err := s.Start(); err == nil || !strings.Contains(err.Error(), tt.say) {
				t.Fatalf("start says %v", err)
			}
		})
	}

	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		s := testServer(t)
		for _, tt := range tests {
			if tt.say != "already" {
				tt.register(s, actor.NewBehavior[player]())
			}
		}
		err := s.Start()
		for name, tt := range tests {
			if tt.say != "already" && !strings.Contains(err.Error(), tt.say) {
				t.Errorf("nothing about %s in: %v", name, err)
			}
		}
	})
}

func TestRegistrationAfterStartPanics(t *testing.T) {
	t.Parallel()
	s := testServer(t)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	HandleActorSend(s, func() actor.Ref { return actor.Ref{} }, actor.NewBehavior[player](), told[*linepb.Note])
}

func TestWrongConfigurations(t *testing.T) {
	t.Parallel()
	err := NewServer(Config{RequestTimeout: -1, MaxBody: -1, ReplayFrames: -1, ReplayBytes: -1}).Start()
	for _, field := range []string{"Registry", "Links", "Types", "RequestTimeout", "MaxBody", "ReplayFrames", "ReplayBytes"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("server: nothing about %s in %v", field, err)
		}
	}
	err = NewLines(LinesConfig{MinBackoff: -1, MaxBackoff: -1}).Start()
	for _, field := range []string{"View", "Links", "Types", "Downstream", "MinBackoff", "MaxBackoff"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("lines: nothing about %s in %v", field, err)
		}
	}
	if err := (LinesConfig{Types: []string{"world,zone"}}).Validate(); !strings.Contains(err.Error(), "world,zone") {
		t.Errorf("lines: %v", err)
	}
}
