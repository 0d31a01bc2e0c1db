// Package world is node type 3: one actor a player, which owns everything about him while he plays.
//
//	EnterWorld ─► actor of the player ─► queue: is the pass good?  ─► db: load, with a new epoch ─► owner binding ─► profile
//	Greet      ─► actor changes its state, replies; after Config.SaveEvery ─► db: SavePlayer under the epoch ─► SQL, or refused as fenced
//	StartMatch ─► actor ─► match ... match ─► player.Matched ─► actor ─► session is bound to the zone, MatchFound
//	              zone ... db ... zone ─► player.Finished ─► actor ─► MatchEnded
//
// It depends on db and queue, and on match for matches. A player's actor is made by EnterWorld only, and stops a while after the client is
// gone. Whoever loads a player takes a new epoch from SQL, and from then on db refuses every save of an older holder; so a world that
// was only slow or cut off can do no harm.
//
// A world that stops hands its players over to others, with their clients' streams; the clients notice nothing (handover.go). What an older holder still sends to
// a client, or asks of match, is refused by its epoch.
//
// When a world dies, its players enter again, through the same session, at another one: they lose at most Config.SaveEvery of their state.
// The match that a player is in, and those that have ended, are saved before anybody is told, so that the next world brings him back
// into the battle, or finds out how it has ended, and counts it once (rejoin.go).
// Money and goods are never in that state; db changes them in transactions of their own.
package world
