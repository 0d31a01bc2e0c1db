package line

import (
	"errors"
	"reflect"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

// SessionOf is the session that sent the message in hand. It is nil when that did not come from a client, which can be where a
// handler's message also comes from another actor or node.
func SessionOf(ctx *actor.Context) *Session {
	switch r := ctx.Responder().(type) {
	case *request:
		return r.session
	case *sender:
		return (*Session)(r)
	case *tracedSender:
		return r.session
	}
	return nil
}

// A request is what the client waits for. It is not taken from a pool: a handler that has deferred its answer may still ask for the
// session while another goroutine answers, and must not find another client's.
type request struct {
	session *Session
	route   *route
	call    uint32
	span    trace.Span // if it belongs to a trace
}

// Span makes it a trace.Carrier.
func (r *request) Span() trace.Span { return r.span }

// Respond sends the handler's reply or error to the client.
func (r *request) Respond(msg any, err error) {
	s := r.session
	defer s.calls.Add(-1)
	if err == nil {
		err = r.reply(msg)
	}
	r.span.End(err)
	if err == nil {
		return
	}
	if code, _ := fault.Outside(err); code == fault.Internal {
		s.srv.warn.log(s.srv.log, "a handler failed", "message", r.route.msg.Name, "session", s.ID, "player", s.Player, "error", err)
	}
	s.answer(r.call, err)
}

// reply sends msg. Its error is about msg; if only sending fails there is nobody to tell.
func (r *request) reply(msg any) error {
	m, ok := msg.(proto.Message)
	if !ok || reflect.TypeOf(msg) != r.route.replyType {
		return fault.Wrap(errors.New("line: a reply of another type than the handler was registered with: "+typeName(msg)), fault.Internal, "internal error")
	}
	s := r.session
	buf := getBuffer()
	defer buf.put()
	if err := buf.marshal(m, s.srv.cfg.MaxBody); err != nil {
		return err
	}
	// An answer is numbered whatever its message's delivery: the client waits for it.
	s.unanswered(s.sendNumbered(wire.Header{Kind: wire.Reply, Stream: s.number, Message: r.route.reply.ID, Call: r.call}, buf.b))
	return nil
}

func typeName(v any) string {
	if v == nil {
		return "nil"
	}
	return reflect.TypeOf(v).String()
}

// A sender is a Session as the responder of messages that nobody waits for: so that [SessionOf] finds it.
type sender Session

// Respond lets go of the answer. The actor has logged an error already.
func (s *sender) Respond(any, error) {}

// A tracedSender is a sender whose message belongs to a trace.
type tracedSender struct {
	session *Session
	span    trace.Span
}

// Span makes it a trace.Carrier.
func (t *tracedSender) Span() trace.Span { return t.span }

// Respond ends the span.
func (t *tracedSender) Respond(_ any, err error) { t.span.End(err) }
