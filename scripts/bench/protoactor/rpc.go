package main

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/scripts/bench/harness"
)

func startRemote() (*actor.ActorSystem, *remote.Remote) {
	system := actor.NewActorSystem()
	r := remote.NewRemote(system, remote.Configure("127.0.0.1", 0))
	r.Start()
	return system, r
}

// serve is an actor that echoes and one that takes one-way messages.
func serve(h *harness.Host) (addr string, err error) {
	system, _ := startRemote()
	if _, err := system.Root.SpawnNamed(actor.PropsFromFunc(func(c actor.Context) {
		if m, ok := c.Message().(*wrapperspb.BytesValue); ok {
			c.Respond(m)
		}
	}), "echo"); err != nil {
		return "", err
	}
	_, err = system.Root.SpawnNamed(actor.PropsFromFunc(func(c actor.Context) {
		if m, ok := c.Message().(*wrapperspb.BytesValue); ok {
			h.Check(m.Value)
			h.Handled.Add(1)
		}
	}), "sink")
	return system.Address(), err
}

// dial calls them.
func dial(e *harness.Env, _ int) (*harness.Caller, error) {
	system, r := startRemote()
	echo, sink := actor.NewPID(e.Servers[0].Addr, "echo"), actor.NewPID(e.Servers[0].Addr, "sink")
	payload := []byte(harness.Payload[:harness.PayloadSize-2])
	return &harness.Caller{
		Call: func(int) error {
			m, err := system.Root.RequestFuture(echo, &wrapperspb.BytesValue{Value: payload}, timeout).Result()
			if err != nil {
				return err
			}
			if reply, ok := m.(*wrapperspb.BytesValue); !ok || string(reply.Value) != string(payload) {
				return fmt.Errorf("%w: %v", errAnswer, m)
			}
			return nil
		},
		Send: func() error {
			system.Root.Send(sink, &wrapperspb.BytesValue{Value: payload})
			return nil
		},
		Close: func() { r.Shutdown(true) },
	}, nil
}
