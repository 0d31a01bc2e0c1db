// Package peers is the other libraries as contenders, one file each, but for those that need a module of their own: one whose code
// cannot be in one binary with the rest, and one that needs older versions of what the rest needs.
package peers

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/anthdm/hollywood/actor"
	"github.com/anthdm/hollywood/remote"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/scripts/bench/harness"
)

const (
	answer  = 42
	timeout = 10 * time.Second // for calls of libraries that want one
	inField = harness.PayloadSize - 2
)

var errAnswer = errors.New("wrong answer")

type (
	note     struct{ n int64 }
	question struct{}
)

// Hollywood is github.com/anthdm/hollywood within one process.
type Hollywood struct {
	engine *actor.Engine
	inbox  int // of actors that are made in great numbers; 0 is the default
}

// NewHollywood is an engine. inbox is the size of the inbox of actors that are made in great numbers; 0 is the library's default.
func NewHollywood(inbox int) (*Hollywood, error) {
	e, err := actor.NewEngine(actor.NewEngineConfig())
	return &Hollywood{e, inbox}, err
}

// Count is as in harness.Actors. Inboxes have no bound.
func (h *Hollywood) Count(actors, total int) (send func(actor int), done <-chan struct{}, stop func()) {
	var left atomic.Int64
	left.Store(int64(total))
	end := make(chan struct{})
	pids := h.spawn(actors, 0, func(c *actor.Context) {
		if _, ok := c.Message().(*note); ok && left.Add(-1) == 0 {
			close(end)
		}
	})
	msg := &note{}
	return func(i int) { h.engine.Send(pids[i], msg) }, end, func() { h.stop(pids) }
}

// PingPong is as in harness.Actors.
func (h *Hollywood) PingPong(total int) (start func(), done <-chan struct{}, stop func()) {
	var left atomic.Int64
	left.Store(int64(total))
	end := make(chan struct{})
	pids := h.spawn(2, 0, func(c *actor.Context) {
		m, ok := c.Message().(*note)
		switch {
		case !ok:
		case left.Add(-1) == 0:
			close(end)
		default:
			c.Send(c.Sender(), m)
		}
	})
	return func() { h.engine.SendWithSender(pids[0], &note{}, pids[1]) }, end, func() { h.stop(pids) }
}

// Answer is as in harness.Actors.
func (h *Hollywood) Answer() (ask func() error, stop func()) {
	askOne, stop := h.Spawn(1)
	return func() error { return askOne(0) }, stop
}

// Spawn is as in harness.Actors.
func (h *Hollywood) Spawn(n int) (ask func(actor int) error, stop func()) {
	pids := h.spawn(n, h.inbox, func(c *actor.Context) {
		if _, ok := c.Message().(*question); ok {
			c.Respond(&note{answer})
		}
	})
	msg := &question{}
	return func(i int) error {
		m, err := h.engine.Request(pids[i], msg, timeout).Result()
		if err != nil {
			return err
		}
		if reply, ok := m.(*note); !ok || reply.n != answer {
			return errAnswer
		}
		return nil
	}, func() { h.stop(pids) }
}

func (h *Hollywood) spawn(n, inbox int, receive func(*actor.Context)) []*actor.PID {
	var opts []actor.OptFunc
	if inbox > 0 {
		opts = append(opts, actor.WithInboxSize(inbox))
	}
	pids := make([]*actor.PID, n)
	for i := range pids {
		pids[i] = h.engine.SpawnFunc(receive, "bench", opts...)
	}
	return pids
}

func (h *Hollywood) stop(pids []*actor.PID) {
	for _, pid := range pids {
		<-h.engine.Poison(pid).Done()
	}
}

// ServeHollywood is an actor that echoes and one that takes one-way messages, over hollywood's remote.
func ServeHollywood(h *harness.Host) (addr string, err error) {
	addr, e, err := hollywoodRemote()
	if err != nil {
		return "", err
	}
	e.SpawnFunc(func(c *actor.Context) {
		if m, ok := c.Message().(*wrapperspb.BytesValue); ok {
			c.Respond(m)
		}
	}, "echo", actor.WithID("1"))
	e.SpawnFunc(func(c *actor.Context) {
		if m, ok := c.Message().(*wrapperspb.BytesValue); ok {
			h.Check(m.Value)
			h.Handled.Add(1)
		}
	}, "sink", actor.WithID("1"))
	return addr, nil
}

func hollywoodRemote() (addr string, e *actor.Engine, err error) {
	if addr, err = freeAddr(); err != nil {
		return "", nil, err
	}
	e, err = actor.NewEngine(actor.NewEngineConfig().WithRemote(remote.New(addr, remote.NewConfig())))
	return addr, e, err
}

// DialHollywood calls the actors of [ServeHollywood].
func DialHollywood(e *harness.Env, _ int) (*harness.Caller, error) {
	_, engine, err := hollywoodRemote()
	if err != nil {
		return nil, err
	}
	echo, sink := actor.NewPID(e.Servers[0].Addr, "echo/1"), actor.NewPID(e.Servers[0].Addr, "sink/1")
	payload := []byte(harness.Payload[:inField])
	return &harness.Caller{
		Call: func(int) error {
			m, err := engine.Request(echo, &wrapperspb.BytesValue{Value: payload}, timeout).Result()
			if err != nil {
				return err
			}
			if reply, ok := m.(*wrapperspb.BytesValue); !ok || !bytes.Equal(reply.Value, payload) {
				return fmt.Errorf("%w: %v", errAnswer, m)
			}
			return nil
		},
		Send: func() error {
			engine.Send(sink, &wrapperspb.BytesValue{Value: payload})
			return nil
		},
	}, nil
}

// freeAddr is a loopback address that is free now, for libraries that do not tell which port they got.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
