package actor

import (
	"context"
	"fmt"
	"reflect"
)

// Returns makes the struct that embeds it a [Request] for an R:
//
//	type LoadMail struct {
//		actor.Returns[*Box]
//		Player int64
//	}
type Returns[R any] struct{}

func (Returns[R]) returns(R) {}

// A Request is a message that is answered with an R, because it embeds [Returns] of R.
type Request[R any] interface{ returns(R) }

// Ask sends msg, a pointer to a struct that embeds [Returns], and waits for the handler's answer:
//
//	box, err := actor.Ask(ctx, mail, &LoadMail{Player: 7})
//
// It waits until ctx ends, or for Config.AskTimeout if ctx has no deadline. In a handler, ctx is the handler's Context or derived
// from it, so that the deadline holds for the whole chain of calls and a cycle is found. The error is the handler's as it
// is, or one of [ErrStopped], [ErrMailboxFull], a [CycleError], or a fault: Deadline and Cancelled (it may still be handled),
// Internal (the handler panicked), Unimplemented (there is no handler).
func Ask[R any](ctx context.Context, to Ref, msg Request[R]) (R, error) {
	reply, err := to.ask(ctx, msg)
	return answer[R](msg, reply, err)
}

// AskAny is [Ask] for messages that cannot embed Returns, such as generated ones: the caller says what R is.
func AskAny[R any](ctx context.Context, to Ref, msg any) (R, error) {
	reply, err := to.ask(ctx, msg)
	return answer[R](msg, reply, err)
}

// answer gives the reply its type. No reply at all, from a tell's handler, is any R that has no content.
func answer[R any](msg, reply any, err error) (R, error) {
	if err != nil {
		var zero R
		return zero, err
	}
	r, ok := reply.(R)
	if !ok {
		want := reflect.TypeFor[R]()
		if empty := want.Kind() == reflect.Interface || want.Size() == 0; reply != nil || !empty {
			return r, fmt.Errorf("actor: a %T is answered with %T, not with %s", msg, reply, want)
		}
	}
	return r, nil
}

func (r Ref) ask(ctx context.Context, msg any) (any, error) {
	if r.cell == nil {
		return nil, ErrStopped
	}
	return r.cell.sys.ask(ctx, r.cell, msg, r.cell.push)
}
