package actor

import "context"

// Returns marks a message as a request that is answered with an R. Embed it.
type Returns[R any] struct{}

func (Returns[R]) returns(R) {}

// A Request is a message that embeds Returns[R].
type Request[R any] interface{ returns(R) }

// Ask sends msg and waits for the answer; the message fixes its type.
func Ask[R any](ctx context.Context, to Ref, msg Request[R]) (R, error) { panic("not built yet") }

// AskAny is Ask for messages that cannot embed Returns, such as generated ones.
func AskAny[R any](ctx context.Context, to Ref, msg any) (R, error) { panic("not built yet") }
