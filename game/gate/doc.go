// Package gate is node type 1: it puts framework/gate to work for this game.
//
//	client ─► framework/gate ─► who is it? token's signature, no database ─► newest session of the player wins ─► lines to queue, world, zone
//
// During maintenance nobody new is let in, except for the accounts that the configuration centre lists; who has a session comes back to it. An account that
// is sanctioned is kept out in any case.
//
// It depends on Redis, to know which gate has a player's session and which accounts are kept out, and on the nodes behind it as clients need them. What Redis has lost of
// its sessions it puts back within seconds: those who are to be sent away are found by it. When it dies, its clients
// connect to another gate, which the login web names, and go on with the sessions that they had.
package gate
