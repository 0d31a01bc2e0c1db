package zone

import "loumiao/framework/actor"

// A mortal is what an actor has that is counted, listed or offered elsewhere. A panic ends the actor, and then failed has to take all of that back.
type mortal interface{ failed(ctx *actor.Context) }

// guarded is a handler after whose panic the actor has failed.
func guarded[A mortal, M, R any](handle func(A, *actor.Context, M) (R, error)) func(A, *actor.Context, M) (R, error) {
	return func(a A, ctx *actor.Context, m M) (reply R, err error) {
		done := false
		defer func() {
			if !done {
				a.failed(ctx)
			}
		}()
		reply, err = handle(a, ctx, m)
		done = true
		return reply, err
	}
}

// guardedTell is guarded for a handler without a reply.
func guardedTell[A mortal, M any](handle func(A, *actor.Context, M) error) func(A, *actor.Context, M) error {
	guard := guarded(func(a A, ctx *actor.Context, m M) (struct{}, error) { return struct{}{}, handle(a, ctx, m) })
	return func(a A, ctx *actor.Context, m M) error {
		_, err := guard(a, ctx, m)
		return err
	}
}
