// Package command carries what operators command to the node that does it, and the result back. Who commands need not be on the mesh: it goes through Redis.
//
//	console, script ── Submit ──► stream ──► public: records it in SQL by its id, does it, records what came of it
//	       ▲                                    │
//	       └────────────── reply ◄──────────────┘
//
//	queue := command.NewQueue(stores)
//	result, err := queue.Submit(ctx, command.Command{ID: id, Name: command.Mute, Args: args, Author: "ann", Reason: "spam"})
//
// A command is done once for its id, however often it is submitted: who has not heard what came of one submits the same again. What is on the stream is public's
// even when public dies: the next leader goes on with it. One that nobody has begun within five minutes, on the clock of Redis, is not done any more: [ErrExpired] is what came
// of it, for good, also for who submits it again. When Redis loses its memory, what was not begun is lost, and its author hears nothing.
//
// A [Handler] does one kind of command. One that is interrupted is done again under the same id, so that it has to use the id as its idempotency key; one that
// cannot is [AtMostOnce].
//
// The package trusts its callers: who may command what is the console's business.
package command
