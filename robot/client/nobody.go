package client

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// An Ask sends a request over a connection that is nobody's yet, and waits for its answer: a login over the game's own protocol.
//
//	opts.LogIn = func(ctx context.Context, ask client.Ask) (string, error) {
//		reply, err := ask(ctx, &pb.GuestLogin{Device: device})
//		if err != nil { return "", err }
//		return reply.(*pb.LoginReply).GetToken(), nil
//	}
//
// An error of the server's comes back as the *fault.Error that it was. It is for one goroutine, and of no use after LogIn has returned.
type Ask func(ctx context.Context, m proto.Message) (proto.Message, error)

// asker asks over a connection that nobody reads yet.
func (k *connection) asker(registry *wire.Registry) Ask {
	call := uint32(0)
	return func(ctx context.Context, m proto.Message) (proto.Message, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		msg, ok := registry.ForType(m)
		if !ok {
			return nil, fmt.Errorf("%T is not declared for clients", m)
		}
		stream, ok := k.streams[msg.To]
		if !ok {
			return nil, fault.Errorf(fault.Unavailable, "%T goes to %q, which this gate does not reach", m, msg.To)
		}
		call++
		if err := k.control(wire.Header{Kind: wire.Request, Stream: stream, Message: msg.ID, Call: call}, m); err != nil {
			return nil, err
		}
		return k.answered(registry, call)
	}
}

// answered reads until the call is. What else may come to nobody, such as a broadcast, is for nobody.
func (k *connection) answered(registry *wire.Registry, call uint32) (proto.Message, error) {
	for {
		h, body, err := k.raw.read()
		if err != nil {
			return nil, unread(err, "the gate hung up")
		}
		switch {
		case h.Kind == wire.Kick:
			return nil, k.kicked(body)
		case h.Kind == wire.Reset:
			return nil, fault.New(fault.Lost, "the node that was asked is gone")
		case h.Call != call:
		case h.Kind == wire.Error:
			return nil, k.kicked(body)
		case h.Kind == wire.Reply:
			msg, ok := registry.ByID(h.Message)
			if !ok {
				return nil, violation("message %d is not one that this client knows", h.Message)
			}
			m := msg.New()
			return m, k.decode(body, m)
		}
	}
}

// shakeAgain says Hello for somebody, where there was nobody.
func (k *connection) shakeAgain(hello *wirepb.Hello) error {
	clear(k.streams)
	clear(k.known[:])
	return k.shake(hello)
}
