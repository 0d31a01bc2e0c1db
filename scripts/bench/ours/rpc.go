package ours

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/rpc"
	"loumiao/scripts/bench/harness"
)

var (
	echoFunc  = rpc.Method[*wrapperspb.BytesValue, *wrapperspb.BytesValue]("peer.EchoFunc")
	echoActor = rpc.Method[*wrapperspb.BytesValue, *wrapperspb.BytesValue]("peer.EchoActor")
	sinkFunc  = rpc.Method[*wrapperspb.BytesValue, *emptypb.Empty]("peer.SinkFunc")
	sinkActor = rpc.Method[*wrapperspb.BytesValue, *emptypb.Empty]("peer.SinkActor")
)

const (
	callerNode id.Node = 1
	calleeNode id.Node = 2

	mailbox  = 1 << 17 // of the actor that takes the one-way messages: more than the harness lets be under way
	inField  = harness.PayloadSize - 2
	fullWait = 100 * time.Microsecond // before a sender that was refused for want of room tries again
)

func links(node id.Node, typ string) link.Config {
	return link.Config{Self: link.Peer{Node: node, Boot: id.Boot(node), Type: typ}, Key: bytes.Repeat([]byte{9}, link.KeySize)}
}

type callee struct{ host *harness.Host }

func (c *callee) echo(_ *actor.Context, m *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	return m, nil
}

func (c *callee) sink(_ *actor.Context, m *wrapperspb.BytesValue) (*emptypb.Empty, error) {
	c.host.Check(m.Value)
	c.host.Handled.Add(1)
	return nil, nil
}

// ServeRPC serves echoes and one-way messages, both with functions and with an actor each.
func ServeRPC(h *harness.Host) (addr string, err error) {
	l := links(calleeNode, "peer")
	server := link.NewServer(l)
	r := rpc.New(rpc.Config{Self: l.Self, View: cluster.NewStatic(), Links: l, Server: server})
	c := &callee{h}
	rpc.HandleFunc(r, echoFunc, func(_ context.Context, m *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) { return m, nil })
	rpc.HandleFunc(r, sinkFunc, func(_ context.Context, m *wrapperspb.BytesValue) (*emptypb.Empty, error) { return c.sink(nil, m) }, rpc.Queue(mailbox))

	sys := actor.NewSystem(actor.Config{})
	var echo, sink actor.Ref
	echoes, sinks := actor.NewBehavior[callee](), actor.NewBehavior[callee]()
	rpc.HandleActor(r, func() actor.Ref { return echo }, echoes, echoActor, (*callee).echo)
	rpc.HandleActor(r, func() actor.Ref { return sink }, sinks, sinkActor, (*callee).sink)
	echo, err = actor.Spawn(sys, "echo", echoes, c, actor.Options{})
	if err != nil {
		return "", err
	}
	sink, err = actor.Spawn(sys, "sink", sinks, c, actor.Options{Mailbox: mailbox})
	if err != nil {
		return "", err
	}
	if err := server.Listen("127.0.0.1:0"); err != nil {
		return "", err
	}
	server.Start()
	return server.Addr(), nil
}

// DialFunc calls methods that are served by functions.
func DialFunc(e *harness.Env, _ int) (*harness.Caller, error) { return dial(e, echoFunc, sinkFunc) }

// DialActor calls methods that are served by an actor.
func DialActor(e *harness.Env, _ int) (*harness.Caller, error) { return dial(e, echoActor, sinkActor) }

func dial(e *harness.Env, echo rpc.MethodDef[*wrapperspb.BytesValue, *wrapperspb.BytesValue], sink rpc.MethodDef[*wrapperspb.BytesValue, *emptypb.Empty]) (*harness.Caller, error) {
	l := links(callerNode, "caller")
	view := cluster.NewStatic(cluster.Member{Node: calleeNode, Boot: id.Boot(calleeNode), Type: "peer", Addr: e.Servers[0].Addr, State: cluster.Ready})
	cfg := rpc.Config{Self: l.Self, View: view, Links: l}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := rpc.New(cfg)
	ctx := context.Background()
	payload := []byte(harness.Payload[:inField])
	c := &harness.Caller{
		Call: func(int) error {
			reply, err := echo.Call(ctx, r, &wrapperspb.BytesValue{Value: payload}, rpc.Any)
			if err == nil && !bytes.Equal(reply.GetValue(), payload) {
				err = fmt.Errorf("wrong reply %v", reply)
			}
			return err
		},
		Send: func() error {
			for {
				err := sink.Send(ctx, r, &wrapperspb.BytesValue{Value: payload}, rpc.Any)
				if fault.CodeOf(err) != fault.Overloaded {
					return err
				}
				time.Sleep(fullWait)
			}
		},
		Close: func() {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_ = r.Stop(ctx)
		},
	}
	if err := c.Call(0); err != nil {
		c.Close()
		return nil, errors.Join(errors.New("first call"), err)
	}
	return c, nil
}
