package frameworktest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/rpc"
)

// Sleep is answered when the hero of the number has slept.
var Sleep = rpc.Keyed[*wrapperspb.StringValue]("world.Sleep", func(m *wrapperspb.Int64Value) int64 { return m.GetValue() })

// A hero is the state of an actor.
type hero struct {
	nights int
	bed    actor.Responder
	asleep bool
}

// morning is what a hero tells himself.
type morning struct{}

func (h *hero) sleep(ctx *actor.Context, _ *wrapperspb.Int64Value) (*wrapperspb.StringValue, error) {
	h.bed, h.asleep = ctx.Defer(), true
	ctx.After(8*time.Hour, &morning{})
	return nil, nil
}

func (h *hero) wake(_ *actor.Context, _ *morning) error {
	h.nights++
	h.asleep = false
	h.bed.Respond(wrapperspb.String("good morning"), nil)
	return nil
}

// TestNight is the documentation's example of time: a night passes, and then the ten minutes after which a hero is put away, and nobody has to wait.
func TestNight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mesh := frameworktest.NewMesh(t)
		world, inn := mesh.Add("world"), mesh.Add("inn")
		saved := map[int64]int{}
		load := func(_ *actor.Context, key int64) (*hero, error) { return &hero{nights: saved[key]}, nil }
		heroes := actor.NewPool(world.Actors(), load, actor.PoolConfig{Name: "hero", IdleAfter: 10 * time.Minute})
		actor.HandleTell(heroes.Behavior(), (*hero).wake)
		heroes.Behavior().OnIdle(func(h *hero, _ *actor.Context) bool { return !h.asleep })
		heroes.Behavior().OnStop(func(h *hero, _ *actor.Context) { saved[7] = h.nights })
		rpc.Handle(world, heroes, Sleep, (*hero).sleep)
		if _, err := heroes.Create(7); err != nil {
			t.Fatal(err)
		}
		mesh.Own(7, world)

		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Hour)
		defer cancel()
		reply, err := Sleep.Call(ctx, inn.RPC(), wrapperspb.Int64(7))
		if slept := time.Since(began).Round(time.Minute); err != nil || slept != 8*time.Hour {
			t.Errorf("after %v: %v, %v", slept, reply, err)
		}
		time.Sleep(9 * time.Minute)
		if n := heroes.Len(); n != 1 {
			t.Errorf("after nine minutes there are %d heroes", n)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait() // until everybody waits for something again, which is then to come later
		if n := heroes.Len(); n != 0 || saved[7] != 1 {
			t.Errorf("after eleven minutes there are %d heroes, and %d nights are saved", n, saved[7])
		}
	})
}

// TestMesh has peers of a mesh come to an end in each way that a call can.
func TestMesh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mesh := frameworktest.NewMesh(t)
		first, second, guest := mesh.Add("greeter"), mesh.Add("greeter"), mesh.Add("guest")
		for name, greeter := range map[string]*frameworktest.Peer{"first": first, "second": second} {
			rpc.HandleFunc(greeter, Greet, func(_ context.Context, m *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
				if m.GetValue() == "take your time" {
					time.Sleep(10 * time.Second)
				}
				return wrapperspb.String(m.GetValue() + " from " + name), nil
			})
		}
		greet := func(text string, target rpc.Target) (string, error) {
			reply, err := Greet.Call(t.Context(), guest.RPC(), wrapperspb.String(text), target)
			return reply.GetValue(), err
		}
		if got, err := greet("hello", rpc.To(second.ID())); got != "hello from second" || err != nil {
			t.Errorf("the reply is %q, %v", got, err)
		}
		began := time.Now()
		_, err := greet("take your time", rpc.Any)
		if waited := time.Since(began).Round(time.Second); fault.CodeOf(err) != fault.Deadline || waited != 5*time.Second {
			t.Errorf("a call without an answer ends after %v with %v", waited, err)
		}
		second.Stop()
		for range 10 {
			if got, err := greet("hello", rpc.Any); got != "hello from first" || err != nil {
				t.Errorf("the reply is %q, %v", got, err)
			}
		}
		first.Stop()
		first.Stop() // again, which does nothing
		began = time.Now()
		_, err = greet("hello", rpc.Any)
		if waited := time.Since(began).Round(time.Second); fault.CodeOf(err) != fault.Unavailable || waited != 2*time.Second {
			t.Errorf("with nobody there, a call ends after %v with %v", waited, err)
		}
		if _, err := Sleep.Call(t.Context(), guest.RPC(), wrapperspb.Int64(8)); fault.CodeOf(err) != fault.NotOwner {
			t.Errorf("a key that nobody owns: %v", err)
		}
	})
}
