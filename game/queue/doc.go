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
// than are taken throw nobody out. So is admission: while it is paused players line up and nobody is let in; while it drains nobody new lines up and those who wait are let in; while it is closed neither happens. Those who
// wait keep their numbers through both, also over a drop within the grace period, and who has a place inside comes back to it.
//
// Nobody is let in either while no gate of the area is ready, or those that are have nearly all their room taken by players who are inside: those could not come back
// after a drop, and nobody could line up. Operators read why nobody is let in; see ReadQueue.
//
// Those who wait stand in lanes: the standard one and, if the configuration has them, others. Which lane a newcomer waits in is for the server to say: by queue.priority, a live list of accounts,
// or by a rule of the team's own ([WithLanes]); the client is told it. Lanes in which somebody waits take turns by their shares, and the standard lane's share has a floor,
// so that no other can starve it. Positions and the time that is still to go are those of the lane: of those who were let in from it.
//
// The order in a lane is that of arrival, by a number from Redis. A player whose connection drops keeps his number for the grace period: those
// behind him may pass while he is away, and when he comes back he stands where he stood. The order outlives the node: the next one finds it,
// takes everybody for absent, and lets nobody in until those who wait have had time to come back.
//
// One node leads; others stand by. All decisions are Lua scripts in Redis, so that two which think that they lead still let nobody in twice. When Redis
// cannot be asked nobody gets in; when it has lost its memory, worlds and connected clients restore it before anybody gets in.
//
// queue knows nothing of what players do inside, and writes no SQL.
package queue
