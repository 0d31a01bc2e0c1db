//go:build !race

package actor_test

import (
	"testing"

	"loumiao/framework/actor"
)

// Not parallel: it counts allocations. What is sent is counted, timed and bounded, as always.
func TestMessagesAllocateNothing(t *testing.T) {
	sys, _ := setup(t, actor.Config{})
	told := make(chan struct{}, 1)
	kind := actor.NewBehavior[oracle]()
	actor.Handle(kind, (*oracle).reply)
	actor.HandleTell(kind, func(*oracle, *actor.Context, *ping) error { told <- struct{}{}; return nil })
	ref := spawn(t, sys, kind, &oracle{}, actor.Options{})
	msg := &ping{}
	for name, send := range map[string]func(){
		"tell": func() {
			if err := ref.Tell(msg); err != nil {
				t.Error(err)
			}
			<-told
		},
		"ask": func() {
			if _, err := actor.Ask(t.Context(), ref, ask); err != nil {
				t.Error(err)
			}
		},
	} {
		if allocs := testing.AllocsPerRun(10_000, send); allocs != 0 {
			t.Errorf("%v allocations for each %s", allocs, name)
		}
	}
}
