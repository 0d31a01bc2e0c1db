// Package actor runs many small state machines in one process. An actor is a state, a mailbox, and a set of handlers
// that run one at a time on that state, so a handler needs no locks.
//
//	                     ┌─────────────── actor "mail" ───────────────┐
//	ref.Tell(msg) ─────► │ mailbox (bounded) ─► turn ─► handler(state)│ ─► Tell, Ask to others
//	Ask(ctx, ref, msg) ◄─┼───────────────── reply or error ◄──────────│
//	timing wheel ──────► └────────────────────────────────────────────┘
//
// What is sent is told apart by its Go type. A kind of actor is a [Behavior] with a handler a type; [Spawn] makes one
// actor of it, a [Pool] makes one for each key, loads it on demand and lets it go when it is idle:
//
//	mail := actor.NewBehavior[Mailbox]()
//	actor.HandleTell(mail, func(m *Mailbox, ctx *actor.Context, s *SendMail) error { return m.add(s) })
//	actor.Handle(mail, func(m *Mailbox, ctx *actor.Context, l *LoadMail) (*Box, error) { return m.load(l) })
//	ref, err := actor.Spawn(sys, "mail", mail, &Mailbox{}, actor.Options{})
//
//	err = ref.Tell(&SendMail{...})                   // says at once when the mailbox is full
//	box, err := actor.Ask(ctx, ref, &LoadMail{...})  // waits, with a deadline, for the *Box
//
// # Where things are
//
// A message goes [Ref] → cell.push → queue; the push that finds the actor idle puts it in line, and a worker's goroutine serves it
// until its queue is empty: an idle actor has no goroutine and keeps no buffer. A handler that blocks holds up its own
// actor and nobody else.
//
//	sending        ref.go, ask.go, call.go, wait.go
//	making actors  spawn.go, pool.go, behavior.go
//	one actor      cell.go and mailbox.go (its queue, its phases, how it ends), context.go
//	running        crew.go (workers), turn.go and handle.go (the loop; the panic boundary), supervise.go
//	time           timer.go, wheel.go, clock.go
//	all of them    system.go, roster.go, stats.go, collector.go, report.go
//
// # What is promised
//
//   - Messages of one sender to one actor are handled in the order of sending, each at most once.
//   - A message that was accepted is handled, unless its actor dies of a panic or its deadline passes first; then whoever
//     asked gets an error, and what was merely told is counted and logged. After an actor's Done, nothing of it runs.
//   - What is asked is answered once: by the handler, or with an error.
//   - An Ask that would come back to an actor waiting in the same chain of calls fails at once, and names the chain.
//   - A mailbox holds no more than it was made for; who finds it full decides what to do. Only the actor's own timers
//     are let in beyond that, at most one message a timer.
//
// It never talks to the network, never persists anything, and never retries.
package actor
