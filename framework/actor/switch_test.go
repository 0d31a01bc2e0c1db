package actor_test

import (
	"runtime"
	"runtime/metrics"
	"testing"

	"loumiao/framework/actor"
)

// A rally is one end of a conversation.
type rally struct {
	other actor.Ref
	over  chan struct{}
}

type ball struct{ left int }

// TestConversationsSwitchSeldom counts, on one core, how often goroutines are switched to while two actors tell each other: who is told is served by the worker that served the
// teller, and an ask costs the switch to the actor and the one back.
func TestConversationsSwitchSeldom(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // with two, the runtime moves work between them as it likes
	const messages = 80_000
	sys, _ := setup(t, actor.Config{SlowHandler: -1})
	b := actor.NewBehavior[rally]()
	actor.HandleTell(b, func(r *rally, _ *actor.Context, m *ball) error {
		if m.left--; m.left == 0 {
			close(r.over)
			return nil
		}
		return r.other.Tell(m)
	})
	actor.Handle(b, func(*rally, *actor.Context, *question) (*ping, error) { return nil, nil })
	one, two := &rally{over: make(chan struct{})}, &rally{}
	two.over = one.over
	first := must[actor.Ref](t)(actor.Spawn(sys, "", b, one, actor.Options{}))
	one.other = must[actor.Ref](t)(actor.Spawn(sys, "", b, two, actor.Options{}))
	two.other = first

	for what, c := range map[string]struct {
		most uint64 // switches a hundred messages
		run  func()
	}{
		"told": {1, func() {
			tell(t, first, &ball{left: messages})
			<-one.over
		}},
		"asked": {220, func() {
			for range messages {
				must[*ping](t)(actor.Ask(t.Context(), first, &question{}))
			}
		}},
	} {
		before := switches()
		c.run()
		n := (switches() - before) * 100 / messages
		t.Logf("%s: %d switches a hundred messages", what, n)
		if n > c.most {
			t.Errorf("%s: %d switches between goroutines for a hundred messages; at most %d are needed", what, n, c.most)
		}
	}
	stop(t, sys)
}

// switches is how often goroutines began to run, since the start of the process. The runtime counts one of eight.
func switches() (n uint64) {
	samples := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(samples)
	for _, c := range samples[0].Value.Float64Histogram().Counts {
		n += 8 * c
	}
	return n
}
