// Package queue is the login queue: it lets players into an area one after the other, never more than fit.
//
//	client ── EnterQueue ──► desk ── enter ──► Redis   who waits, in order; who holds a place; one-use passes
//	client ◄─ QueueStatus ──┘ ▲                  │ admit, every tick: the first who wait, as many as places are free
//	client ◄─ QueueUpdate ────┤                  │
//	client ◄─ Admitted ───────┴──── clerk ◄──────┘
//	world ─── queue.RedeemPass ────► Redis: the pass becomes a place inside
//	world ─── queue.ReportInside ──► Redis: places are kept while a world names their players
//
// A place is what capacity counts: a pass holds one from the moment it is given out, and the player inside keeps it until his world
// says that he left, or nobody has named him for the grace period. So inside and admitted together never exceed the capacity.
//
// Capacity and rate are live settings: what is published holds from the next admission on, in each area; where nothing is, the node's file does. Fewer places
// than are taken throw nobody out.
//
// The order is that of arrival, by a number from Redis. A player whose connection drops keeps his number for the grace period: those
// behind him may pass while he is away, and when he comes back he stands where he stood. The order outlives the node: the next one finds it,
// takes everybody for absent, and lets nobody in until those who wait have had time to come back.
//
// One node leads; others stand by. All decisions are Lua scripts in Redis, so that two which think that they lead still let nobody in twice. When Redis
// cannot be asked nobody gets in; when it has lost its memory, worlds and connected clients restore it before anybody gets in.
//
// queue knows nothing of what players do inside, and writes no SQL.
package queue
