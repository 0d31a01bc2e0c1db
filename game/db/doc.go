// Package db is node type 5: the only writer of the game's tables.
//
//	world, zone ─► db.LoadPlayer, db.SavePlayer, db.RecordMatch ... ─► game/store/player ─► SQL
//
// What a match gives, which level a player has and which mails a new one finds, the design tables say, as they are at that moment.
//
// It depends on SQL alone and keeps nothing in memory, so any number of them serve, and one that dies is replaced by the others: a call that
// was lost with it is safe to repeat, because every change is fenced by the player's epoch or carries an idempotency key. Callers choose
// the node by player, so that one player's calls meet at one node. Who sends a mail here need not tell its player: db does, if he is online. Each
// db deletes expired mails now and then.
package db
