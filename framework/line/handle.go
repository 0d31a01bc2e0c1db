package line

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/wire/wirepb"
)

// Handle registers fn for the client message M, answered with an R. It runs on the actor of the session's player, which a message
// declared AUTHENTICATED makes if need be; any other one finds it there, or is refused with [fault.NotOwner]. What fn returns as error
// goes to the client as [fault.Outside] has it.
//
// M must be declared from: CLIENT, to: a type of this node, and not ANONYMOUS; R from: SERVER. [Server.Start] says if they are not.
func Handle[K ~int64, S any, M, R proto.Message](h Host, pool *actor.Pool[K, S], fn func(*S, *actor.Context, M) (R, error)) {
	if rt := declare[M](h.Line(), *new(R)); rt != nil {
		actor.Handle(pool.Behavior(), fn)
		toPlayer(h.Line(), rt, pool)
	}
}

// HandleSend is [Handle] for a message that is answered with nothing. fn's error is logged.
func HandleSend[K ~int64, S any, M proto.Message](h Host, pool *actor.Pool[K, S], fn func(*S, *actor.Context, M) error) {
	if rt := declare[M](h.Line(), nil); rt != nil {
		actor.HandleTell(pool.Behavior(), fn)
		toPlayer(h.Line(), rt, pool)
	}
}

// HandleBy registers fn for the client message M, answered with an R, on the actor that key names, such as a room. The actor must be
// there: otherwise the client is told [fault.NotFound]. key runs on the line's reader, where everybody waits for it: it reads its
// arguments and returns, and may say by an error that the session has no business there. Whether the session's player may do this to
// that actor is for fn to judge, as key is what the client claims.
func HandleBy[K comparable, S any, M, R proto.Message](h Host, pool *actor.Pool[K, S], key func(*Session, M) (K, error), fn func(*S, *actor.Context, M) (R, error)) {
	if rt := declare[M](h.Line(), *new(R)); rt != nil {
		actor.Handle(pool.Behavior(), fn)
		rt.deliver = byKey(pool, key)
	}
}

// HandleSendBy is [HandleBy] for a message that is answered with nothing. fn's error is logged.
func HandleSendBy[K comparable, S any, M proto.Message](h Host, pool *actor.Pool[K, S], key func(*Session, M) (K, error), fn func(*S, *actor.Context, M) error) {
	if rt := declare[M](h.Line(), nil); rt != nil {
		actor.HandleTell(pool.Behavior(), fn)
		rt.deliver = byKey(pool, key)
	}
}

// HandleActor registers fn for the client message M, answered with an R, on one actor for all sessions. b is the actor's behavior,
// which takes handlers only until the actor is spawned; so to says later which one it is. It is asked for each message, on the line's
// reader, and returns at once. Until there is an actor it may return the zero Ref: the client is told [fault.Unavailable].
func HandleActor[S any, M, R proto.Message](h Host, to func() actor.Ref, b *actor.Behavior[S], fn func(*S, *actor.Context, M) (R, error)) {
	if rt := declare[M](h.Line(), *new(R)); rt != nil {
		actor.Handle(b, fn)
		rt.deliver = toActor(to)
	}
}

// HandleActorSend is [HandleActor] for a message that is answered with nothing. fn's error is logged.
func HandleActorSend[S any, M proto.Message](h Host, to func() actor.Ref, b *actor.Behavior[S], fn func(*S, *actor.Context, M) error) {
	if rt := declare[M](h.Line(), nil); rt != nil {
		actor.HandleTell(b, fn)
		rt.deliver = toActor(to)
	}
}

var (
	errNoPlayer   = fault.New(fault.Unauthenticated, "log in first")
	errNotEntered = fault.New(fault.NotOwner, "enter first: the player is not here")
	errNotThere   = fault.New(fault.NotFound, "there is no such thing here")
	errKeyPanic   = fault.New(fault.Internal, "internal error")
)

// toPlayer has the route deliver to the session's player.
func toPlayer[K ~int64, S any](srv *Server, rt *route, pool *actor.Pool[K, S]) {
	if rt.msg.State == wirepb.State_ANONYMOUS {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		srv.problems = append(srv.problems, fmt.Errorf("line: handler of %s: it is for a player's actor, and the message is declared for sessions without a player (ANONYMOUS)", rt.msg.Name))
		return
	}
	create := rt.msg.State == wirepb.State_AUTHENTICATED
	rt.deliver = func(s *Session, m proto.Message, r actor.Responder, deadline time.Time) error {
		if s.Player == 0 {
			return errNoPlayer
		}
		err := pool.Deliver(K(s.Player), create, m, r, deadline)
		if errors.Is(err, actor.ErrNoActor) {
			return errNotEntered
		}
		return err
	}
}

func byKey[K comparable, S any, M proto.Message](pool *actor.Pool[K, S], key func(*Session, M) (K, error)) func(*Session, proto.Message, actor.Responder, time.Time) error {
	return func(s *Session, m proto.Message, r actor.Responder, deadline time.Time) error {
		k, err := guarded(key, s, m.(M))
		if err != nil {
			return err
		}
		err = pool.Deliver(k, false, m, r, deadline)
		if errors.Is(err, actor.ErrNoActor) {
			return errNotThere
		}
		return err
	}
}

// guarded keeps a panic of key, which is not on an actor's turn, from ending the node.
func guarded[K comparable, M proto.Message](key func(*Session, M) (K, error), s *Session, m M) (k K, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.srv.log.Error("the key function of a handler panicked", "message", m.ProtoReflect().Descriptor().FullName(), "panic", r)
			err = errKeyPanic
		}
	}()
	return key(s, m)
}

func toActor(to func() actor.Ref) func(*Session, proto.Message, actor.Responder, time.Time) error {
	return func(_ *Session, m proto.Message, r actor.Responder, deadline time.Time) error {
		return to().Deliver(m, r, deadline)
	}
}
