// Package world is node type 3: one actor a player, which owns everything about him while he plays.
//
//	EnterWorld ─► actor of the player ─► queue: is the pass good?  ─► db: load, with a new epoch ─► owner binding ─► profile
//	Greet      ─► actor changes its state, replies; after Config.SaveEvery ─► db: SavePlayer under the epoch ─► SQL, or refused as fenced
//	BuyOffer   ─► actor ─► db: ApplyOp, once for the request: price, limit, goods, bag and ledger in one transaction ─► profile
//	SendChat   ─► actor ─► courier ─► the other's actor, on whichever world; players' actors never wait for each other
//	StartMatch ─► actor ─► match ... match ─► player.Matched ─► actor ─► session is bound to the zone, MatchFound (meanwhile the world stands for the ticket: stand.go)
//	              zone ... db ... zone ─► player.Finished ─► actor ─► MatchEnded
//	EnterField ─► actor ─► zone: which lines, keep a place ─► session is bound to the zone ... zone ─► player.OnField ─► actor (field.go)
//
// It depends on db and queue, on match for matches, and on zone for fields. A player's actor is made by EnterWorld only, and stops a while after the client is
// gone. Whoever loads a player takes a new epoch from SQL, and from then on db refuses every save of an older holder; so a world that
// was only slow or cut off can do no harm.
//
// A world that stops hands its players over to others, with their clients' streams; the clients notice nothing (handover.go). What an older holder still sends to
// a client, or asks of match, is refused by its epoch.
//
// What a player has, his name, his mails and his friends are db's; the actor keeps a copy to show. Who changes them from outside tells the owner:
// player.Changed, player.Mailed, player.Related. Which goods there are, and when a day begins, it asks its Design. Friends' presence and private chat
// are told from owner to owner and kept nowhere: what is said to who is away is refused.
//
// When a world dies, its players enter again, through the same session, at another one: they lose at most Config.SaveEvery of their state.
// The match that a player is in, and those that have ended, are saved before anybody is told, so that the next world brings him back
// into the battle, or finds out how it has ended, and counts it once (rejoin.go). So is the field that he is on. He is on one or in a battle, never both.
// Money and goods are never in that state; db changes them in transactions of their own.
package world
